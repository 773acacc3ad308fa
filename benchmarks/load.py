"""Servers to measure, and the load that is put on them: wrk over loopback. Knows nothing of what the tables show."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

# What wrk replaces in each request, with as many characters.
EDGE = "benchmark-boundary".ljust(32, "x")
PROMPT = "benchmark-prompt".ljust(32, "x")
# Draws boundaries as httpx does: 16 random bytes in hexadecimal.
LUA = """
local random, digits = io.open("/dev/urandom", "rb"), ("%%02x"):rep(16)
local pieces, prompt, before, after = {}, nil, nil, nil

local function token()
  return digits:format(random:read(16):byte(1, 16))
end

function init()
  local file = io.open(os.getenv("BENCHMARK_REQUEST"), "rb")
  local text, at = file:read("*a"), 1
  file:close()
  while at do
    local first, last = text:find("%(edge)s", at, true)
    table.insert(pieces, text:sub(at, first and first - 1))
    at = last and last + 1
  end
  for number, piece in ipairs(pieces) do
    local first, last = piece:find("%(prompt)s", 1, true)
    if first then
      prompt, before, after = number, piece:sub(1, first - 1), piece:sub(last + 1)
    end
  end
end

function request()
  if prompt then
    pieces[prompt] = before .. token() .. after
  end
  return table.concat(pieces, token())
end
"""


def form(picture: bytes, **fields: str) -> bytes:
    """An edit as multipart."""
    parts = [
        f'--{EDGE}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in {"model": "gpt-image-2", "prompt": "Make it night", "quality": "low", **fields}.items()
    ]
    head = (
        f'--{EDGE}\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    )
    return b"".join([*parts, head.encode(), picture, f"\r\n--{EDGE}--\r\n".encode()])


def free() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


class Process(NamedTuple):
    """A server's process, and the seconds from its start to its first response."""

    pid: int
    start: float


@contextlib.contextmanager
def serving(
    command: Sequence[str], port: int, path: str, environment: dict[str, str] | None = None, folder: Path | None = None
) -> Iterator[Process]:
    """A server in a process of its own, whose working directory is `folder`."""
    # Modules are compiled once, as where they are installed.
    variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", **(environment or {})}
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=variables)
    try:
        _wait(process, f"http://127.0.0.1:{port}{path}")
        yield Process(process.pid, time.perf_counter() - began)
    finally:
        process.terminate()
        process.wait(10)


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    end = time.perf_counter() + 30
    while process.poll() is None and time.perf_counter() < end:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                response.read()
            return
        except OSError:
            time.sleep(0.005)
    raise SystemExit(f"{url} does not answer")


def mock(port: int, *options: str) -> list[str]:
    """The command of this server."""
    return [sys.executable, "-m", "mockserver", "--port", str(port), *options]


def peer(name: str, port: int) -> list[str]:
    """The command of a route of benchmarks/peers.py on the same uvicorn."""
    uvicorn = [sys.executable, "-m", "uvicorn", "--http", "httptools", "--log-level", "critical", "--no-access-log"]
    return [*uvicorn, "--port", str(port), f"benchmarks.peers:{name}"]


class Load(NamedTuple):
    """What wrk measured: requests, requests a second, and the server's CPU time for each request in microseconds."""

    requests: int
    rate: float
    cpu: float


def put(port: int, pid: int, body: bytes, connections: int, seconds: int) -> Load:
    """Have wrk send an edit, with a new boundary each time; and with a new prompt, if its prompt is PROMPT.

    `pid` is the process that listens on the port. Exits if a response has a status other than 2xx.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("wrk is missing; Debian has it: apt-get install wrk")
    head = (
        f"POST /v1/images/edits HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer sk-benchmark\r\n"
        f"Content-Type: multipart/form-data; boundary={EDGE}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        script, request = Path(folder, "post.lua"), Path(folder, "request")
        script.write_text(LUA % {"edge": EDGE, "prompt": PROMPT})
        request.write_bytes(head.encode() + body)
        began = cpu_seconds(pid)
        done = subprocess.run(
            [
                wrk,
                "-t1",
                f"-c{connections}",
                f"-d{seconds}s",
                "--timeout",
                "10s",
                "-s",
                script,
                f"http://127.0.0.1:{port}",
            ],
            capture_output=True,
            text=True,
            env={**os.environ, "BENCHMARK_REQUEST": str(request)},
            check=True,
        )
        spent = cpu_seconds(pid) - began
    found = re.search(r"(\d+) requests in .*Requests/sec:\s+([\d.]+)", done.stdout, re.DOTALL)
    if found is None or found[1] == "0" or "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise SystemExit(f"not every request was served:\n{done.stdout}{done.stderr}")
    requests = int(found[1])
    return Load(requests, float(found[2]), spent / requests * 1e6)


def cpu_seconds(pid: int) -> float:
    """The user and system time of a process and all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

"""Servers to measure, and the load that is put on them: wrk over loopback. Knows nothing of what the tables show."""

import contextlib
import json
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

EDGE = "benchmark-boundary"
LUA = """
wrk.method = "POST"
local file = io.open(os.getenv("BENCHMARK_BODY"), "rb")
wrk.body = file:read("*a")
file:close()
wrk.headers["Content-Type"] = "multipart/form-data; boundary=%s"
wrk.headers["Authorization"] = "Bearer sk-benchmark"
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


@contextlib.contextmanager
def serving(command: Sequence[str], port: int, path: str, environment: dict[str, str] | None = None) -> Iterator[float]:
    """A server in a process of its own; gives the seconds until its first answer."""
    # Modules are compiled once, as where they are installed.
    told = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", **(environment or {})}
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=told)
    try:
        yield _first(process, f"http://127.0.0.1:{port}{path}", began)
    finally:
        process.terminate()
        process.wait(10)


def _first(process: subprocess.Popen[bytes], url: str, began: float) -> float:
    while process.poll() is None and time.perf_counter() - began < 30:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                answer.read()
            return time.perf_counter() - began
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


def aimock(port: int, folder: str) -> list[str] | None:
    """The command of npm's aimock, if it is there, set up to answer the same edit."""
    command = shutil.which("aimock")
    fixture = {
        "match": {"userMessage": "Make it night", "endpoint": "image"},
        "response": {"image": {"b64Json": "QUJD"}},
    }
    Path(folder, "fixtures.json").write_text(json.dumps({"fixtures": [fixture]}))
    Path(folder, "aimock.json").write_text(json.dumps({"llm": {"fixtures": str(Path(folder, "fixtures.json"))}}))
    return None if command is None else [command, "-c", str(Path(folder, "aimock.json")), "-p", str(port)]


def put(port: int, body: bytes, connections: int, seconds: float) -> float:
    """Requests a second that wrk gets answered. Ends the run where one was refused."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("wrk is missing; Debian has it: apt-get install wrk")
    with tempfile.TemporaryDirectory() as folder:
        script, data = Path(folder, "post.lua"), Path(folder, "body")
        script.write_text(LUA % EDGE)
        data.write_bytes(body)
        url = f"http://127.0.0.1:{port}/v1/images/edits"
        done = subprocess.run(
            [wrk, "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "10s", "-s", str(script), url],
            capture_output=True,
            text=True,
            env={**os.environ, "BENCHMARK_BODY": str(data)},
            check=True,
        )
    if "Non-2xx" in done.stdout or "Requests/sec:      0" in done.stdout:
        raise SystemExit(f"refused:\n{done.stdout}")
    return float(re.findall(r"Requests/sec:\s+([\d.]+)", done.stdout)[0])

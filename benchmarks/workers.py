"""How much two workers do against one, both with their state in a Redis of their own; wrk asks over loopback.

Run it with nothing else on the machine: `python benchmarks/workers.py [SECONDS] [CONNECTIONS]`. Prints a table.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

HOME = Path(__file__).parents[1]
ROUNDS = 9
# A session for each connection, as callers have; all of one session would wait for each other's turn.
ASK = """
local number = 0
function setup(thread) thread:set("thread", number) number = number + 1 end
local asked, count = {}, 0
function init()
  local head = {["Content-Type"] = "application/json", ["Authorization"] = "Bearer test"}
  local body = '{"model": "gpt-image-2", "prompt": "a house", "size": "1024x1024"}'
  for session = 1, 64 do
    local path = "/__mock/s/t" .. thread .. "-" .. session .. "/v1/images/generations"
    asked[session] = wrk.format("POST", path, head, body)
  end
end
function request()
  count = count % 64 + 1
  return asked[count]
end
"""


@contextlib.contextmanager
def process(*words: str) -> Iterator["subprocess.Popen[str]"]:
    """A process, for as long as the block lasts."""
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=HOME) as started:
        try:
            yield started
        finally:
            started.terminate()
            started.wait()


@contextlib.contextmanager
def redis(folder: str) -> Iterator[str]:
    """A Redis that keeps nothing; its URL."""
    path = Path(folder) / "redis"
    with process("redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"):
        while not path.exists():
            time.sleep(0.02)
        yield f"unix://{path}?db=0"


@contextlib.contextmanager
def served(count: int) -> Iterator[str]:
    """So many workers on a Redis of their own; the URL at which they serve."""
    with tempfile.TemporaryDirectory(prefix="ms") as folder, redis(folder) as state:
        options = ("--port", "0", "--paint", "flat", "--workers", str(count), "--state", state)
        with process(sys.executable, "-m", "mockserver", *options) as server:
            assert server.stdout is not None
            yield server.stdout.readline().split()[3]


def rate(root: str, script: Path, seconds: int, connections: int) -> float:
    """Requests a second that are answered there."""
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), root]
    told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in told:
        raise SystemExit(f"not every answer was a success:\n{told}")
    found = re.search(r"Requests/sec:\s+([0-9.]+)", told)
    assert found
    return float(found[1])


def main() -> None:
    """Print the table."""
    seconds, connections = (int(word) for word in (*sys.argv[1:], *("2", "16")[len(sys.argv) - 1 :]))
    for needed in ("redis-server", "wrk"):
        if not shutil.which(needed):
            raise SystemExit(f"{needed} is missing: apt-get install redis-server wrk")
    with tempfile.TemporaryDirectory() as folder, served(1) as one, served(2) as two:
        script = Path(folder) / "ask.lua"
        script.write_text(ASK)
        for root in (one, two):  # until each worker has loaded the tokenizer's tables
            rate(root, script, 3, connections)
        # In turn, so that what else the machine does bears on both alike.
        rounds = [tuple(rate(root, script, seconds, connections) for root in (one, two)) for _ in range(ROUNDS)]
    load = f"load average {os.getloadavg()[0]:.1f}"
    print(f"{connections} connections, {seconds} s each in turn, {os.cpu_count()} cores, {load}\n")
    print("| round | one worker (requests/s) | two workers (requests/s) | ratio |\n|---|---|---|---|")
    for number, (alone, both) in enumerate(rounds, 1):
        print(f"| {number} | {alone:.0f} | {both:.0f} | {both / alone:.2f} |")
    print(f"| median | | | {sorted(both / alone for alone, both in rounds)[ROUNDS // 2]:.2f} |")


if __name__ == "__main__":
    main()

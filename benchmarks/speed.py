"""How fast: edits of this server beside routes that do less. `python -m benchmarks.speed [--rounds 5] [--seconds 3]`.

Each request is a form with a boundary of its own, as clients send it; all have the same prompt, or each a new one. The
table shows requests a second, and the CPU time that each server spent on a request.
"""

import argparse
import io
import random
import tempfile
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from PIL import Image

from benchmarks.load import EDGE, PROMPT, Load, form, free, mock, peer, put, serving

Row = tuple[str, ...]
SERVERS = ("this", "bare", "form")


def uploads() -> dict[str, bytes]:
    """The images that are sent, by name."""
    file = io.BytesIO()
    Image.new("RGBA", (64, 64), "teal").save(file, "PNG")
    return {"tiny": file.getvalue(), "100 kB": noise(100_000), "1.5 MB": noise(1_500_000)}


def bodies(image: bytes, **fields: str) -> dict[str, bytes]:
    """Edits of an image for `put`: with the same prompt in each request, and with a new one."""
    return {
        name: form(image, prompt=prompt, size="1024x1024", **fields)
        for name, prompt in (("same", "Make it night"), ("new", PROMPT))
    }


def noise(size: int) -> bytes:
    """A PNG of about so many bytes that cannot be packed."""
    side = max(8, int((size / 3) ** 0.5))
    pixels = random.Random(1).randbytes(side * side * 3)
    file = io.BytesIO()
    Image.frombytes("RGB", (side, side), pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def answer(port: int, body: bytes) -> bytes:
    """What the server says to an edit."""
    headers = {"Content-Type": f"multipart/form-data; boundary={EDGE}", "Authorization": "Bearer sk-benchmark"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/images/edits", body, headers)
    with urllib.request.urlopen(request) as found:
        data: bytes = found.read()
        return data


def loads(body: bytes, connections: int, rounds: int, seconds: int) -> dict[str, Load]:
    """The median round of each server; all give the same response, and the rounds of one alternate with the others'."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        saved, ports = Path(folder, "answer"), {name: free() for name in SERVERS}
        pids = {
            "this": stack.enter_context(
                serving(mock(ports["this"], "--paint", "flat"), ports["this"], "/__mock/health")
            ).pid
        }
        saved.write_bytes(answer(ports["this"], body))
        for name in SERVERS[1:]:
            command = peer(name, ports[name])
            process = stack.enter_context(serving(command, ports[name], "/", {"BENCHMARK_ANSWER": str(saved)}))
            pids[name] = process.pid
        measured: dict[str, list[Load]] = {name: [] for name in SERVERS}
        for _ in range(rounds):
            for name, found in measured.items():
                found.append(put(ports[name], pids[name], body, connections, seconds))
    return {name: sorted(found, key=lambda load: load.rate)[rounds // 2] for name, found in measured.items()}


def table(rows: list[Row]) -> None:
    """Rows, the first of them headings, as columns."""
    wide = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, wide, strict=True)))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    times = [f"{name}, µs" for name in SERVERS]
    rows: list[Row] = [("upload", "prompt", *SERVERS, "this/bare", "this/form", *times)]
    for upload, image in uploads().items():
        for prompt, body in bodies(image).items():
            found = loads(body, options.connections, options.rounds, options.seconds)
            this, bare, parsed = (found[name].rate for name in SERVERS)
            numbers = (f"{this:.0f}", f"{bare:.0f}", f"{parsed:.0f}", f"{this / bare:.2f}", f"{this / parsed:.2f}")
            rows.append((upload, prompt, *numbers, *(f"{found[name].cpu:.0f}" for name in SERVERS)))
    table(rows)


if __name__ == "__main__":
    main()

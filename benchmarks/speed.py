"""How fast: edits of this server beside routes that do less. `python -m benchmarks.speed [--seconds 3] [--quick]`."""

import argparse
import io
import random
import tempfile
import urllib.request
from pathlib import Path

from PIL import Image

from benchmarks.load import EDGE, form, free, mock, peer, put, serving

Row = tuple[str, ...]


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


def rates(picture: bytes, paint: str, fields: dict[str, str], connections: int, seconds: float) -> list[float]:
    """Requests a second: of this server, of a route that reads, of one that parses; all give the same answer."""
    body, ports = form(picture, size="1024x1024", **fields), [free(), free(), free()]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, "answer")
        with serving(mock(ports[0], "--paint", paint), ports[0], "/__mock/health"):
            kept.write_bytes(answer(ports[0], body))
            found.append(put(ports[0], body, connections, seconds))
        for name, port in zip(("bare", "form"), ports[1:], strict=True):
            with serving(peer(name, port), port, "/", {"BENCHMARK_ANSWER": str(kept)}):
                found.append(put(port, body, connections, seconds))
    return found


def table(rows: list[Row]) -> None:
    """Rows, the first of them headings, as columns."""
    wide = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, wide, strict=True)))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--quick", action="store_true", help="16 connections, no streams")
    asked = parser.parse_args()
    streams = [{}] if asked.quick else [{}, {"stream": "true", "partial_images": "3"}]
    rows: list[Row] = [("upload", "paint", "kind", "connections", "this", "bare", "form", "this/bare", "this/form")]
    for upload, size in (("tiny", 64), ("100 kB", 100_000), ("1.5 MB", 1_500_000)):
        for paint in ("flat", "noise"):
            for fields in streams:
                for connections in (16,) if asked.quick else (1, 16, 64):
                    this, bare, parsed = rates(noise(size), paint, fields, connections, asked.seconds)
                    kind = "stream" if fields else "plain"
                    numbers = (
                        f"{this:.0f}",
                        f"{bare:.0f}",
                        f"{parsed:.0f}",
                        f"{this / bare:.2f}",
                        f"{this / parsed:.2f}",
                    )
                    rows.append((upload, paint, kind, str(connections), *numbers))
    table(rows)


if __name__ == "__main__":
    main()

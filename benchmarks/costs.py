"""What things cost beside what cannot be saved: pictures, the start, memory, big uploads, a fixture.

`python -m benchmarks.costs [--edits 10000]`.
"""

import argparse
import io
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from benchmarks.load import EDGE, form, free, mock, peer, serving
from benchmarks.speed import Row, answer, noise, table
from mockserver.contract.capabilities import table as capabilities
from mockserver.core.request import Part
from mockserver.images import inspect, render

TESTS = 500
EMPTY = "import pytest\n\n\n@pytest.mark.parametrize('number', range({count}))\ndef test({names}number):\n    pass\n"


def seconds(work: Callable[[int], object], times: int = 15) -> float:
    """The median of what some work takes; it gets the number of the time."""
    found = []
    for number in range(times):
        began = time.perf_counter()
        work(number)
        found.append(time.perf_counter() - began)
    return sorted(found)[times // 2]


def pictures() -> list[Row]:
    """A picture never seen beside Pillow's decoding of it, a receipt beside Pillow's encoding of its canvas."""
    seen = [noise(3_000_000 + number) for number in range(15)]
    files = []
    for number in range(15):
        with Image.open(io.BytesIO(seen[number])) as picture:
            whole = picture.resize((1024, 1024))
        whole.putpixel((number, 0), (number, 0, 0))
        file = io.BytesIO()
        whole.save(file, "PNG", compress_level=1)
        files.append(file.getvalue())

    def decode(number: int) -> None:
        with Image.open(io.BytesIO(files[number])) as picture:
            picture.load()

    def look(number: int) -> None:
        inspect.inspect_image(Part("image", "a.png", "image/png", files[number], f"{number}"))

    canvas = render.Canvas(1024, 1024, format="png", compression=100, transparent=False, frames=1, milliseconds=0)
    model = next(iter(capabilities()))

    def draw(number: int) -> Image.Image:
        subject = render.Subject(
            prompt=f"Make it night, {number}",
            model=model,
            details=(("quality", "low"),),
            images=(files[0],),
            mask=None,
            number=1,
            of=1,
            seed=f"{number}".encode(),
        )
        return render.render_image("receipt", canvas, subject)

    drawn = draw(0)
    decoded, looked = seconds(decode), seconds(look)
    encoded, painted = (
        seconds(lambda _: render.encode(drawn, canvas)),
        seconds(lambda n: render.encode(draw(n), canvas)),
    )
    return [
        ("picture, 1024x1024", "this, ms", "Pillow, ms", "ratio"),
        ("looked at for the first time", f"{looked * 1e3:.1f}", f"{decoded * 1e3:.1f}", f"{looked / decoded:.2f}"),
        ("a receipt of one image", f"{painted * 1e3:.1f}", f"{encoded * 1e3:.1f}", f"{painted / encoded:.2f}"),
    ]


def memory(port: int) -> float:
    """Megabytes that a server holds now."""
    listed = subprocess.run(["ss", "-ltnp"], capture_output=True, text=True, check=True).stdout
    line = next(line for line in listed.splitlines() if f":{port} " in line)
    pid = line.partition("pid=")[2].partition(",")[0]
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def starts(edits: int) -> list[Row]:
    """The first 200 and the memory, beside a bare uvicorn; the memory also with the tokenizer and after many edits."""
    body, found = form(noise(100_000), size="1024x1024"), []
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, "answer")
        kept.write_bytes(b"ok")
        for name, command, path in (
            ("bare", lambda port: peer("bare", port), "/"),
            ("this", lambda port: mock(port), "/__mock/health"),
        ):
            times, held = [], 0.0
            for _ in range(5):
                port = free()
                with serving(command(port), port, path, {"BENCHMARK_ANSWER": str(kept)}) as process:
                    times.append(process.start)
                    held = memory(port)
            found.append((name, sorted(times)[2], held))
    (_, bare, small), (_, own, large) = found
    rows: list[Row] = [
        ("start", "this", "bare uvicorn", "ratio"),
        ("first 200, s", f"{own:.2f}", f"{bare:.2f}", f"{own / bare:.2f}"),
        ("memory, MB", f"{large:.0f}", f"{small:.0f}", f"{large / small:.2f}"),
    ]
    port = free()
    with serving(mock(port, "--paint", "flat"), port, "/__mock/health"):
        answer(port, body)
        rows.append(("memory after an edit (its tokenizer's tables included), MB", f"{memory(port):.0f}", "", ""))
        for part in (edits // 10, edits - edits // 10):
            upload(port, part)
            rows.append((f"... after {part} more, each of another picture, MB", f"{memory(port):.0f}", "", ""))
    return rows


def upload(port: int, count: int) -> None:
    """So many edits, no two of the same picture."""
    picture = bytearray(noise(100_000))
    for number in range(count):
        # After the end of the picture, where it does not matter but to its digest.
        one = bytes(picture) + number.to_bytes(4, "big") + os.urandom(4)
        headers = {"Content-Type": f"multipart/form-data; boundary={EDGE}", "Authorization": "Bearer sk-benchmark"}
        url = f"http://127.0.0.1:{port}/v1/images/edits"
        with urllib.request.urlopen(urllib.request.Request(url, form(one, size="1024x1024"), headers)) as found:
            found.read()


def sizes() -> list[Row]:
    """What an edit takes by the size of its upload, never seen and seen, and by the number of its pictures."""
    rows: list[Row] = [("edit", "first, ms", "again, ms", "again, MB/s")]
    port = free()
    with serving(mock(port, "--paint", "flat"), port, "/__mock/health"):
        answer(port, form(noise(64)))
        for size in (10_000, 100_000, 1_000_000, 10_000_000, 49_000_000):
            body = form(padded(size), size="1024x1024")
            first = seconds(lambda _, body=body: answer(port, body), 1)  # type: ignore[misc]
            again = seconds(lambda _, body=body: answer(port, body), 5)  # type: ignore[misc]
            rows.append((f"{size / 1e6:g} MB", f"{first * 1e3:.1f}", f"{again * 1e3:.1f}", f"{size / again / 1e6:.0f}"))
    port = free()
    with serving(mock(port), port, "/__mock/health"):
        answer(port, form(noise(64)))
        for count in (1, 2, 4, 10):
            body = form(noise(10_000), size="1024x1024", n=str(count))
            first = seconds(lambda _, body=body: answer(port, body), 1)  # type: ignore[misc]
            again = seconds(lambda _, body=body: answer(port, body), 5)  # type: ignore[misc]
            rows.append((f"n {count}, receipts", f"{first * 1e3:.1f}", f"{again * 1e3:.1f}", ""))
    return rows


def padded(size: int) -> bytes:
    """A small picture with a long text chunk: what is measured is how bytes travel, not how pixels are unpacked."""
    file = io.BytesIO()
    Image.new("RGBA", (64, 64)).save(file, "PNG")
    data = file.getvalue()
    return data + os.urandom(max(0, size - len(data)))


def fixtures() -> list[Row]:
    """What a fixture adds to an empty test."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("", "images_mock", "images_mock_env", "images_mock_client"):
            Path(folder, "test_it.py").write_text(EMPTY.format(count=TESTS, names=f"{name}, " * bool(name)))
            words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "mockserver.pytest_plugin"]
            took = []
            for count in (0, TESTS):
                chosen = [] if count else ["-k", "0-or-nothing"]
                began = time.perf_counter()
                environment = {**os.environ, "PYTHONPATH": str(Path.cwd()), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
                subprocess.run([*words, *chosen], cwd=folder, env=environment, capture_output=True, check=False)
                took.append(time.perf_counter() - began)
            found.append((name or "no fixture", (took[1] - took[0]) / TESTS * 1e3))
    plain = found[0][1]
    return [
        ("fixture", "ms a test", "added, ms"),
        *((name, f"{took:.2f}", f"{took - plain:.2f}") for name, took in found),
    ]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edits", type=int, default=10_000)
    asked = parser.parse_args()
    for rows in (pictures(), starts(asked.edits), sizes(), fixtures()):
        table(rows)
        print()


if __name__ == "__main__":
    main()

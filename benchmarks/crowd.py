"""Many at once: small requests beside big pictures, and streams side by side. `python -m benchmarks.crowd`."""

import asyncio
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import cast

import httpx2
import uvloop
from PIL import Image

from benchmarks.load import EDGE, form, free, mock, serving
from benchmarks.speed import Row, table

HEADERS = {"Content-Type": f"multipart/form-data; boundary={EDGE}", "Authorization": "Bearer sk-benchmark"}
STREAM = {"model": "gpt-image-2", "prompt": "x", "quality": "low", "stream": True, "partial_images": 3}
SECONDS = 6
ROUNDS = 5


def picture(side: int, number: int = 0) -> bytes:
    """A PNG like a photograph, no two of them the same."""
    file = io.BytesIO()
    grain = Image.frombytes("L", (64, 64), os.urandom(4096)).resize((side, side), Image.Resampling.BICUBIC)
    grain.putpixel((0, 0), number % 256)
    grain.convert("RGB").save(file, "PNG", compress_level=1)
    return file.getvalue()


async def asking(
    client: httpx2.AsyncClient, url: str, bodies: Callable[[], bytes], until: Callable[[], bool]
) -> list[float]:
    """One request after the other; the seconds that each took."""
    took = []
    while not until():
        body = bodies()
        began = time.perf_counter()
        answer = await client.post(url, content=body, headers=HEADERS, timeout=60)
        took.append(time.perf_counter() - began)
        assert answer.status_code == 200, answer.text
    return took


async def small(url: str, seconds: float) -> list[float]:
    """What small edits take, four at a time, the same few again and again."""
    bodies = [form(picture(64, number), size="1024x1024") for number in range(4)]
    end = time.perf_counter() + seconds
    async with httpx2.AsyncClient() as client:
        jobs = [asking(client, url, lambda one=one: one, lambda: time.perf_counter() > end) for one in bodies]  # type: ignore[misc]
        return sorted(second for took in await asyncio.gather(*jobs) for second in took)


def big(url: str, seconds: float) -> None:
    """4K pictures that were never seen, two at a time."""
    stock = [picture(3840, number) for number in range(8)]
    end = time.perf_counter() + seconds

    def new() -> bytes:
        return form(stock.pop() if stock else picture(3840), size="3840x2160", prompt=os.urandom(8).hex())

    async def run() -> None:
        print("ready", flush=True)
        async with httpx2.AsyncClient() as client:
            await asyncio.gather(*(asking(client, url, new, lambda: time.perf_counter() > end) for _ in range(2)))

    uvloop.run(run())


async def beside(url: str) -> list[float]:
    """What small edits take while big ones are made, which are asked for in a process of their own."""
    words = [sys.executable, "-m", "benchmarks.crowd", "--big", url]
    process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    await process.stdout.readline()
    found = await small(url, SECONDS)
    process.terminate()
    await process.wait()
    return found


def mixed() -> list[Row]:
    """Small edits alone, and beside big ones."""
    rows: list[Row] = [("small edits, 4 at a time", "number", "p50, ms", "p99, ms", "p99/p50")]
    port = free()
    with serving(mock(port), port, "/__mock/health"):
        url = f"http://127.0.0.1:{port}/v1/images/edits"
        uvloop.run(small(url, 1))
        for name, run in (("alone", small(url, SECONDS)), ("beside two 4K edits", beside(url))):
            took = uvloop.run(run)
            middle, slow = took[len(took) // 2], took[len(took) * 99 // 100]
            rows.append((name, str(len(took)), f"{middle * 1e3:.1f}", f"{slow * 1e3:.1f}", f"{slow / middle:.1f}"))
    return rows


class Listener(asyncio.Protocol):
    """Sends a request when it is connected, and keeps what comes until the other end hangs up."""

    def __init__(self, request: bytes) -> None:
        self.request, self.pieces = request, list[bytes]()
        self.told = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self.request)

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.set_result(b"".join(self.pieces))


async def streams(port: int, count: int) -> float:
    """The seconds until so many streams, begun at once, have all been read to their end."""
    body = json.dumps(STREAM).encode()
    head = (
        "POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n"
        f"Content-Type: application/json\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )

    async def one() -> None:
        make = partial(Listener, head.encode() + body)
        _, listener = await asyncio.get_running_loop().create_connection(make, "127.0.0.1", port)
        told = await listener.told
        assert told.count(b"event: ") == 4, told[:1000]

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(count)))
    return time.perf_counter() - began


def crowded() -> list[Row]:
    """Streams of three partials, 100 ms from event to event: medians of a few rounds."""
    rows: list[Row] = [("streams at once", "seconds", "ratio")]
    with tempfile.TemporaryDirectory() as folder:
        scenario = Path(folder, "paced.yaml")
        scenario.write_text("scenario: paced\nlatency: 0.4\nsteps: [{ok: {}}]\n")
        port = free()
        with serving(mock(port, "--paint", "flat", "--scenario", str(scenario)), port, "/__mock/health"):
            took = {count: [uvloop.run(streams(port, count)) for _ in range(ROUNDS)] for count in (1, 100, 500)}
            alone = median(took[1])
            rows += [
                (str(count), f"{median(all_of):.2f}", f"{median(all_of) / alone:.2f}") for count, all_of in took.items()
            ]
    return rows


def main() -> None:
    """Print the tables."""
    if sys.argv[1:2] == ["--big"]:
        big(sys.argv[2], SECONDS + 2)
        return
    for rows in (mixed(), crowded()):
        table(rows)
        print()


if __name__ == "__main__":
    main()

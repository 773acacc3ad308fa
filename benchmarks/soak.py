"""Requests of every scenario in turn, from clients that vanish. `python -m benchmarks.soak [--requests 100000]`.

At the end the server must hold what it held before: memory within a bound, threads, sockets and answers under way; and
each request that was answered must stand in the journal once. The exit status is 1 where it is not so.
"""

import argparse
import asyncio
import contextlib
import json
import re
import sys
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from benchmarks.load import EDGE, form, free, mock, serving
from benchmarks.memory import process
from benchmarks.speed import noise
from mockserver.scenario.loader import built_in_names, load

# Seconds that a client waits for the next bytes before it hangs up.
PATIENCE = 0.1
AT_ONCE = 32
# Bytes that the server may hold more at the end than after the first three tenths.
GROWTH = 24 * 1024 * 1024
# Where a client leaves: after this part of its upload, or of the answer's first bytes; most stay.
LEAVES = ("stays", "stays", "stays", "stays", "in the upload", "after the upload", "in the answer")
ENTRY = re.compile(rb"x-mockserver-entry: (e\d+)\r\n")


@dataclass
class Soak:
    """One run: what was sent, and what became of it."""

    port: int
    picture: bytes
    sockets: float = 0
    fates: dict[int, str] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)

    async def one(self, number: int) -> None:
        """One request, as far as its client stays."""
        names = built_in_names()
        stream = {"stream": "true", "partial_images": "2"} if number % 3 == 0 else {}
        body = form(self.picture, size="1024x1024", **stream)
        leaves = LEAVES[number // len(names) % len(LEAVES)]
        head = "\r\n".join(
            (
                "POST /v1/images/edits HTTP/1.1",
                "Host: localhost",
                "Connection: close",
                f"Authorization: Bearer sk-soak-{number % 50:08}",
                f"X-Soak: {number}",
                f"X-Mockserver-Scenario: {names[number % len(names)]}",
                f"Content-Type: multipart/form-data; boundary={EDGE}",
                f"Content-Length: {len(body)}",
                "\r\n",
            )
        ).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            self.fates[number] = await self._talk(reader, writer, head + body, leaves)
        except OSError:
            self.fates[number] = "broken"  # as some scenarios order
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes, leaves: str) -> str:
        writer.write(data[: -len(data) // 2] if leaves == "in the upload" else data)
        await writer.drain()
        if leaves != "stays" and leaves != "in the answer":
            return leaves
        got = b""
        with contextlib.suppress(TimeoutError):
            while piece := await asyncio.wait_for(reader.read(65_536), PATIENCE):
                got += piece
                if leaves == "in the answer":
                    break
        return "answered" if ENTRY.search(got) else "unanswered"

    def read(self) -> None:
        """Take note of the journal's entries."""
        for entry in self.get("journal")["entries"]:
            self.told[entry["id"]] = int(dict(entry["request"]["headers"])["x-soak"])
            if entry["answer"]["sent"] and entry["answer"]["sent"][-1]["what"] in ("end", "cut"):
                self.ended.add(entry["id"])

    def get(self, path: str) -> Any:
        """JSON from below /__mock, or text."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/__mock/{path}") as answer:
            text = answer.read()
        return text.decode() if path == "metrics" else json.loads(text)

    async def run(self, first: int, last: int) -> None:
        """The requests from `first` up to `last`, some at once."""
        for start in range(first, last, 400):
            numbers = iter(range(start, min(start + 400, last)))
            await asyncio.gather(*(self._some(numbers) for _ in range(AT_ONCE)))
            await asyncio.to_thread(self.read)

    async def _some(self, numbers: Any) -> None:
        for number in numbers:
            await self.one(number)

    async def settled(self) -> dict[str, float]:
        """What the server holds once nothing is under way any more; after five seconds whatever it then is."""
        for _ in range(50):
            text = self.get("metrics")
            counts = {name: float(value) for name, value in re.findall(r"^mockserver_(\w+) (\S+)$", text, re.MULTILINE)}
            sizes = held(self.port)
            if not counts["answers_open"] and sizes["sockets"] <= self.sockets:
                break
            await asyncio.sleep(0.1)
        return {"answers": counts["answers_open"], "streams": counts["streams_open"], **sizes}

    def accounts(self) -> list[str]:
        """What is wrong with the journal."""
        told, fates = Counter(self.told.values()), self.fates
        found = {
            "told twice": [number for number, count in told.items() if count > 1],
            "answered and not told": [number for number in fates if fates[number] == "answered" and not told[number]],
            "told and never sent": [
                number for number in told if fates[number] == "in the upload" and not early(number)
            ],
            "without an end": sorted(self.told.keys() - self.ended),
        }
        return [f"{what}: {numbers[:10]}" for what, numbers in found.items() if numbers]


def early(number: int) -> bool:
    """Does the scenario of a request answer some before their upload is there?"""
    return load(built_in_names()[number % len(built_in_names())]).may_respond_early


def held(port: int) -> dict[str, float]:
    """What the server's process holds: bytes, threads, and sockets of connections."""
    folder = process(port)
    status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    sockets = 0
    for one in (folder / "fd").iterdir():
        with contextlib.suppress(OSError):
            sockets += str(one.readlink()).startswith("socket:")
    return {"memory": 1024 * int(status["VmRSS"].split()[0]), "threads": int(status["Threads"]), "sockets": sockets}


async def soak(port: int, requests: int) -> int:
    """A whole run; prints what it came to and returns the exit status."""
    begun = held(port)
    run = Soak(port, noise(3_000), begun["sockets"])
    states = []
    for tenth in range(10):
        await run.run(requests * tenth // 10, requests * (tenth + 1) // 10)
        states.append(await run.settled())
    # By then the journal is full of entries, some of them long.
    before, after = states[2], states[-1]
    run.read()
    wrong = run.accounts()
    grown = after["memory"] - before["memory"]
    wrong += [f"memory grew by {grown / 2**20:.1f} MiB"] if grown > GROWTH else []
    wrong += [f"{after[name]:.0f} {name} are left" for name in ("answers", "streams") if after[name]]
    for name in ("threads", "sockets"):
        if after[name] > max(before[name], begun[name]):
            wrong.append(f"{after[name] - before[name]:.0f} more {name}")
    print(json.dumps({"at first": begun, "after three": before, "at the end": after}))
    print("MiB after each tenth:", *(f"{state['memory'] / 2**20:.0f}" for state in states))
    print(json.dumps({"fates": Counter(run.fates.values()), "entries": len(run.told), "wrong": wrong}))
    return int(bool(wrong))


def main() -> None:
    """Run it against a server of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    options, port = parser.parse_args(), free()
    with serving(mock(port, "--paint", "flat"), port, "/__mock/health"):
        status = asyncio.run(soak(port, options.requests))
    sys.exit(status)


if __name__ == "__main__":
    main()

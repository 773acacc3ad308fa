"""When the pieces of an answer left."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from mockserver.trail import PIECES, Message, Trail
from tests.talk import Talk

HEAD = {"type": "http.response.start", "status": 200, "headers": []}
END = {"type": "http.response.body", "body": b"", "more_body": False}


def chunk(data: bytes, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


def trail(messages: Iterable[Message], step: float = 0.5) -> tuple[list[tuple[float, str, int]], list[Message]]:
    """The notes on messages, before each of which some time passes, and what arrived."""
    now, arrived, notes = 10.0, [], []

    async def send(message: Message) -> None:
        nonlocal now
        now += step
        arrived.append(message)

    noted = Trail(notes, 10.0, lambda: now)

    async def run() -> None:
        along = noted.along(send)
        for message in messages:
            await along(message)

    asyncio.run(run())
    noted.close()
    return [(note["at"], note["what"], note["bytes"]) for note in notes], arrived


@pytest.mark.parametrize(
    ("messages", "notes"),
    [
        ([HEAD, chunk(b"abc"), END], [(0.5, "head", 0), (1.0, "body", 3), (1.5, "end", 0)]),
        ([HEAD, chunk(b"abc", False)], [(0.5, "head", 0), (1.0, "body", 3), (1.0, "end", 0)]),
        (
            [HEAD, chunk(b"event: error\ndata: {}\n\n"), chunk(b"data: x\n")],
            [(0.5, "head", 0), (1.0, "error", 23), (1.5, "body", 8), (1.5, "cut", 0)],
        ),
        ([HEAD, chunk(b"event: a b\n")], [(0.5, "head", 0), (1.0, "body", 11), (1.0, "cut", 0)]),
        ([], [(0.0, "cut", 0)]),
    ],
    ids=["whole", "in one", "stream", "no name", "nothing"],
)
def test_notes(messages: list[Message], notes: list[tuple[float, str, int]]) -> None:
    assert trail(messages) == (notes, messages)


def test_bounded() -> None:
    notes, arrived = trail([HEAD, *[chunk(b"x")] * 500, END])
    assert (len(notes), len(arrived)) == (PIECES + 1, 502)
    assert [notes[-2], notes[-1]] == [(50.0, "body", 1), (251.0, "end", 0)]


def test_watch_set_back() -> None:
    """No piece left before the request came."""
    assert trail([HEAD], -1.0)[0] == [(0.0, "head", 0), (0.0, "cut", 0)]


def test_journal() -> None:
    """The entry tells what left, and which pictures were sent."""
    talk = Talk()
    form: dict[str, Any] = {"stream": "true", "partial_images": "1"}
    assert talk.edit(data=form).status_code == 200
    answer = talk.get("journal")["entries"][0]["answer"]
    what = ["head", "image_edit.partial_image", "image_edit.completed", "end"]
    assert [piece["what"] for piece in answer["sent"]] == what
    assert sum(piece["bytes"] for piece in answer["sent"]) == answer["sent_bytes"]
    pictures = [talk.ask("GET", f"/__mock/pictures/{sha256}") for sha256 in answer["pictures"]]
    assert [picture.status_code for picture in pictures] == [200, 200]
    talk.edit(data={"size": "99x99"})
    assert talk.get("journal")["entries"][1]["answer"]["pictures"] == []

"""When the pieces of an answer left."""

import asyncio
from typing import Any

import pytest

from mockserver.core.plan import Chunk, Cut, End, Head, Plan
from mockserver.journal.send_log import PIECES, SendLog, ended, spelled
from mockserver.server.send import carry_out
from tests.support.client import MockClient

HEAD = Head(200, ())


def trail(plan: Plan, step: float = 0.5) -> list[tuple[float, str, int]]:
    """The notes on a plan that is carried out, before each message of which some time passes."""
    now, answer = 10.0, dict[str, Any](sent=[])

    async def send(message: object) -> None:
        nonlocal now
        now += step

    noted = SendLog(answer, 10.0, lambda: now)
    connection: Any = Gone()
    asyncio.run(carry_out(plan, noted, connection, send, asyncio.sleep))
    assert ended(answer) == (plan[-1:] == (End(),))
    noted.close()
    assert ended(answer)
    return [(note["at"], note["what"], note["bytes"]) for note in spelled(answer["sent"])]


class Gone:
    """A connection that can be cut."""

    gone = False

    async def cut(self, how: str) -> None:
        """It is."""


@pytest.mark.parametrize(
    ("plan", "notes"),
    [
        ((HEAD, Chunk(b"abc"), Chunk(b""), End()), [(0.5, "head", 0), (1.0, "body", 3), (1.5, "end", 0)]),
        ((HEAD, Chunk(b"abc"), End()), [(0.5, "head", 0), (1.0, "body", 3), (1.0, "end", 0)]),
        ((HEAD, End()), [(0.5, "head", 0), (1.0, "end", 0)]),
        (
            (HEAD, Chunk(b"event: error\ndata: {}\n\n"), Chunk(b"data: x\n"), Cut("close")),
            [(0.5, "head", 0), (1.0, "error", 23), (1.5, "body", 8), (1.5, "cut", 0)],
        ),
        ((HEAD, Chunk(b"event: a b\n"), Cut("close")), [(0.5, "head", 0), (1.0, "body", 11), (1.0, "cut", 0)]),
        ((), [(0.0, "cut", 0)]),
    ],
    ids=["whole", "in one", "empty", "stream", "no name", "nothing"],
)
def test_notes(plan: Plan, notes: list[tuple[float, str, int]]) -> None:
    assert trail(plan) == notes


def test_bounded() -> None:
    notes = trail((HEAD, *[Chunk(b"x")] * 500, Chunk(b""), End()))
    assert len(notes) == PIECES + 1
    assert [notes[-2], notes[-1]] == [(50.0, "body", 1), (251.0, "end", 0)]


def test_watch_set_back() -> None:
    """No piece left before the request came."""
    assert trail((HEAD, Cut("close")), -1.0) == [(0.0, "head", 0), (0.0, "cut", 0)]


def test_journal() -> None:
    """The entry tells what left, and which pictures were sent."""
    talk = MockClient()
    form: dict[str, Any] = {"stream": "true", "partial_images": "1"}
    assert talk.edit(data=form).status_code == 200
    answer = talk.get("journal")["entries"][0]["answer"]
    what = ["head", "image_edit.partial_image", "image_edit.completed", "end"]
    assert [piece["what"] for piece in answer["sent"]] == what
    assert sum(piece["bytes"] for piece in answer["sent"]) == answer["sent_bytes"]
    pictures = [talk.request("GET", f"/__mock/pictures/{sha256}") for sha256 in answer["pictures"]]
    assert [picture.status_code for picture in pictures] == [200, 200]
    talk.edit(data={"size": "99x99"})
    assert talk.get("journal")["entries"][1]["answer"]["pictures"] == []

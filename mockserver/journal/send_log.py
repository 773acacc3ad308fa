"""When the pieces of an answer left: notes what has gone to a client. Bounded; reads but event names."""

import re
from collections.abc import Callable
from typing import Any

PIECES = 100
EVENT = re.compile(rb"event: ([\w.]{1,100})\n", re.ASCII)


class SendLog:
    """Writes into the `answer` of an entry what has left of it: `sent_bytes`, `complete` and `sent`.

    That holds `at` (seconds after `began`, by the watch), `what` and `bytes` of each piece; see `spelled`. After the
    first 100 pieces only the end is noted: `end`, or `cut` where the answer had none.
    """

    def __init__(self, answer: dict[str, Any], began: float, watch: Callable[[], float]) -> None:
        self._answer, self._began, self._watch = answer, began, watch
        self._notes: list[tuple[float, str, int]] = answer["sent"]
        self._bytes = 0

    def predict(self, body: bytes) -> dict[str, Any]:
        """The answer of the entry once a response of one piece is sent completely."""
        ahead = SendLog({**self._answer, "sent": []}, self._began, self._watch)
        ahead.whole(body)
        return ahead._answer

    def whole(self, body: bytes) -> None:
        """All has left, with its body in one piece."""
        self.head()
        self.piece(body)
        self.end()

    def head(self) -> None:
        """Status and headers have left."""
        self._note("head")

    def piece(self, data: bytes) -> None:
        """A piece of the body has left."""
        self.raw(data)
        if data and len(self._notes) < PIECES:
            event = EVENT.match(data)
            self._note(event[1].decode() if event else "body", len(data))

    def raw(self, data: bytes) -> None:
        """Bytes have left that are no part of a body."""
        self._bytes += len(data)
        self._answer["sent_bytes"] = self._bytes

    def end(self) -> None:
        """All has left, and the body has ended."""
        self.complete()
        self._note("end")

    def complete(self) -> None:
        """All has left that was meant to."""
        self._answer["complete"] = True

    def close(self) -> None:
        """No more will come."""
        if not self._notes or self._notes[-1][1] != "end":
            self._note("cut")

    def _note(self, what: str, size: int = 0) -> None:
        self._notes.append((self._watch() - self._began, what, size))


def ended(answer: dict[str, Any]) -> bool:
    """Has a trail been closed?"""
    return bool(answer["sent"]) and answer["sent"][-1][1] in ("end", "cut")


def spelled(notes: list[tuple[float, str, int]]) -> list[dict[str, Any]]:
    """What has left of an answer, as it is read."""
    return [{"at": round(max(0.0, at), 3), "what": what, "bytes": size} for at, what, size in notes]

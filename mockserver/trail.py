"""When the pieces of an answer left: notes what passes on its way to a client. Bounded; reads but event names."""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

PIECES = 100
EVENT = re.compile(rb"event: ([\w.]{1,100})\n", re.ASCII)
Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]


class Trail:
    """Writes into `notes`: dictionaries of `at` (seconds after `began`, by the watch), `what` and `bytes`.

    After the first 100 pieces only the end is noted: `end`, or `cut` where the answer had none.
    """

    def __init__(self, notes: list[dict[str, Any]], began: float, watch: Callable[[], float]) -> None:
        self.notes, self.began, self.watch = notes, began, watch

    def along(self, send: Send) -> Send:
        """The same ASGI `send`, with a note of each message that it took."""

        async def noting(message: Message) -> None:
            await send(message)
            data = message.get("body", b"")
            if message["type"] == "http.response.start":
                self._note("head")
            elif data:
                event = EVENT.match(data)
                self._note(event[1].decode() if event else "body", len(data))
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self._last("end")

        return noting

    def close(self) -> None:
        """No more will come."""
        if not self.notes or self.notes[-1]["what"] != "end":
            self._last("cut")

    def _note(self, what: str, size: int = 0) -> None:
        if len(self.notes) < PIECES:
            self._last(what, size)

    def _last(self, what: str, size: int = 0) -> None:
        self.notes.append({"at": round(max(0.0, self.watch() - self.began), 3), "what": what, "bytes": size})

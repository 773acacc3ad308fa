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

        notes, began, watch = self.notes, self.began, self.watch

        async def noting(message: Message) -> None:
            await send(message)
            at = round(max(0.0, watch() - began), 3)
            data = message.get("body", b"")
            if message["type"] == "http.response.start":
                notes.append({"at": at, "what": "head", "bytes": 0})
                return
            if data and len(notes) < PIECES:
                event = EVENT.match(data)
                notes.append({"at": at, "what": event[1].decode() if event else "body", "bytes": len(data)})
            if not message.get("more_body"):
                notes.append({"at": at, "what": "end", "bytes": 0})

        return noting

    def close(self) -> None:
        """No more will come."""
        if not self.notes or self.notes[-1]["what"] != "end":
            at = round(max(0.0, self.watch() - self.began), 3)
            self.notes.append({"at": at, "what": "cut", "bytes": 0})

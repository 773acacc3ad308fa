"""A correct client that sends JSON, with its pictures in data URLs."""

import base64
import json
from pathlib import Path
from typing import Any

from tests.fuzz.clients.base import TYPES, Call, Client, Result


class Document(Client):
    """Knows no forms."""

    def form(self, call: Call) -> tuple[bytes, str]:
        document = {**self.fields(call), "images": [self.url(path) for path in call["images"]]}
        if call["mask"]:
            document["mask"] = self.url(call["mask"])
        return json.dumps(document).encode(), "application/json"

    def url(self, path: str) -> dict[str, Any]:
        data = base64.b64encode(Path(path).read_bytes()).decode()
        return {"image_url": f"data:{TYPES[Path(path).suffix]};base64,{data}"}


class Empty(Client):
    """A wrong one: sends what it likes."""

    def form(self, call: Call) -> tuple[bytes, str]:
        return (b"[]" if call["mask"] else b"none"), "application/json"


def edit(call: Call) -> Result:
    """The correct one."""
    return Document().edit(call)


def empty(call: Call) -> Result:
    """The wrong one."""
    return Empty().edit(call)

"""JSON text that carries pictures: they are put in as they are kept, and never looked through. Knows no shapes."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from mockserver.engine.output_images import MARK, OutputImage

# As JSON spells it.
SPELLED = json.dumps(MARK)[1:-1].encode("ascii")
# What json.dumps would make anew each time, by indent.
ENCODERS = {None: json.JSONEncoder(separators=(",", ":")), 2: json.JSONEncoder(indent=2, separators=(",", ": "))}


def dumped(value: Any, sent: Sequence[OutputImage], indent: Literal[2] | None = None) -> bytes:
    """A value as the API spells JSON, in which each picture stands as its stand-in: its base64 takes that place.

    With an `indent` on lines of their own, else without a space.
    """
    text = _spelled(value, indent)
    if text.count(SPELLED) > len(sent):
        # Somebody sent us what looks like a stand-in, and gets it back.
        return _spelled(_whole(value, {one.stand_in: one.base64.decode("ascii") for one in sent}), indent)
    for one in sent:
        text = one.base64.join(text.split(SPELLED + one.digest.encode("ascii"), 1))
    return text


def _spelled(value: Any, indent: Literal[2] | None) -> bytes:
    return ENCODERS[indent].encode(value).encode("ascii")


def _whole(value: Any, pictures: Mapping[str, str], key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {name: _whole(item, pictures, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_whole(item, pictures) for item in value]
    return pictures.get(value, value) if key == "b64_json" else value

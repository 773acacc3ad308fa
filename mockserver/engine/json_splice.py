"""JSON text with images: their base64 is spliced into the serialized text, and never serialized itself.

In values an image is represented by its placeholder. A response with several megabytes of base64 is then built with one
copy.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from mockserver.engine.output_images import PLACEHOLDER, OutputImage

SERIALIZED_PLACEHOLDER = json.dumps(PLACEHOLDER)[1:-1].encode("ascii")
# json.dumps with options builds an encoder for each call; these are by indent.
ENCODERS = {None: json.JSONEncoder(separators=(",", ":")), 2: json.JSONEncoder(indent=2, separators=(",", ": "))}


def serialize(value: Any, images: Sequence[OutputImage], indent: Literal[2] | None = None) -> bytes:
    """The JSON of a value as the API formats it, with the base64 of each image in place of its placeholder.

    Without an `indent` the text has no spaces.
    """
    text = _encode(value, indent)
    if text.count(SERIALIZED_PLACEHOLDER) > len(images):
        # The request contained a placeholder, and the response echoes it.
        return _encode(_replace_placeholders(value, {one.placeholder: one.base64.decode() for one in images}), indent)
    for image in images:
        text = image.base64.join(text.split(SERIALIZED_PLACEHOLDER + image.digest.encode("ascii"), 1))
    return text


def _encode(value: Any, indent: Literal[2] | None) -> bytes:
    return ENCODERS[indent].encode(value).encode("ascii")


def _replace_placeholders(value: Any, images: Mapping[str, str], key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {name: _replace_placeholders(item, images, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_replace_placeholders(item, images) for item in value]
    return images.get(value, value) if key == "b64_json" else value

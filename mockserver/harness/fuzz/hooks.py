"""What Schemathesis cannot know from the contract: bytes that are a picture, URLs of one. For schemathesis.toml."""

import base64
import io
from typing import Any

import schemathesis
from hypothesis import strategies as st
from PIL import Image

COLOURS = ((0, 0, 0), (255, 0, 0), (0, 128, 255))


def _picture(colour: tuple[int, int, int]) -> bytes:
    """A PNG; all are of one size, so that any mask fits any image."""
    out = io.BytesIO()
    Image.new("RGBA", (64, 64), (*colour, 128)).save(out, "PNG")
    return out.getvalue()


PICTURES = [_picture(colour) for colour in COLOURS]
URL = "data:image/png;base64," + base64.b64encode(PICTURES[0]).decode("ascii")
PROMPTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200).map(str.encode)

schemathesis.openapi.media_type("image/png", st.sampled_from(PICTURES))
schemathesis.openapi.media_type("text/plain", PROMPTS)
schemathesis.openapi.format("picture-url", st.just(URL))
schemathesis.openapi.format("image-size", st.sampled_from(["auto", "1024x1024", "1024x1536", "1536x1024"]))


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Take out of the contract what JSON Schema alone cannot say right."""
    schemas = raw_schema.get("components", {}).get("schemas", {})
    if "edit-form" not in schemas:
        return  # of another document in the same process
    # Every part with an encoding comes along in one body, and markup never goes with a mask.
    schemas["edit-form"]["properties"].pop("markup", None)
    for name in ("edit-form", "edit-json", "generation"):
        for group in schemas[name]["anyOf"]:
            # Which frames fit on a sheet is a sum.
            if group["properties"].get("output_format") == {"const": "gif"}:
                group["properties"]["size"] = {"const": "auto"}

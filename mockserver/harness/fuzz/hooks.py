"""Schemathesis hooks for schemathesis.toml: images and other values that the schemas cannot describe."""

import base64
import io
from typing import Any

import schemathesis
from hypothesis import strategies as st
from PIL import Image

COLOURS = ((0, 0, 0), (255, 0, 0), (0, 128, 255))


def _render_png(colour: tuple[int, int, int]) -> bytes:
    # All have the same size, so that every mask fits every image.
    out = io.BytesIO()
    Image.new("RGBA", (64, 64), (*colour, 128)).save(out, "PNG")
    return out.getvalue()


IMAGES = [_render_png(colour) for colour in COLOURS]
URL = "data:image/png;base64," + base64.b64encode(IMAGES[0]).decode("ascii")
PROMPTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200).map(str.encode)

schemathesis.openapi.media_type("image/png", st.sampled_from(IMAGES))
schemathesis.openapi.media_type("text/plain", PROMPTS)
schemathesis.openapi.format("picture-url", st.just(URL))
schemathesis.openapi.format("image-size", st.sampled_from(["auto", "1024x1024", "1024x1536", "1536x1024"]))


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Remove what JSON Schema cannot express correctly."""
    schemas = raw_schema.get("components", {}).get("schemas", {})
    if "edit-form" not in schemas:
        return  # the process also loads other documents
    # Schemathesis sends every part with an encoding, but markup and mask exclude each other.
    schemas["edit-form"]["properties"].pop("markup", None)
    for name in ("edit-form", "edit-json", "generation"):
        for group in schemas[name]["anyOf"]:
            # The limit on all frames together is a sum of their sizes.
            if group["properties"].get("output_format") == {"const": "gif"}:
                group["properties"]["size"] = {"const": "auto"}

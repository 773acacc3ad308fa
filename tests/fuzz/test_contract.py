"""Schemathesis over contracts/openapi.yaml against the ASGI application: no check disabled, --auth exact."""

import base64
import copy
import io

import hypothesis
import schemathesis
from hypothesis import strategies as st
from PIL import Image

from mockserver.admin import bundle
from mockserver.app import create_app
from mockserver.contract.asof import as_of
from mockserver.engine.values import Settings
from mockserver.state import Server

KEY = "sk-fuzz-0123456789abcdef"


def picture(colour: tuple[int, int, int]) -> bytes:
    """A PNG; all are of one size, so that any mask fits any image."""
    out = io.BytesIO()
    Image.new("RGBA", (64, 64), (*colour, 128)).save(out, "PNG")
    return out.getvalue()


PICTURES = [picture(colour) for colour in [(0, 0, 0), (255, 0, 0), (0, 128, 255)]]
SIZES = ["auto", "1024x1024", "1024x1536", "1536x1024"]

schemathesis.openapi.media_type("image/png", st.sampled_from(PICTURES))
PROMPTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
schemathesis.openapi.media_type("text/plain", PROMPTS)
PICTURE_URL = "data:image/png;base64," + base64.b64encode(PICTURES[1]).decode()
schemathesis.openapi.format("picture-url", st.just(PICTURE_URL))
schemathesis.openapi.format("image-size", st.sampled_from(SIZES))

document = copy.deepcopy(bundle())
# Schemathesis puts every part with an encoding into one body, and markup never goes with a mask (see test_engine.py).
del document["components"]["schemas"]["edit-form"]["properties"]["markup"]
schema = schemathesis.openapi.from_dict(document)
schema.app = create_app(Server(Settings(as_of("any"), "exact", frozenset([KEY]), "flat")))


@schema.parametrize()
@hypothesis.settings(max_examples=40, deadline=None, derandomize=True)
def test_contract(case: schemathesis.Case) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {KEY}"})

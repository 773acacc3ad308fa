"""Schemathesis over contracts/openapi.yaml against the ASGI application: no check disabled, --auth exact."""

import base64
import copy
import io
from typing import Any

import hypothesis
import schemathesis
from hypothesis import strategies as st
from PIL import Image

from mockserver.contract.asof import as_of
from mockserver.contract.openapi import bundle
from mockserver.engine.values import Settings
from mockserver.server.app import create_app
from mockserver.state.memory import MemoryState

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


def contract(day: str) -> Any:
    """The contract of a day, and the application of that day behind it."""
    document = copy.deepcopy(bundle(as_of(day)))
    # Schemathesis puts every part with an encoding into one body, and markup never goes with a mask (test_engine.py).
    document["components"]["schemas"]["edit-form"]["properties"].pop("markup", None)
    for name in ("edit-form", "edit-json", "generation"):
        for group in document["components"]["schemas"][name]["anyOf"]:
            # Of the sums that decide which frames fit on a sheet JSON Schema knows nothing.
            if group["properties"].get("output_format") == {"const": "gif"}:
                group["properties"]["size"] = {"const": "auto"}
    if day == "latest":
        # Where a form's model is required, Schemathesis tries it empty as well, in spite of its enum.
        del document["paths"]["/v1/images/edits"]["post"]["requestBody"]["content"]["multipart/form-data"]
    schema = schemathesis.openapi.from_dict(document)
    schema.app = create_app(MemoryState(Settings(as_of(day), "exact", frozenset([KEY]), "flat")))
    return schema


any_day, latest, april = contract("any"), contract("latest"), contract("2026-04-21")
bounded = hypothesis.settings(max_examples=40, deadline=None, derandomize=True)


@any_day.parametrize()
@bounded
def test_any_day(case: schemathesis.Case) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {KEY}"})


@latest.include(path_regex="^/v1/").parametrize()
@bounded
def test_latest(case: schemathesis.Case) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {KEY}"})


@april.include(path_regex="^/v1/").parametrize()
@bounded
def test_april(case: schemathesis.Case) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {KEY}"})


def kept() -> Any:
    """The contract of files whose content may be read again: what is withheld, the contract cannot tell."""
    document = copy.deepcopy(bundle(as_of("latest")))
    document["components"]["schemas"]["file-form"]["properties"]["purpose"]["enum"].remove("assistants")
    schema = schemathesis.openapi.from_dict(document)
    schema.app = create_app(MemoryState(Settings(as_of("latest"), "exact", frozenset([KEY]), "flat")))
    return schema.include(path_regex="^/v1/files")


class Files(kept().as_state_machine()):  # type: ignore[misc]
    """Files are uploaded, listed, read and deleted, in every order that the contract's links allow."""

    def get_call_kwargs(self, case: schemathesis.Case) -> dict[str, Any]:
        return {"headers": {"Authorization": f"Bearer {KEY}"}}


TestFiles = Files.TestCase
TestFiles.settings = hypothesis.settings(max_examples=25, stateful_step_count=8, deadline=None, derandomize=True)

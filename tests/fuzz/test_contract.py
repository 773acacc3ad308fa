"""Schemathesis over contracts/openapi.yaml against the ASGI application: no check disabled, --auth exact."""

import base64
import copy
import io
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import Phase
from hypothesis import strategies as st
from PIL import Image

from mockserver.contract.asof import as_of
from mockserver.contract.openapi import bundle
from mockserver.engine.values import Settings
from mockserver.server.app import create_app
from mockserver.state.memory import MemoryState

KEY = "sk-fuzz-0123456789abcdef"


def render_png(colour: tuple[int, int, int]) -> bytes:
    # All have the same size, so that every mask fits every image.
    out = io.BytesIO()
    Image.new("RGBA", (64, 64), (*colour, 128)).save(out, "PNG")
    return out.getvalue()


IMAGES = [render_png(colour) for colour in [(0, 0, 0), (255, 0, 0), (0, 128, 255)]]
SIZES = ["auto", "1024x1024", "1024x1536", "1536x1024"]

schemathesis.openapi.media_type("image/png", st.sampled_from(IMAGES))
PROMPTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
schemathesis.openapi.media_type("text/plain", PROMPTS)
IMAGE_URL = "data:image/png;base64," + base64.b64encode(IMAGES[1]).decode()
schemathesis.openapi.format("picture-url", st.just(IMAGE_URL))
schemathesis.openapi.format("image-size", st.sampled_from(SIZES))


def load_contract(day: str) -> Any:
    """The contract as of a date, with the application as of that date."""
    document = copy.deepcopy(bundle(as_of(day)))
    # Schemathesis sends every part with an encoding, but markup and mask exclude each other.
    document["components"]["schemas"]["edit-form"]["properties"].pop("markup", None)
    for name in ("edit-form", "edit-json", "generation"):
        for group in document["components"]["schemas"][name]["anyOf"]:
            # JSON Schema cannot express the limit on all frames together, which is a sum.
            if group["properties"].get("output_format") == {"const": "gif"}:
                group["properties"]["size"] = {"const": "auto"}
    if day == "latest":
        # If a form's model is required, Schemathesis also tries it empty, in spite of its enum.
        del document["paths"]["/v1/images/edits"]["post"]["requestBody"]["content"]["multipart/form-data"]
    schema = schemathesis.openapi.from_dict(document)
    schema.app = create_app(MemoryState(Settings(as_of(day), "exact", frozenset([KEY]), "flat")))
    return schema


any_day, latest, april = load_contract("any"), load_contract("latest"), load_contract("2026-04-21")
# Each date has the same operations, so the dates after the first need fewer examples. Nothing is drawn from a database,
# and targeted search has no target here.
PHASES = (Phase.explicit, Phase.generate, Phase.shrink)
thorough = hypothesis.settings(max_examples=30, deadline=None, derandomize=True, phases=PHASES)
brief = hypothesis.settings(max_examples=10, deadline=None, derandomize=True, phases=PHASES)


@pytest.fixture
def contracted() -> None:
    """Turned off: Schemathesis validates the responses."""


@any_day.parametrize()
@thorough
def test_any_day(case: schemathesis.Case) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {KEY}"})


@latest.include(path_regex="^/v1/").parametrize()
@brief
def test_latest(case: schemathesis.Case) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {KEY}"})


@april.include(path_regex="^/v1/").parametrize()
@brief
def test_april(case: schemathesis.Case) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {KEY}"})


def load_files_contract() -> Any:
    """The contract without the purpose whose files cannot be downloaded: the links do not depend on the purpose."""
    document = copy.deepcopy(bundle(as_of("latest")))
    document["components"]["schemas"]["file-form"]["properties"]["purpose"]["enum"].remove("assistants")
    schema = schemathesis.openapi.from_dict(document)
    schema.app = create_app(MemoryState(Settings(as_of("latest"), "exact", frozenset([KEY]), "flat")))
    return schema.include(path_regex="^/v1/files")


class Files(load_files_contract().as_state_machine()):  # type: ignore[misc]
    """Upload, list, read and delete files in every order that the links allow."""

    def get_call_kwargs(self, case: schemathesis.Case) -> dict[str, Any]:
        return {"headers": {"Authorization": f"Bearer {KEY}"}}


TestFiles = Files.TestCase
TestFiles.settings = hypothesis.settings(max_examples=25, stateful_step_count=8, deadline=None, derandomize=True)

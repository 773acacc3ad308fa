"""The OpenAPI document as of a date."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mockserver.contract.asof import as_of
from mockserver.contract.openapi import bundle

GIF_ONLY = {"model": "gpt-image-2.6-flare", "prompt": "x", "frame_count": 2}


@pytest.mark.parametrize("label", ["any", "latest"])
@pytest.mark.parametrize(
    ("fields", "is_valid"),
    [
        pytest.param({**GIF_ONLY, "output_format": "gif"}, True, id="gif"),
        pytest.param(GIF_ONLY, False, id="no output_format"),
        pytest.param({**GIF_ONLY, "output_format": "png"}, False, id="png"),
    ],
)
def test_parameters_of_one_format_require_that_format(label: str, fields: dict[str, Any], is_valid: bool) -> None:
    document = bundle(as_of(label))
    validator = Draft202012Validator({**document, "$ref": "#/components/schemas/generation"})
    assert validator.is_valid(fields) == is_valid

"""LiteLLM's image_edit."""

import io
import json
from typing import Any

import litellm
import pytest
from talk import ASKED, HOUSE, Session, families, refusing, taken

litellm.suppress_debug_info = True


def picture(name: str = "house.png") -> io.BytesIO:
    file = io.BytesIO(HOUSE)
    file.name = name
    return file


def edit(url: str, **more: Any) -> Any:
    asked = {"image": picture(), **ASKED, "model": "openai/gpt-image-2"} | more
    return litellm.image_edit(api_base=url, api_key="sk-test", **asked)


def test_plain() -> None:
    talk = Session("litellm-plain")
    answer = edit(talk.url)
    assert answer.data[0].b64_json.startswith("iVBOR")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (266, 196)
    # It calls a single picture image[] too.
    assert talk.files == [("image[]", "image/png")]


def test_several_and_mask() -> None:
    talk = Session("litellm-several")
    assert edit(talk.url, image=[picture(), picture("b.png")], mask=picture("m.png")).data
    assert talk.files == [("image[]", "image/png")] * 2 + [("mask", "image/png")]


def test_stream_is_dropped() -> None:
    talk = Session("litellm-stream")
    assert edit(talk.url, stream=True, partial_images=2).data
    assert talk.entries[0]["job"]["stream"] is False


CLASSES = {
    401: litellm.AuthenticationError,
    404: litellm.NotFoundError,
    429: litellm.RateLimitError,
    500: litellm.InternalServerError,
    503: litellm.ServiceUnavailableError,
}
# What it makes another of, by words in the text.
OTHER = {
    "invalid-url": litellm.BadRequestError,
    "missing-api-key": litellm.BadRequestError,
    "org-mismatch": litellm.BadRequestError,
    "missing-scope": litellm.BadRequestError,
    "file-not-found": litellm.BadRequestError,
    "file-unknown": litellm.BadRequestError,
    "project-no-access": litellm.NotFoundError,
    "country": litellm.APIError,
    "body-too-large": litellm.APIError,
    "content-policy-prompt": litellm.ContentPolicyViolationError,
    "content-filter": litellm.ContentPolicyViolationError,
}


@pytest.mark.parametrize("family", families(stream=False))
def test_refusal(family: str) -> None:
    talk = refusing("litellm", family)
    with pytest.raises(Exception, match="litellm") as caught:
        edit(talk.url)
    row, error = talk.row(family), caught.value
    assert error.status_code == row["status"]  # type: ignore[attr-defined]
    assert type(error) is OTHER.get(family, CLASSES.get(row["status"], litellm.BadRequestError))
    # Type, param and code of the API are in the text alone.
    assert {getattr(error, name, None) for name in ("type", "param", "code")} <= {None, "429", "throttling_error"}
    if row.get("wire") not in ("empty", "string"):
        assert f'"code":{json.dumps(row["code"])}' in str(error).replace('": ', '":')


@pytest.mark.parametrize("word", ["max_retries", "num_retries"])
def test_flaky(word: str) -> None:
    talk = Session(f"litellm-flaky-{word}", "flaky")
    with pytest.raises(litellm.RateLimitError):
        edit(talk.url, **{word: 3})
    assert talk.statuses == [429]


def test_taken_for_a_success() -> None:
    bodies = ["content_type", "missing", "nulls", "huge_number", "empty_data"]
    assert taken("litellm-hostile", edit) == [*bodies, "bad_base64", "other_image"]

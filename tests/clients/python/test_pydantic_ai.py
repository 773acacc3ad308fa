"""PydanticAI's ImageGenerator: with pictures it makes an edit. It knows neither masks nor streams."""

import asyncio
from typing import Any

import openai
import pytest
from pydantic_ai import BinaryImage
from pydantic_ai.exceptions import ContentFilterError, ModelHTTPError
from pydantic_ai.images import ImageGenerator
from pydantic_ai.images.openai import OpenAIImageGenerationModel
from pydantic_ai.providers.openai import OpenAIProvider
from talk import HOUSE, MODEL, SIZE, Session, families, fills, refusing, taken

PICTURE = BinaryImage(data=HOUSE, media_type="image/png")
SETTINGS: Any = {f"openai_{name}": value for name, value in SIZE.items()}


def edit(url: str, pictures: int = 1, retries: int = 0) -> Any:
    async def ask() -> Any:
        async with openai.AsyncOpenAI(base_url=url, api_key="sk-test", max_retries=retries) as client:
            model = OpenAIImageGenerationModel(MODEL["model"], provider=OpenAIProvider(openai_client=client))
            generator = ImageGenerator(model, settings=SETTINGS)
            return await generator.generate(MODEL["prompt"], images=[PICTURE] * pictures)

    return asyncio.run(ask())


def test_plain() -> None:
    talk = Session("pydantic-plain")
    answer = edit(talk.url)
    assert answer.image.media_type == "image/png"
    assert (answer.usage.input_image_tokens, answer.usage.output_tokens) == (256, 196)
    # It calls a single picture image[] too.
    assert talk.files == [("image[]", "image/png")]


def test_several() -> None:
    talk = Session("pydantic-several")
    assert edit(talk.url, pictures=3).images
    assert talk.files == [("image[]", "image/png")] * 3


@pytest.mark.parametrize("family", [family for family in families(stream=False) if family != "moderation-blocked"])
def test_refusal(family: str) -> None:
    talk = refusing("pydantic", family)
    with pytest.raises(ModelHTTPError) as caught:
        edit(talk.url)
    row, error = talk.row(family), caught.value
    assert error.status_code == row["status"]
    if isinstance(error.body, dict):
        body = {name: error.body.get(name) for name in ("message", "type", "param", "code")}
        assert {name: value for name, value in body.items() if not fills(row[name], value)} == {}
    else:
        assert row["wire"] in ("empty", "string")


def test_moderation() -> None:
    with pytest.raises(ContentFilterError) as caught:
        edit(refusing("pydantic", "moderation-blocked").url)
    assert "moderation_details" in (caught.value.body or "")


def test_flaky() -> None:
    talk = Session("pydantic-flaky", "flaky")
    assert edit(talk.url, retries=3).images
    assert talk.statuses == [429, 429, 500, 200]


def test_taken_for_a_success() -> None:
    assert taken("pydantic-hostile", edit) == ["content_type", "huge_number", "other_image"]

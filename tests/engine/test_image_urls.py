"""The image URLs of older models, and the storage behind them."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import httpx2
import pytest

from mockserver.engine.image_urls import sign
from mockserver.engine.values import Settings
from mockserver.server.app import create_app
from mockserver.state.memory import MemoryState
from tests.support.images import decode_image

START = datetime(2026, 4, 21, 12, tzinfo=UTC).timestamp()
CALL = {"model": "dall-e-2", "prompt": "x", "n": 2, "size": "256x256"}


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def request_urls(clock: Clock, *delays: float, change: Any = None) -> tuple[list[str], list[httpx2.Response]]:
    """The URLs of a response, and what the first, edited by `change`, returns after each delay in seconds."""

    async def ask() -> tuple[list[str], list[httpx2.Response]]:
        transport = httpx2.ASGITransport(app=create_app(MemoryState(Settings(paint="flat", auth="open"), clock=clock)))
        async with httpx2.AsyncClient(transport=transport, base_url="http://mock.test") as client:
            response = await client.post("/v1/images/generations", json=CALL)
            urls = [item["url"] for item in response.json()["data"]]
            responses = []
            for seconds in delays:
                clock.now = START + seconds
                responses.append(await client.get(change(urls[0]) if change else urls[0]))
            return urls, responses

    return asyncio.run(ask())


def test_url_has_the_recorded_shape() -> None:
    urls, _ = request_urls(Clock())
    assert len(set(urls)) == 2
    parts = urlsplit(urls[0])
    folder, organization, user, image = parts.path.strip("/").split("/")
    assert (parts.netloc, folder, organization[:4], user[:5], image[:4]) == (
        "mock.test",
        "private",
        "org-",
        "user-",
        "img-",
    )
    assert (len(organization), len(user), len(image)) == (28, 29, 32)
    assert [pair.partition("=")[0] for pair in parts.query.split("&")] == [
        "st", "se", "sp", "sv", "sr", "rscd", "rsct", "skoid", "sktid", "skt", "ske", "sks", "skv", "sig",
    ]  # fmt: skip
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert (query["st"], query["se"]) == ("2026-04-21T11:00:00Z", "2026-04-21T13:00:00Z")
    assert "st=2026-04-21T11%3A00%3A00Z&" in parts.query


def test_url_expires_after_an_hour() -> None:
    _, (first, last, expired) = request_urls(Clock(), 0, 3599, 3600)
    assert decode_image(first.content).size == decode_image(last.content).size == (256, 256)
    assert first.headers["content-type"] == "image/png"
    assert (expired.status_code, expired.headers["content-type"]) == (403, "application/xml")
    error = ElementTree.fromstring(expired.content)
    assert error.findtext("Code") == expired.headers["x-ms-error-code"] == "AuthenticationFailed"
    assert error.findtext("AuthenticationErrorDetail") == (
        "Signature not valid in the specified time frame: Start [Tue, 21 Apr 2026 11:00:00 GMT] - "
        "Expiry [Tue, 21 Apr 2026 13:00:00 GMT] - Current [Tue, 21 Apr 2026 13:00:00 GMT]"
    )


INVALID_DATE = "2026-13-99T99:99:99Z"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        (lambda url: url.replace("se=2026", "se=2027"), 403, "AuthenticationFailed"),
        (lambda url: url.partition("?")[0], 403, "AuthenticationFailed"),
        (
            lambda url: url.partition("?")[0] + f"?se={INVALID_DATE}&sig={sign('x', INVALID_DATE)}",
            403,
            "AuthenticationFailed",
        ),
        (
            lambda url: (
                f"/private/img-zz.png?se=2099-01-01T00:00:00Z&sig={quote_signature('zz', '2099-01-01T00:00:00Z')}"
            ),
            404,
            "BlobNotFound",
        ),
        (
            lambda url: f"/private/.png?se=2099-01-01T00:00:00Z&sig={quote_signature('', '2099-01-01T00:00:00Z')}",
            404,
            "BlobNotFound",
        ),
    ],
    ids=["changed", "no query", "invalid date", "unknown image", "no name"],
)
def test_invalid_url_is_rejected(change: Any, status: int, code: str) -> None:
    _, (response,) = request_urls(Clock(), 0, change=change)
    assert (response.status_code, response.headers["x-ms-error-code"]) == (status, code)
    assert ElementTree.fromstring(response.content).findtext("Code") == code


def quote_signature(image: str, expiry: str) -> str:
    return str(httpx2.QueryParams({"s": sign(image, expiry)})).removeprefix("s=")

"""The public Python interface: serve(), create_app(), ImagesMock and the exceptions."""

import asyncio
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

import mockserver
from mockserver import ScenarioError, WireFaultNeedsSocket
from tests.support.images import mask_png, png


@pytest.fixture(autouse=True)
def contracted() -> None:
    """Allow server errors: a fault below HTTP raises on purpose if there is no socket."""


FAULTY = "scenario: x\nsteps:\n  - {ok: {}, faults: [{reset: {}}]}\n"


def edit(client: openai.OpenAI, **more: Any) -> Any:
    parameters = {"model": "gpt-image-2", "prompt": "A cat", "quality": "low", **more}
    return client.images.edit(image=[("a.png", png()), ("b.png", png(32, 32))], **parameters)


def test_calls_ledger_verdict_and_assertions_of_serve() -> None:
    with mockserver.serve("flaky", paint="flat") as mock:
        port = int(mock.url.rpartition(":")[2])
        with openai.OpenAI(base_url=mock.base_url, api_key="x", max_retries=3) as client:
            assert edit(client, mask=("m.png", mask_png())).data
        call = mock.calls[-1]
        assert (call.prompt, call.model, call.stream, call.attempt, call.status) == (
            "A cat",
            "gpt-image-2",
            False,
            4,
            200,
        )
        assert [image.size for image in call.images] == [(64, 64), (32, 32)]
        assert call.mask is not None
        assert (call.mask.size, call.parameters["quality"]) == ((64, 64), "low")
        assert (call.cost or 0) > 0
        assert mock.calls[0].hints[0].startswith("Requested by scenario flaky.")
        assert repr(call) == "<e000004 /v1/images/edits gpt-image-2 'A cat': 200 served>"
        assert (mock.ledger["total"]["billed"], mock.verdict["verdict"], mock.unreached()) == (1, "good", [])
        mock.assert_called(4, prompt="A cat", images=2, mask=True)
        mock.assert_called(quality="low", fields={"model": "gpt-image-2"})
        mock.assert_called_once(attempt=4)
        mock.assert_not_called(model="dall-e-2")
        with pytest.raises(AssertionError, match=r"^expected 1 call matching .*, found 4 of 4$"):
            mock.assert_called_once()
        with pytest.raises(AssertionError, match="e000001: prompt: expected 'A dog', was 'A cat'"):
            mock.assert_called(prompt="A dog")
        mock.reset()
        assert (mock.calls, mock.unreached()) == ([], [1, 2, 3])
    assert "mockserver" not in {thread.name for thread in threading.enumerate()}
    with socket.socket() as free:
        free.bind(("127.0.0.1", port))


def test_unknown_or_invalid_condition_is_a_value_error() -> None:
    with mockserver.serve(paint="flat") as mock:
        with openai.OpenAI(base_url=mock.base_url, api_key="x") as client:
            assert client.images.generate(model="gpt-image-2", prompt="x", size="1024x1024", user="me").data
        for check in (mock.assert_called, mock.assert_called_once, mock.assert_not_called):
            with pytest.raises(
                ValueError, match=r"^'promt' is unknown \(did you mean 'prompt'\?\); expected one of end"
            ):
                check(promt="x")
        with pytest.raises(ValueError, match=r"^'xyz' is unknown; expected .*, quality, .*in fields={'xyz': ...}$"):
            mock.assert_not_called(xyz=None)
        with pytest.raises(ValueError, match=r"^'image' is unknown \(did you mean 'images'\?\); "):
            mock.assert_not_called(image=1)
        conditions: list[tuple[dict[str, Any], str]] = [
            (
                {"prompt": {"contians": "x"}},
                "prompt: 'contians': unknown key (did you mean 'contains'?); expected contains",
            ),
            ({"fields": {"n": {"minimun": 1}}}, "fields.n: 'minimun': unknown key (did you mean 'minimum'?)"),
            ({"size": {"contians": "x"}}, "fields.size: 'contians': unknown key (did you mean 'contains'?)"),
            ({"prompt": {"regex": "("}}, "prompt.regex: '(' is not a regular expression"),
            ({"images": {"minimum": 3, "maximum": 2}}, "images: the minimum is above the maximum"),
            ({"fields": "n"}, "fields: 'n' has the wrong type; expected object"),
            ({"fields": "n", "size": "auto"}, "fields: 'n' has the wrong type"),
            ({"headers": ["a"]}, "headers: ['a'] has the wrong type; expected object"),
            (
                {"prompt": re.compile("x")},
                "prompt: re.compile('x') has the wrong type; expected string or object",
            ),
            ({"endpoint": "images/edit"}, "endpoint: 'images/edit' is unknown (did you mean 'images/edits'?)"),
            ({"times": "2"}, "'2' has the wrong type; expected integer or object"),
            ({"times": -1}, "-1 is invalid; expected minimum 0"),
            ({"times": {"minimun": 1}}, "'minimun': unknown key (did you mean 'minimum'?)"),
            ({"times": {"minimum": 2, "maximum": 1}}, "the minimum is above the maximum"),
        ]
        for when, message in conditions:
            with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
                mock.assert_called(**when)
        mock.assert_called({"minimum": 1, "maximum": 1}, endpoint="images/generations")
        mock.assert_not_called(prompt=None, model=None, endpoint=None)
        mock.assert_called_once(size="1024x1024", user="me")
        mock.assert_not_called(style="vivid", purpose="vision", fields={"xyz": 1})
        with pytest.raises(AssertionError, match=r"^expected at least 1 call matching .*, found 0 of 1"):
            mock.assert_called(fields={"xyz": 1})


def test_call_of_a_request_that_was_not_understood() -> None:
    with mockserver.serve() as mock:
        httpx2.post(f"{mock.base_url}/images/edits", headers={"Authorization": "Bearer x"}, timeout=60)
        (call,) = mock.calls
        assert (call.prompt, call.model, call.images, call.mask, call.stream, call.cost) == (
            None,
            None,
            [],
            None,
            False,
            None,
        )
        assert (call.parameters, call.status) == ({}, 400)
        with pytest.raises(LookupError, match=r"^the image 0+ is not stored: the store keeps the newest 64 MiB$"):
            mock.picture("0" * 64)


def test_serve_in_an_event_loop() -> None:
    async def play() -> int:
        async with mockserver.serve(paint="flat", seed=3) as mock:
            mock.scenario("flaky", seed=5)
            mock.as_of("2026-04-21")
            mock.advance(60)
            async with openai.AsyncOpenAI(base_url=mock.base_url, api_key="x", max_retries=3) as client:
                response = await client.images.generate(model="gpt-image-2", prompt="x")
            return len(response.data or [])

    assert asyncio.run(play()) == 1


def test_app_serves_without_a_socket_except_faults_below_http(tmp_path: Any) -> None:
    (tmp_path / "x.yaml").write_text(FAULTY)

    async def request(**settings: Any) -> int:
        transport = httpx2.ASGITransport(app=mockserver.create_app(**settings))
        async with httpx2.AsyncClient(transport=transport, base_url="http://mock") as client:
            body = {"model": "gpt-image-2", "prompt": "x"}
            return (await client.post("/v1/images/generations", json=body)).status_code

    assert asyncio.run(request(auth="open", paint="flat")) == 200
    assert asyncio.run(request()) == 401
    with pytest.raises(WireFaultNeedsSocket):
        asyncio.run(request(scenario=str(tmp_path / "x.yaml"), auth="open"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"auth": "none"}, "auth: expected one of open, bearer, exact, got 'none'"),
        ({"paint": "oil"}, "paint: expected one of receipt, flat, noise, got 'oil'"),
        ({"validate": "lax"}, "validate: expected one of strict, schema, off, got 'lax'"),
        ({"dialect": "x"}, "dialect: expected one of openai, gateway, "),
        ({"as_of": "never"}, "as-of: expected 'any', 'latest' or a date such as 2026-04-21, got 'never'"),
        ({"as_of": "2022-11-02"}, "as-of 2022-11-02 is before 2022-11-03, when the first model was released"),
        ({"auth": "exact"}, "auth='exact' and keys require each other: set both or neither"),
        ({"keys": ["sk-x"]}, "auth='exact' and keys require each other: set both or neither"),
        ({"auth": "exact", "keys": "sk-x"}, "keys: expected a list of strings, got 'sk-x'"),
        ({"auth": "exact", "keys": b"sk-x"}, "keys: expected a list of strings, got b'sk-x'"),
        ({"auth": "exact", "keys": None}, "keys: expected a list of strings, got None"),
        ({"auth": "exact", "keys": ["sk-x", ""]}, "keys: expected strings that fit into a header, got ''"),
        ({"auth": "exact", "keys": ["sk x"]}, "keys: expected strings that fit into a header, got 'sk x'"),
        ({"auth": "exact", "keys": [5]}, "keys: expected strings that fit into a header, got 5"),
        ({"seed": "x"}, "seed: expected an integer or None, got 'x'"),
        ({"seed": 1.5}, "seed: expected an integer or None, got 1.5"),
        ({"seed": True}, "seed: expected an integer or None, got True"),
        ({"clock": "2026-11-21"}, "clock: expected a function that returns seconds since 1970, got '2026-11-21'"),
        ({"bare": "no"}, "bare: expected True or False, got 'no'"),
        ({"host": ""}, "host: expected an address to listen on, got ''"),
        ({"port": -1}, "port: expected an integer from 0 to 65535, got -1"),
        ({"port": 65536}, "port: expected an integer from 0 to 65535, got 65536"),
        ({"port": "80"}, "port: expected an integer from 0 to 65535, got '80'"),
        ({"latency": True}, "latency: expected seconds from 0 to 3600 or None, got True"),
        ({"latency": -1}, "latency: expected seconds from 0 to 3600 or None, got -1"),
        ({"latency": 3601}, "latency: expected seconds from 0 to 3600 or None, got 3601"),
        ({"latency": float("nan")}, "latency: expected seconds from 0 to 3600 or None, got nan"),
        ({"latency": "realistic"}, "latency: expected seconds from 0 to 3600 or None, got 'realistic'"),
    ],
    ids=str,
)
def test_invalid_setting_is_a_value_error(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        mockserver.serve(**settings)


@pytest.mark.parametrize("start", [mockserver.serve, mockserver.create_app])
def test_unknown_setting_is_a_type_error(start: Any) -> None:
    message = r"^the setting 'pant' is unknown \(did you mean 'paint'\?\); expected one of scenario, as_of, .*, bare"
    with pytest.raises(TypeError, match=message + ("" if start is mockserver.create_app else ", host, port") + "$"):
        start(pant="flat")
    if start is mockserver.create_app:  # It does not listen, so it has no port.
        with pytest.raises(TypeError, match=r"^the setting 'port' is unknown; "):
            start(port=0)


@pytest.mark.parametrize("latency", [None, 0.5, 3600])
def test_valid_latency_is_accepted(latency: float | None) -> None:
    assert mockserver.create_app(latency=latency)


def test_unknown_scenario_is_a_scenario_error() -> None:
    for name in ("nope", Path("nope")):
        with pytest.raises(ScenarioError, match="there is no scenario 'nope'"):
            mockserver.create_app(name)


def test_importing_the_package_loads_no_server() -> None:
    code = "import sys, mockserver; print({'starlette', 'pytest'} & {*sys.modules}, mockserver.serve.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set() serve\n"
    with pytest.raises(AttributeError, match="module 'mockserver' has no attribute 'nope'"):
        mockserver.nope  # noqa: B018


@pytest.mark.parametrize("name", mockserver.__all__)
def test_public_names_can_be_imported(name: str) -> None:
    assert getattr(mockserver, name)

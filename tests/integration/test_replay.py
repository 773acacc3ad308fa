"""The same scenario, seed and clock give the same bytes, on every machine."""

import base64
import hashlib
import http.client
import io
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from mockserver.contract.asof import as_of
from mockserver.core.plan import Chunk, Head
from mockserver.core.request import Part, Request
from mockserver.engine.context import Context
from mockserver.engine.respond import apply_faults, respond
from mockserver.engine.understand import understand
from mockserver.engine.values import Settings
from mockserver.scenario.loader import built_in_names, load
from mockserver.scenario.machine import Stored
from mockserver.server.uvicorn_server import serve_in_thread
from mockserver.state.memory import MemoryState
from mockserver.state.sessions import SessionStore
from tests.support.images import png

NOW = 1_795_000_000.0
STORED = Path(__file__).with_name("replay.json")
BASE64 = re.compile(rb"iVBORw0KGgo[A-Za-z0-9+/]+=*")


@pytest.fixture(autouse=True)
def contracted() -> None:
    """Disable the check: faults violate the contract."""


def requests() -> list[Request]:
    """A few calls of every kind, repeated."""
    headers = (("authorization", "Bearer sk-test"), ("content-type", "multipart/form-data; boundary=x"))
    picture = Part("image", "a.png", "image/png", png(), "picture")

    def edit(**fields: str) -> Request:
        texts = (Part(name, None, None, value.encode(), "") for name, value in fields.items())
        return Request("POST", "/v1/images/edits", headers, parts=(*texts, picture))

    whole = edit(model="gpt-image-2", prompt="A cat", quality="low", size="1024x1024")
    stream = edit(model="gpt-image-2", prompt="A cat", quality="low", stream="true", partial_images="2")
    blood = edit(model="gpt-image-1.5", prompt="blood", quality="low")
    return [whole, stream, blood, edit(model="gpt-image-2", prompt="A dog", n="2", size="1000x1000")] * 7


def hash_pixels(match: re.Match[bytes]) -> bytes:
    """Hash the pixels of an image: its compression depends on the library."""
    with Image.open(io.BytesIO(base64.b64decode(match[0]))) as picture:
        return hashlib.blake2b(picture.tobytes(), digest_size=8).hexdigest().encode()


def digest_scenario(name: str) -> str:
    """Hash every turn and plan of a scenario: images by their pixels, without the hints."""
    scenario, found = load(name), hashlib.blake2b(digest_size=16)
    stored: Stored = {}
    state = SessionStore(scenario)
    for position, request in enumerate(requests()):
        settings = state.settings_for("a", Settings(as_of("latest"), paint="flat", dialect="openai"))
        understood = understand(request, settings)
        turn, stored = scenario.take_turn(stored, understood.facts._replace(now=NOW + position))
        context = Context(NOW + position, "a", position, scenario.seed, settings.as_of)
        given = respond(understood, turn, context, settings, "http://localhost")
        done = apply_faults(given.plan, turn, context)
        serialized = [repr(turn.to_json()), repr(done.applied), repr(done.skipped), repr(given.cost)]
        for step in given.plan:
            if isinstance(step, Head):
                serialized += [repr(pair) for pair in step.headers if pair[0] != "content-length"]
            elif isinstance(step, Chunk):
                serialized.append(repr(BASE64.sub(hash_pixels, step.data)))
            else:
                serialized.append(repr(step))
        found.update("\n".join(serialized).encode())
    return found.hexdigest()


@pytest.mark.parametrize("name", built_in_names())
def test_digest_is_the_same_on_any_machine(name: str) -> None:
    """The stored digests come from another machine; they change with contracts/ and scenarios/."""
    assert digest_scenario(name) == json.loads(STORED.read_text())[name]


def play(name: str) -> list[Any]:
    """Return the exact responses to a series of calls."""
    found: list[Any] = []

    async def at_once(seconds: float) -> None:
        """Return at once."""

    body = json.dumps({"model": "gpt-image-2", "prompt": "x", "quality": "low", "size": "1024x1024"})
    headers = {"Authorization": "Bearer sk-test", "Content-Type": "application/json", "Host": "localhost"}
    server = MemoryState(Settings(paint="flat"), SessionStore(load(name)), clock=lambda: NOW, sleep=at_once)
    steps = load(name).steps
    # Only a response that stalls forever is not awaited.
    stalls = {number for number, step in enumerate(steps) if any(fault.name == "stall" for fault in step.faults)}
    with serve_in_thread(server) as started:
        for number in range(min(30, 2 + len(steps))):
            timeout = 0.5 if number in stalls else 60
            connection = http.client.HTTPConnection(urlsplit(started.url).netloc, timeout=timeout)
            try:
                connection.request("POST", "/v1/images/generations", body, headers)
                response = connection.getresponse()
                found.append((response.status, response.getheaders(), response.read()))
            except (http.client.HTTPException, OSError) as error:
                found.append((type(error).__name__, getattr(error, "partial", b"")))
            finally:
                connection.close()
    return found


@pytest.mark.parametrize("name", [name for name in built_in_names() if name not in ("stall", "reset")])
def test_second_run_is_identical(name: str) -> None:
    """How much of a response arrives before a reset or a timeout is not deterministic."""
    assert play(name) == play(name)

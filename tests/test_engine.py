"""understand() and answer(): the order of the checks, the rules of models, what `auto` becomes."""

from typing import Any

import pytest

from mockserver.contract.asof import as_of
from mockserver.contract.capabilities import table
from mockserver.engine.answer import answer
from mockserver.engine.understand import understand
from mockserver.engine.values import Settings, Understood
from mockserver.render import Moment
from mockserver.scenario.machine import Step, Turn
from mockserver.wire.plan import Chunk, Head
from mockserver.wire.request import Part, Request
from tests.pictures import masked, png

SETTINGS = Settings(auth="open", paint="flat")


def file(name: str, data: bytes, kind: str | None = "image/png") -> Part:
    return Part(name, "a.png", kind, data, f"{name}{hash(data)}")


def form(*files: Part, **fields: Any) -> Request:
    parts = [Part(name, None, None, str(value).encode(), "") for name, value in fields.items()]
    headers = (("content-type", "multipart/form-data; boundary=x"),)
    return Request("POST", "/v1/images/edits", headers, parts=(*parts, *files))


def edit(*files: Part, day: str = "any", **fields: Any) -> Understood:
    request = form(*(files or (file("image", png()),)), **({"model": "gpt-image-1.5", "prompt": "x"} | fields))
    return understand(request, Settings(as_of(day), "open"))


def family(understood: Understood) -> str:
    assert understood.problem
    return understood.problem.family


@pytest.mark.parametrize(
    ("faults", "first"),
    [
        ({"model": "gpt-9", "bogus": 1, "prompt": "", "n": 0, "quality": "hd", "size": "x"}, "model-does-not-exist"),
        ({"bogus": 1, "prompt": "", "n": 0, "quality": "hd", "size": "x"}, "unknown-parameter"),
        ({"prompt": "", "image": "text", "n": 0, "quality": "hd", "size": "x"}, "empty-string"),
        ({"image": "text", "n": 0, "quality": "hd", "size": "x"}, "invalid-type"),
        ({"n": 0, "quality": "hd", "output_compression": 101, "size": "x"}, "below-minimum"),
        ({"quality": "hd", "output_compression": 101, "size": "x"}, "not-in-enum"),
        ({"output_compression": 101, "size": "x"}, "above-maximum"),
        ({"size": "x", "mask": "text"}, "invalid-type"),
        ({"size": "x", "background": "transparent", "output_format": "jpeg"}, "not-in-enum"),
        ({"background": "transparent", "output_format": "jpeg"}, "transparent-jpeg"),
    ],
)
def test_order(faults: dict[str, Any], first: str) -> None:
    fields = {"model": "gpt-image-1.5", "prompt": "x"} | faults
    files = () if "image" in faults else (file("image", png()),)
    assert family(understand(form(*files, **fields), SETTINGS)) == first


def test_size_before_pixels() -> None:
    broken = file("image", b"none")
    assert family(edit(broken, model="gpt-image-2", size="9x9")) == "size-divisible"
    assert family(edit(broken, background="transparent", output_format="jpeg")) == "invalid-image-file"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"stream": "true", "n": 2}, "stream-n"),
        ({"partial_images": 1}, "partial-images-no-stream"),
        ({"output_compression": 99}, "png-compression"),
        ({"output_compression": 99, "output_format": "png"}, "png-compression"),
        ({"model": "gpt-image-2", "input_fidelity": "low"}, "input-fidelity-model"),
        ({"model": "gpt-image-1-mini", "input_fidelity": "low"}, "unknown-parameter"),
        ({"model": "gpt-image-2", "background": "transparent", "day": "2026-08-19"}, "transparent-model"),
        ({"response_format": "url"}, "unknown-parameter"),
        ({"model": "dall-e-2", "quality": "standard"}, "unknown-parameter"),
        ({"model": "dall-e-3"}, "model-does-not-exist"),
        ({"model": "gpt-image-2.5-flare", "day": "2026-09-07"}, "model-does-not-exist"),
        ({"model": "gpt-image-2.6-flare", "complexity": "low", "day": "2026-11-04"}, "unknown-parameter"),
    ],
)
def test_rules(fields: dict[str, Any], expected: str) -> None:
    assert family(edit(**fields)) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"output_compression": 99, "output_format": "webp"},
        {"output_compression": 100},
        {"partial_images": 0},
        {"stream": "true", "partial_images": 3, "n": 1},
        {"model": "gpt-image-2", "background": "transparent", "day": "2026-08-20"},
        {"model": "gpt-image-2.5-flare", "quality": "xhigh", "day": "2026-09-08"},
        {"model": "gpt-image-2.6-flare", "complexity": "low"},
        {"input_fidelity": "high"},
    ],
)
def test_allowed(fields: dict[str, Any]) -> None:
    assert edit(**fields).job


def test_model_twice() -> None:
    several = [Part("model[]", None, None, b"gpt-image-2", "")]
    request = form(file("image", png()), *several, prompt="x")
    problem = understand(request, SETTINGS).problem
    assert problem
    assert problem.facts == {"param": "model", "expected": "a string", "got": "an array"}
    given = understand(form(file("image", png()), file("model", b"x"), prompt="x"), SETTINGS).problem
    assert given
    assert given.facts["got"] == "a file"


@pytest.mark.parametrize(
    ("model", "size", "auto"),
    [
        ("gpt-image-1.5", (64, 64), "1024x1024"),
        ("gpt-image-1.5", (300, 200), "1536x1024"),
        ("gpt-image-1", (10, 30), "1024x1536"),
        ("gpt-image-2", (64, 64), "1254x1254"),
        ("gpt-image-2", (20, 10), "1774x887"),
    ],
)
def test_auto_size(model: str, size: tuple[int, int], auto: str) -> None:
    job = edit(file("image", png(*size)), model=model).job
    assert job
    assert job.parameters["size"] == auto


def test_auto_background() -> None:
    """A masked edit of gpt-image-1 was seen to come back transparent, where the format can be."""
    files = (file("image", png()), file("mask", masked()))
    found = [
        edit(*files, model=model, output_format=format).job
        for model, format in [("gpt-image-1", "png"), ("gpt-image-1", "jpeg"), ("gpt-image-2", "png")]
    ]
    assert [job and job.parameters["background"] for job in found] == ["transparent", "opaque", "opaque"]
    kept = edit(*files, model="gpt-image-1", background="opaque").job
    assert kept
    assert kept.parameters["background"] == "opaque"


@pytest.mark.parametrize("model", [name for name, row in table().items() if "images/edits" in row.row["endpoints"]])
def test_every_model_serves(model: str) -> None:
    understood = edit(model=model)
    assert understood.job
    given = answer(understood, Turn("ok", None), Moment(0, "s", 0, 0), SETTINGS, "http://x")
    assert (given.status, given.outcome) == (200, "served")


def test_digest() -> None:
    """The same call has the same digest, however it is spelled; delivery alone does not change the scene."""
    one, two = edit(n="1").job, edit(n="1", day="latest").job
    streamed = edit(n="1", stream="true", partial_images="2").job
    other = edit(n="2").job
    assert one and two and streamed and other
    assert one.digest == two.digest != streamed.digest
    assert one.scene == streamed.scene != other.scene


def test_too_large() -> None:
    big = file("image[]", png() + bytes(50 * 1024 * 1024))
    problem = edit(file("image[]", png()), big).problem
    assert problem
    assert (problem.family, problem.facts["param"]) == ("image-too-large", "image[1]")
    old = edit(file("image", png() + bytes(4 * 1024 * 1024)), model="dall-e-2").problem
    assert old
    assert old.family == "dalle2-png-4mb"


@pytest.mark.parametrize("mode", ["P", "L", "LA", "1", "I;16"])
def test_modes(mode: str) -> None:
    problem = edit(file("image", png(64, 64, mode))).problem
    assert problem
    assert (problem.family, problem.facts["index"]) == ("invalid-image-file", 1)
    assert f"mode is {mode}" in problem.facts["reason"] or mode in ("I;16",)


def test_mask() -> None:
    opaque = file("mask", png(64, 64, "RGB"))
    assert family(edit(file("image", png()), opaque)) == "mask-alpha"
    assert family(edit(file("image", png()), file("mask", b"none"))) == "mask-size"


@pytest.mark.parametrize(
    ("error", "wait", "status", "retry"),
    [
        ("rate-input-images", None, 429, {}),
        ("rate-input-images", 12, 429, {"retry-after": "12"}),
        ("rate-input-images", 1.5, 429, {"retry-after": "2", "retry-after-ms": "1500"}),
        ("server-error", None, 500, {}),
        ("org-verify", None, 403, {}),
        ("moderation-blocked", None, 400, {}),
    ],
)
def test_ordered(error: str, wait: float | None, status: int, retry: dict[str, str]) -> None:
    turn = Turn("mine", Step(1, error, retry_after=wait))
    given = answer(edit(), turn, Moment(0, "s", 0, 0), SETTINGS, "http://x")
    head, chunk, _ = given.plan
    assert isinstance(head, Head)
    assert isinstance(chunk, Chunk)
    assert (given.status, head.status, given.outcome) == (status, status, "refused")
    assert {name: value for name, value in head.headers if name.startswith("retry-after")} == retry
    assert b"{" in chunk.data
    assert b"{model}" not in chunk.data


def test_moderation_after_validation() -> None:
    """What the back end says comes after what the validator says."""
    turn = Turn("mine", Step(1, "moderation-blocked"))
    given = answer(edit(n=0), turn, Moment(0, "s", 0, 0), SETTINGS, "http://x")
    assert given.error["code"] == "integer_below_min_value"

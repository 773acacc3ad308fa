"""understand() and respond(): the order of the checks, the rules of models, and how `auto` is resolved."""

import json
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from mockserver.contract.asof import as_of
from mockserver.contract.capabilities import table
from mockserver.core.plan import Chunk, Head, Wait
from mockserver.core.request import Part, Request
from mockserver.engine.context import Context
from mockserver.engine.respond import respond
from mockserver.engine.understand import understand
from mockserver.engine.values import Settings, Understood
from mockserver.images import render
from mockserver.scenario.machine import Step, Turn
from tests.support.images import encode_image, mask_png, png

SETTINGS = Settings(auth="open", paint="flat")
CONTEXT = Context(0, "s", 0, 0, as_of("any"))


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
def test_first_problem_in_the_order_of_the_api(faults: dict[str, Any], first: str) -> None:
    fields = {"model": "gpt-image-1.5", "prompt": "x"} | faults
    files = () if "image" in faults else (file("image", png()),)
    assert family(understand(form(*files, **fields), SETTINGS)) == first


def test_size_is_checked_before_images_and_rules_after() -> None:
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
def test_combination_is_rejected(fields: dict[str, Any], expected: str) -> None:
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
def test_combination_is_accepted(fields: dict[str, Any]) -> None:
    assert edit(**fields).job


def test_model_must_be_one_string() -> None:
    several = [Part("model[]", None, None, b"gpt-image-2", "")]
    request = form(file("image", png()), *several, prompt="x")
    problem = understand(request, SETTINGS).problem
    assert problem
    assert problem.facts == {"param": "model", "expected": "a string", "got": "an array"}
    problem = understand(form(file("image", png()), file("model", b"x"), prompt="x"), SETTINGS).problem
    assert problem
    assert problem.facts["got"] == "a file"


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
def test_auto_size_follows_the_image(model: str, size: tuple[int, int], auto: str) -> None:
    job = edit(file("image", png(*size)), model=model).job
    assert job
    assert job.parameters["size"] == auto


def test_auto_background_of_masked_edits() -> None:
    # Masked edits of gpt-image-1 were seen to return transparent images, where the format allows it.
    files = (file("image", png()), file("mask", mask_png()))
    jobs = [
        edit(*files, model=model, output_format=format).job
        for model, format in [("gpt-image-1", "png"), ("gpt-image-1", "jpeg"), ("gpt-image-2", "png")]
    ]
    assert [job and job.parameters["background"] for job in jobs] == ["transparent", "opaque", "opaque"]
    opaque = edit(*files, model="gpt-image-1", background="opaque").job
    assert opaque
    assert opaque.parameters["background"] == "opaque"


@pytest.mark.parametrize("model", [name for name, row in table().items() if "images/edits" in row.row["endpoints"]])
def test_every_edit_model_is_served(model: str) -> None:
    understood = edit(model=model)
    assert understood.job
    response = respond(understood, Turn("ok", None), CONTEXT, SETTINGS, "http://x")
    assert (response.status, response.outcome) == (200, "served")


def test_digest_identifies_a_call_and_scene_its_images() -> None:
    one, two = edit(n="1").job, edit(n="1", day="latest").job
    streamed = edit(n="1", stream="true", partial_images="2").job
    other = edit(n="2").job
    assert one
    assert two
    assert streamed
    assert other
    assert one.digest == two.digest != streamed.digest
    assert one.scene == streamed.scene != other.scene


def test_image_is_too_large() -> None:
    big = file("image[]", png() + bytes(50 * 1024 * 1024))
    problem = edit(file("image[]", png()), big).problem
    assert problem
    assert (problem.family, problem.facts["param"]) == ("image-too-large", "image[1]")
    old = edit(file("image", png() + bytes(4 * 1024 * 1024)), model="dall-e-2").problem
    assert old
    assert old.family == "dalle2-png-4mb"


@pytest.mark.parametrize("mode", ["P", "L", "LA", "1", "I;16"])
def test_unusual_mode_is_rejected(mode: str) -> None:
    problem = edit(file("image", png(64, 64, mode))).problem
    assert problem
    assert (problem.family, problem.facts["index"]) == ("invalid-image-file", 1)
    assert f"mode is {mode}" in problem.facts["reason"] or mode in ("I;16",)


def test_mask_without_transparency_or_image_data_is_rejected() -> None:
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
def test_error_requested_by_a_scenario(error: str, wait: float | None, status: int, retry: dict[str, str]) -> None:
    turn = Turn("mine", Step(1, error, retry_after=wait))
    response = respond(edit(), turn, CONTEXT, SETTINGS, "http://x")
    head, chunk, _ = response.plan
    assert isinstance(head, Head)
    assert isinstance(chunk, Chunk)
    assert (response.status, head.status, response.outcome) == (status, status, "refused")
    assert {name: value for name, value in head.headers if name.startswith("retry-after")} == retry
    assert b"{" in chunk.data
    assert b"{model}" not in chunk.data


def test_problem_of_the_request_precedes_a_later_stage_of_the_scenario() -> None:
    turn = Turn("mine", Step(1, "moderation-blocked"))
    response = respond(edit(n=0), turn, CONTEXT, SETTINGS, "http://x")
    assert response.error["code"] == "integer_below_min_value"


@pytest.mark.parametrize(
    ("files", "fields", "expected"),
    [
        ([file("image", png(64, 64, "RGB"))], {}, "dalle2-mode"),
        ([file("image", png(64, 64, "RGB")), file("mask", mask_png())], {}, None),
        ([file("image", png(64, 64, "L"))], {}, None),
        ([file("image", png(64, 32))], {}, "dalle2-square"),
        ([file("image", b"none")], {}, "dalle2-png-4mb"),
        ([file("image", png(), "image/jpeg")], {}, "mimetype"),
        ([file("image", png(), "image/jpeg")], {"day": "2023-01-01"}, "dalle2-png-4mb"),
        ([file("image[]", png())], {}, "invalid-type"),
    ],
)
def test_rules_of_dall_e_2(files: list[Part], fields: dict[str, Any], expected: str | None) -> None:
    understood = edit(*files, **({"model": "dall-e-2"} | fields))
    assert (understood.problem and understood.problem.family) == expected


def test_long_prompt_was_blamed_on_the_model_in_april_2026() -> None:
    assert family(edit(prompt="a" * 32001, day="2026-04-21")) == "value-must-be-dalle2"
    assert family(edit(prompt="a" * 32001)) == "string-too-long"


def test_markup_must_fit_the_image_and_model() -> None:
    def mark(*more: Part, data: bytes = mask_png(), model: str = "gpt-image-2.5-flare") -> str | None:
        problem = edit(file("image", png()), file("markup", data), *more, model=model).problem
        return problem and problem.family

    assert mark() is None
    assert mark(file("mask", mask_png())) == "markup-with-mask"
    assert mark(data=png(32, 32)) == "markup-size"
    assert mark(data=png(64, 64, "RGB")) == "markup-alpha"
    assert mark(data=b"none") == "markup-size"
    assert mark(model="gpt-image-2") == "unknown-parameter"


def test_mask_must_fit_the_image_after_exif_rotation() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    rotated = encode_image(Image.new("RGB", (64, 32)), "JPEG", exif=exif)
    photo = Part("image", "a.jpg", "image/jpeg", rotated, "rotated")
    assert edit(photo, file("mask", mask_png(32, 64))).job
    assert family(edit(photo, file("mask", mask_png(64, 32)))) == "mask-size"


@pytest.mark.parametrize(
    ("accept", "fields", "files"),
    [
        ("images.modes", {}, [file("image", png(64, 64, "P"))]),
        ("size-ratio", {"model": "gpt-image-2", "size": "3840x1024"}, []),
        ("partial-images-no-stream", {"partial_images": 1}, []),
        ("array-too-long", {}, [file("image[]", png())] * 17),
        ("image-too-large", {}, [file("image", png() + bytes(50 * 1024 * 1024))]),
    ],
)
def test_accepted_guess_is_not_enforced(accept: str, fields: dict[str, Any], files: list[Part]) -> None:
    request = form(*(files or [file("image", png())]), **({"model": "gpt-image-1.5", "prompt": "x"} | fields))
    assert understand(request, Settings(auth="open")).problem
    assert understand(request, Settings(auth="open", accept=frozenset([accept]))).job


EXTENDED = encode_image(Image.new("RGBA", (64, 64), (1, 2, 3, 4)), "WEBP")
ANIMATED = encode_image(
    Image.new("RGB", (64, 64)), "PNG", save_all=True, append_images=[Image.new("RGB", (64, 64), "red")]
)


@pytest.mark.parametrize(
    ("data", "kind", "trait"),
    [
        (encode_image(Image.new("RGB", (64, 64)), "JPEG"), "image/png", "mismatched"),
        (png(), "image/webp", "mismatched"),
        (EXTENDED, "image/webp", "extended_webp"),
        (ANIMATED, "image/png", "animated"),
    ],
)
def test_trait_is_rejected_unless_accepted(data: bytes, kind: str, trait: str) -> None:
    request = form(file("image", data, kind), model="gpt-image-2", prompt="x")
    problem = understand(request, SETTINGS).problem
    assert problem
    assert (problem.family, problem.facts["index"]) == ("invalid-image-file", 1)
    assert understand(request, Settings(auth="open", accept=frozenset([f"images.{trait}"]))).job


def test_simple_webp_is_accepted() -> None:
    assert edit(file("image", encode_image(Image.new("RGB", (64, 64)), "WEBP"), "image/webp")).job


def test_photo_with_several_images_is_rejected() -> None:
    # Phones save such JPEG files (MPO).
    photo = encode_image(Image.new("RGB", (64, 64)), "MPO", save_all=True, append_images=[Image.new("RGB", (64, 64))])
    assert family(edit(file("image", photo, "image/jpeg"))) == "invalid-image-file"


def test_greyscale_mask_gets_the_message_of_a_wrong_size() -> None:
    assert family(edit(file("image", png()), file("mask", png(64, 64, "L")))) == "mask-size"


def test_mask_is_too_large_unless_accepted() -> None:
    heavy = file("mask", mask_png() + bytes(4 * 1024 * 1024))
    problem = edit(file("image", png()), heavy).problem
    assert problem
    assert (problem.family, problem.facts["param"]) == ("image-too-large", "mask")
    request = form(file("image", png()), heavy, prompt="x")
    assert understand(request, Settings(auth="open", accept=frozenset(["mask.bytes"]))).job


@pytest.mark.parametrize(
    ("error", "code"), [("stream-error", "image_generation_failed"), ("stream-moderation", "moderation_blocked")]
)
def test_stream_error_follows_the_partial_images(error: str, code: str) -> None:
    turn = Turn("mine", Step(1, error))
    streamed = edit(stream="true", partial_images=2)
    response = respond(streamed, turn, CONTEXT, SETTINGS, "http://x")
    frames = [step.data for step in response.plan if isinstance(step, Chunk)]
    assert [frame.partition(b"\n")[0].decode() for frame in frames] == [
        "event: image_edit.partial_image",
        "event: image_edit.partial_image",
        "event: error",
    ]
    data = json.loads(frames[-1].split(b"data: ")[1])
    assert list(data) == ["type", "error"]
    assert list(data["error"])[:4] == ["type", "code", "message", "param"]
    assert (data["error"]["code"], response.status, response.outcome) == (code, 200, "refused")
    assert respond(edit(), turn, CONTEXT, SETTINGS, "http://x").outcome == "served"
    assert respond(edit(n=0), turn, CONTEXT, SETTINGS, "http://x").status == 400


@pytest.mark.parametrize(
    ("step", "fields", "steps"),
    [
        (None, {"n": 5}, 10),
        (None, {"stream": "true", "partial_images": 2}, 6),
        (Step(1, "stream-error"), {"stream": "true", "partial_images": 2}, 6),
    ],
    ids=["plain", "stream", "interrupted"],
)
def test_no_image_is_rendered_after_a_disconnect(
    monkeypatch: pytest.MonkeyPatch, step: Step | None, fields: dict[str, Any], steps: int
) -> None:
    job, turn, begun = edit(prompt=f"abandoned {step}", **fields), Turn("mine", step), []
    for name in ("render_image", "blur", "encode"):
        real = getattr(render, name)
        monkeypatch.setattr(render, name, lambda *args, real=real: (begun.append(real), real(*args))[1])
    for limit in range(steps + 1):
        begun.clear()
        response = respond(job, turn, CONTEXT, SETTINGS, "http://x", lambda limit=limit: len(begun) >= limit)  # type: ignore[misc]
        assert len(begun) == limit
        assert (response.images == ()) is (limit < steps)
    begun.clear()
    assert respond(job, turn, CONTEXT, SETTINGS, "http://x", lambda: True) == response
    assert begun == []


def test_latency_delays_a_response_and_spaces_events_evenly() -> None:
    plain = respond(edit(), Turn("ok", None), CONTEXT, replace(SETTINGS, latency=2.0), "http://x")
    assert [type(step).__name__ for step in plain.plan] == ["Wait", "Head", "Chunk", "End"]
    assert plain.plan[0] == Wait(2.0)
    streamed = respond(
        edit(stream="true", partial_images=3), Turn("ok", None), CONTEXT, replace(SETTINGS, latency=2.0), "http://x"
    )
    assert [step.seconds for step in streamed.plan if isinstance(step, Wait)] == [0.5] * 4
    created = [
        json.loads(step.data.split(b"data: ")[1])["created_at"] for step in streamed.plan if isinstance(step, Chunk)
    ]
    assert created == [0, 1, 1, 2]


def test_realistic_latency_is_drawn_from_recorded_values_and_sent_as_header() -> None:
    settings = replace(SETTINGS, latency=None)
    waits = set()
    for position in range(20):
        context = CONTEXT._replace(position=position)
        response = respond(edit(quality="medium"), Turn("ok", None), context, settings, "http://x")
        wait, head, *_ = response.plan
        assert isinstance(wait, Wait)
        assert isinstance(head, Head)
        assert 15.9 <= wait.seconds <= 18.9
        assert dict(head.headers)["openai-processing-ms"] == f"{wait.seconds * 1000:.0f}"
        assert response == respond(edit(quality="medium"), Turn("ok", None), context, settings, "http://x")
        waits.add(wait.seconds)
    assert len(waits) > 10


ORDER = ["date", "content-type", "transfer-encoding"]


@pytest.mark.parametrize(
    ("day", "names", "absent"),
    [
        (
            "2025-04-01",
            [*ORDER, "access-control-allow-origin", "openai-version", "openai-organization"],
            "openai-project",
        ),
        (
            "2025-09-01",
            [*ORDER, "openai-version", "openai-organization", "openai-project"],
            "access-control-allow-origin",
        ),
        ("2026-05-20", [*ORDER, "cf-ray", "cf-cache-status", "server"], "x-envoy-upstream-service-time"),
        (
            "2026-08-10",
            [*ORDER, "openai-version", "openai-organization", "openai-project"],
            "x-envoy-upstream-service-time",
        ),
    ],
)
def test_headers_as_of_a_date(day: str, names: list[str], absent: str) -> None:
    model = "dall-e-2" if day < "2025-04-23" else "gpt-image-1.5" if day > "2025-12-16" else "gpt-image-1"
    response = respond(
        edit(model=model, day=day), Turn("ok", None), CONTEXT._replace(as_of=as_of(day)), SETTINGS, "http://x"
    )
    head = response.plan[0]
    assert isinstance(head, Head)
    sent = [name for name, _ in head.headers]
    assert sent[: len(names)] == names
    assert absent not in sent
    assert sent.count("set-cookie") == (1 if day >= "2026-08" else 2)
    assert ("x-envoy-upstream-service-time" in sent) == ("2025-08" <= day < "2026-01-17")


@pytest.mark.parametrize(
    ("day", "keys"),
    [
        ("2025-05-22", ["created", "data", "usage"]),
        ("2025-06-03", ["created", "background", "data", "output_format", "quality", "size", "usage"]),
    ],
)
def test_body_as_of_a_date(day: str, keys: list[str]) -> None:
    response = respond(
        edit(model="gpt-image-1", day=day), Turn("ok", None), CONTEXT._replace(as_of=as_of(day)), SETTINGS, "http://x"
    )
    body = json.loads(next(step.data for step in response.plan if isinstance(step, Chunk)))
    assert list(body) == keys
    assert "output_tokens_details" not in body["usage"]


def test_events_as_of_a_date() -> None:
    day = as_of("2025-10-22")
    understood = edit(model="gpt-image-1", day=day.label, stream="true", partial_images=1)
    response = respond(understood, Turn("ok", None), CONTEXT._replace(as_of=day), SETTINGS, "http://x")
    partial, completed = (
        json.loads(step.data.split(b"data: ")[1]) for step in response.plan if isinstance(step, Chunk)
    )
    assert list(partial)[:4] == ["type", "partial_image_index", "b64_json", "created_at"]
    assert "sequence_number" not in partial
    assert list(completed)[:4] == ["type", "b64_json", "created_at", "usage"]
    assert list(completed["usage"]) == ["input_tokens", "output_tokens", "total_tokens", "input_tokens_details"]

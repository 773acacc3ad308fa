"""Faults as functions from plan to plan, alone and combined, without a socket."""

import base64
import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from PIL import UnidentifiedImageError

from mockserver.contract.asof import as_of
from mockserver.core.plan import Chunk, Cut, End, Head, Plan, Raw, Wait, single_chunk
from mockserver.core.sse import frame
from mockserver.engine.context import Context
from mockserver.images.convert import convert_image
from mockserver.scenario.faults import table
from mockserver.scenario.faults.fault import RequestedFault
from mockserver.scenario.faults.table import FAULTS, apply_faults
from tests.support.images import decode_image, png

DATE = ("date", "Wed, 18 Nov 2026 11:06:40 GMT")
PICTURE = base64.b64encode(png()).decode("ascii")
SERVED = {"created": 1, "data": [{"b64_json": PICTURE}], "quality": "low", "usage": {"total_tokens": 3}}
CHUNKED = (DATE, ("content-type", "application/json"), ("transfer-encoding", "chunked"))


def json_plan(value: Any, status: int = 200) -> Plan:
    body = json.dumps(value).encode()
    return single_chunk(status, (DATE, ("content-type", "application/json"), ("content-length", str(len(body)))), body)


def event(kind: str, number: int) -> bytes:
    name = f"image_edit.{kind}"
    data = {"type": name, "b64_json": PICTURE, "sequence_number": number, "created_at": 1}
    return frame(name, json.dumps(data, separators=(",", ":")).encode())


STREAM: Plan = (
    Head(200, (DATE, ("content-type", "text/event-stream"), ("transfer-encoding", "chunked"))),
    Wait(1),
    Chunk(event("partial_image", 0)),
    Wait(1),
    Chunk(event("partial_image", 1)),
    Chunk(event("completed", 2)),
    End(),
)
STRANGE = (Chunk(b"event: a\ndata: 5\n\n"), Chunk(b"event: a\ndata: {\n\n"), Chunk(b":\n\n"))
PLANS: dict[str, Plan] = {
    "served": (Wait(2), Head(200, CHUNKED), Chunk(json.dumps(SERVED).encode()), End()),
    "told": json_plan(SERVED),
    "refused": json_plan({"error": {"message": "no", "code": None}}, 429),
    "empty": single_chunk(404, (DATE, ("content-length", "0")), b""),
    "stream": STREAM,
    "silent stream": (STREAM[0], End()),
    "list": json_plan([1]),
    "text": json_plan("x" * 3),
    "no json": single_chunk(200, (("content-type", "application/json"), ("content-length", "1")), b"{"),
    "strange stream": (
        STREAM[0],
        Chunk(b"event: a\ndata: 5\n\n"),
        Chunk(b"event: a\ndata: {\n\n"),
        Chunk(b":\n\n"),
        End(),
    ),
    "no picture": json_plan({"data": [{"b64_json": "!"}, {"b64_json": "aGk="}, 5]}),
}
SMALL: dict[str, Any] = {"huge_event": 100}
LIES = {"content_length", "truncate", "close", "reset", "split", "garble"}


def draw(what: str, low: int, high: int) -> int:
    return Context(0, "me", 0, 7, as_of("any")).randint(what, low, high)


def order(*names: str) -> tuple[RequestedFault, ...]:
    return table.parse_faults([{name: SMALL.get(name, {})} for name in names])


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_two_faults_combine(plan: Plan) -> None:
    """Any two faults leave a plan that can be carried out, with a Content-Length that is wrong only if requested."""
    for first in FAULTS:
        for second in FAULTS:
            done = apply_faults(plan, order(first, second), draw, unread=True)
            assert sorted(done.applied + done.skipped) == sorted((first, second))
            ends = [step for step in done.plan if isinstance(step, End | Cut)]
            assert ends
            assert done.plan[-1] in ends
            heads = [step for step in done.plan if isinstance(step, Head)]
            assert len(heads) <= 1
            if heads and not LIES & {first, second}:
                length = dict(heads[0].headers).get("content-length")
                assert length in (None, str(sum(len(s.data) for s in done.plan if isinstance(s, Chunk))))
            assert done.plan != plan or not set(done.applied) - {"early"} or first == second


@pytest.mark.parametrize("name", FAULTS)
def test_same_draws_give_same_plan(name: str) -> None:
    for plan in PLANS.values():
        assert apply_faults(plan, order(name), draw) == apply_faults(plan, order(name), draw)


@pytest.mark.parametrize("name", FAULTS)
def test_inapplicable_faults_are_skipped(name: str) -> None:
    for plan in (PLANS["served"], PLANS["stream"], PLANS["refused"], PLANS["empty"]):
        done = apply_faults(plan, order(name), draw)
        assert (done.plan, done.skipped) == (plan, (name,)) or done.applied == (name,)
        before = next(step.status for step in plan if isinstance(step, Head))
        assert done.status == before or name in ("status", "redirect")


def test_faults_are_applied_by_layer() -> None:
    """Faults of the content are applied before those of HTTP, and those before the connection's; otherwise in order."""
    plan = PLANS["served"]
    done = apply_faults(plan, (*table.parse_faults([{"split": 9}]), *order("status", "missing", "latency")), draw)
    assert done.applied == ("missing", "status", "latency", "split")
    assert done.status == 503
    one = apply_faults(plan, table.parse_faults([{"status": 500}, {"status": 502}]), draw)
    assert one.status == 502


def test_no_faults() -> None:
    assert apply_faults(STREAM, (), draw) == table.FaultedPlan(STREAM, status=200)


def test_draws_differ_between_faults() -> None:
    """Random draws depend only on the context, and differ between the faults of a step."""
    orders = table.parse_faults([{"latency": {"from": 0, "to": 3600}}, {"latency": {"median": 1, "sigma": 2}}] * 2)
    waits = [step.seconds for step in apply_faults(PLANS["told"], orders, draw).plan if isinstance(step, Wait)]
    assert len(set(waits)) == 4
    assert all(0 <= wait <= 3600 for wait in waits)


def test_latency_distribution() -> None:
    """A lognormal latency has the given median, and a limit."""

    def latency(given: Any, drawn: int) -> float:
        step = apply_faults(
            PLANS["told"], table.parse_faults([{"latency": given}]), lambda what, low, high: drawn
        ).plan[0]
        assert isinstance(step, Wait)
        return step.seconds

    assert latency({"median": 2}, 500_000) == 2
    assert latency({"median": 2}, 841_345) == pytest.approx(2 * 2.718281828**0.5, rel=1e-3)
    assert latency({"median": 3600, "sigma": 5}, 999_999) == 3600
    assert latency({"from": 2}, 2000) == 2
    assert latency(0.25, 0) == 0.25


def test_serialized_head() -> None:
    """A serialized head is what HTTP would send; an unknown status has no phrase."""
    plan = single_chunk(599, (("a", "1"), ("content-length", "2")), b"hi")
    done = apply_faults(plan, table.parse_faults([{"split": {"at": [1000, 12]}}]), draw)
    raw = b"".join(step.data for step in done.plan if isinstance(step, Raw))
    assert raw == b"HTTP/1.1 599 \r\na: 1\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi"
    assert done.plan[0] == Raw(b"HTTP/1.1 599")


def test_drip_is_limited() -> None:
    """A drip has at most about a hundred thousand pieces."""
    plan = single_chunk(200, (), b"x" * 1_000_000)
    done = apply_faults(plan, table.parse_faults([{"drip": {"bytes": 1.0}}]), draw)
    assert len(done.plan) == 2 + 2 * 100_000


@pytest.mark.parametrize(
    ("format", "size", "expected"),
    [
        (None, None, ("JPEG", (64, 64))),
        ("webp", None, ("WEBP", (64, 64))),
        (None, "3x5", ("PNG", (3, 5))),
        ("png", "3x5", ("PNG", (3, 5))),
    ],
)
def test_convert_image(format: str | None, size: str | None, expected: Any) -> None:
    picture = decode_image(convert_image(png(), format, size))
    assert (picture.format, picture.size) == expected


def test_convert_jpeg() -> None:
    assert decode_image(convert_image(convert_image(png()))).format == "PNG"
    with pytest.raises(UnidentifiedImageError):
        convert_image(b"no picture")


@pytest.mark.parametrize("path", ["data", "usage", "data.*", "*", ["usage", "usage", "usage.*"]])
@pytest.mark.parametrize("first", ["nulls", "missing", "wrong_type", "new_enum"])
def test_documents_changed_by_other_faults(first: str, path: Any) -> None:
    """Faults of the content handle what other faults leave."""
    for second in FAULTS.values():
        orders = (*table.parse_faults([{first: path}]), *order(second.name))
        assert isinstance(apply_faults(PLANS["told"], orders, draw).plan[-1], End | Cut)


def test_plan_without_head() -> None:
    """Faults that need a head skip a plan that is serialized or cut."""
    for row in FAULTS.values():
        if row.on in ("any response", "upload") and row.name not in ("latency", "split"):
            assert row.apply((Raw(b"x"), Cut("close")), row.request({}).parameters, draw) is None
    garble = FAULTS["garble"]
    assert garble.apply((Cut("close"),), garble.request({"in": "headers"}).parameters, draw) is None


def extremes(schema: Any) -> list[Any]:
    """Parameter values at the limits of the schema."""
    kinds = schema["type"] if isinstance(schema.get("type"), list) else [schema.get("type")]
    found = [schema[key] for key in ("minimum", "maximum", "default") if key in schema] + list(schema.get("enum", ()))
    if "array" in kinds:
        found += [extremes(schema["items"]), extremes(schema["items"])[:1]]
    if "string" in kinds:
        texts = ["", "*", "data.*", "9x9", "/a", "日本", "\ud800", "a\nb", "usage.total_tokens", "data"]
        valid = Draft202012Validator(schema).is_valid
        found += [text for text in texts if valid(text)]
    if "integer" in kinds and "maximum" not in schema:
        found.append(10**12)
    return [*found, None] if "null" in kinds else found


@pytest.mark.parametrize("name", FAULTS)
def test_extreme_parameters(name: str) -> None:
    """Any parameters that the schema allows give a plan with an end and valid headers."""
    row = FAULTS[name]
    for key, schema in row.parameters.items():
        for value in extremes(schema):
            if name == "huge_event" and value > 10**6:
                continue
            Draft202012Validator(row.schema()).validate({key: value})
            for plan in PLANS.values():
                done = apply_faults(plan, table.parse_faults([{name: {key: value}}, {"split": 100}]), draw, unread=True)
                assert isinstance(done.plan[-1], End | Cut)
                heads = b"".join(step.data for step in done.plan if isinstance(step, Raw)).partition(b"\r\n\r\n")[0]
                assert all(b"\n" not in line for line in heads.split(b"\r\n"))

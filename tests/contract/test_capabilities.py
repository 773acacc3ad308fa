"""The capability table: inheritance, dates of models, and agreement with the schema of the form."""

import itertools
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mockserver.contract import catalogue
from mockserver.contract.asof import AsOf, as_of, latest_date
from mockserver.contract.capabilities import default_model, merge, table
from mockserver.core import data_files
from mockserver.core.request import Part, Request
from mockserver.engine.understand import understand
from mockserver.engine.values import Settings
from tests.support.images import png

EDITS, GENERATIONS, VARIATIONS = "images/edits", "images/generations", "images/variations"
DAY = timedelta(days=1)
MODELS = data_files.contract("models.yaml")["models"]


@pytest.mark.parametrize(
    ("below", "above", "merged"),
    [
        ({}, {"a": 1}, {"a": 1}),
        ({"a": 1}, {}, {"a": 1}),
        ({"a": 1, "b": 2}, {"a": 3}, {"a": 3, "b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 3, "d": 4}}, {"a": {"b": 1, "c": 3, "d": 4}}),
        ({"a": {"b": 1}}, {"a": False}, {"a": False}),
        ({"a": False}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1}}, {"a": None}, {"a": None}),
    ],
)
def test_merge(below: dict[str, Any], above: dict[str, Any], merged: dict[str, Any]) -> None:
    before = repr((below, above))
    assert merge(below, above) == merged
    assert repr((below, above)) == before


def test_table() -> None:
    assert list(table()) == list(MODELS)
    assert table() is table()


@pytest.mark.parametrize("model", MODELS)
def test_complete_rows(model: str) -> None:
    """Every row has, with its inherited values, everything that the code reads."""
    capability = table()[model]
    row = capability.row
    assert capability.group in ("gpt-image", "dall-e-2", "dall-e-3")
    assert capability.released <= latest_date()
    assert capability.shutdown is None or capability.released < capability.shutdown
    assert capability.shutdown is None or row["replacement"]
    assert set(row["endpoints"]) <= {EDITS, GENERATIONS, VARIATIONS}
    assert row["confidence"] in ("high", "medium", "low")
    assert row["source"]
    assert row["auto"]["quality"]
    assert {"minimum", "maximum", "bytes", "types", "formats", "modes"} <= set(row["images"])
    assert set(row["images"]["problems"].values()) <= set(catalogue.families())
    assert ("tokens" in row) == row["usage"]
    for key, value in MODELS[model].items():
        assert row[key] == value or isinstance(value, Mapping)
    if snapshot := row.get("snapshot_of"):
        assert {key: row[key] for key in ("parameters", "released", "refusals")} == {
            key: table()[snapshot].row[key] for key in ("parameters", "released", "refusals")
        }


@pytest.mark.parametrize("model", MODELS)
def test_rules_name_families(model: str) -> None:
    for family, rule in table()[model].row["refusals"].items():
        assert family in catalogue.families()
        assert rule["when"]


def test_rules_in_order() -> None:
    """Inherited rules come first, and a rule is valid only between its dates."""
    before, after = as_of("2026-08-19"), as_of("2026-08-20")
    inherited = ["svg-model-required", "gif-conflict", "svg-conflict", "gif-only", "svg-only"]
    inherited += ["stream-n", "partial-images-no-stream", "png-compression", "transparent-jpeg", "input-fidelity-model"]
    model = table()["gpt-image-2-2026-04-21"]
    assert [family for family, _ in model.rules(before)] == [*inherited, "transparent-model"]
    assert [family for family, _ in model.rules(after)] == inherited
    assert dict(model.rules(before))["transparent-model"]["when"] == {"background": "transparent"}
    assert list(table()["dall-e-3"].rules(after)) == []


@pytest.mark.parametrize(
    ("model", "name", "value"),
    [
        ("gpt-image-1", "input_fidelity", {"enum": ["high", "low"], "default": "low"}),
        ("gpt-image-1-mini", "input_fidelity", False),
        ("gpt-image-2", "quality", {"enum": ["low", "medium", "high", "auto"], "default": "auto"}),
        ("gpt-image-2.6-flare", "markup", {}),
        ("gpt-image-2", "markup", False),
        ("dall-e-3", "n", {"minimum": 1, "maximum": 1, "default": 1}),
        ("dall-e-3", "background", False),
        ("dall-e-2", "nothing that a row speaks of", {}),
    ],
)
def test_parameter_schema(model: str, name: str, value: Any) -> None:
    assert table()[model].parameter_schema(name) == value


@pytest.mark.parametrize(
    ("model", "family", "body", "day", "by"),
    [
        ("gpt-image-1.5", "string-too-long", "edit-form", "2026-08-28", "value-must-be-dalle2"),
        ("gpt-image-1.5", "string-too-long", "edit-form", "2026-08-29", "string-too-long"),
        ("gpt-image-1.5", "string-too-long", "edit-json", "2026-08-28", "string-too-long"),
        ("gpt-image-1.5", "empty-string", "edit-form", "2026-08-28", "empty-string"),
        ("dall-e-2", "mimetype", "edit-form", "2025-03-31", "dalle2-png-4mb"),
        ("dall-e-2", "missing-mimetype", "edit-form", "2025-03-31", "dalle2-png-4mb"),
        ("dall-e-2", "mimetype", "edit-form", "2025-04-01", "mimetype"),
        ("dall-e-3", "mimetype", "generation", "2025-03-31", "mimetype"),
    ],
)
def test_substitutes(model: str, family: str, body: str, day: str, by: str) -> None:
    """For some time the API returned one error instead of another."""
    assert table()[model].substitute_family(family, body, as_of(day)) == by
    assert by in catalogue.families()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("endpoint", [EDITS, GENERATIONS, VARIATIONS])
def test_is_served(model: str, endpoint: str) -> None:
    """From its release to the day before its shutdown, at its own endpoints."""
    capability = table()[model]
    there = endpoint in capability.row["endpoints"]
    first = capability.released
    end = capability.shutdown or date(2030, 1, 1)
    days = [first - DAY, first, end - DAY, end, date(2000, 1, 1)]
    served = [capability.is_served(AsOf(str(day), day), endpoint) for day in days]
    gone = capability.shutdown is None
    assert served == [False, there, there, there and gone, False]
    assert capability.is_served(as_of("any"), endpoint) is there
    assert not capability.is_served(as_of("any"), "chat/completions")


SERVED = {
    "2023-11-06": {"dall-e-2"},
    "2025-04-23": {"dall-e-2", "gpt-image-1"},
    "2026-05-12": {n for n in MODELS if n.startswith(("gpt-image-1", "gpt-image-2", "chatgpt"))}
    - {n for n in MODELS if n.startswith(("gpt-image-2.5", "gpt-image-2.6"))},
    "latest": set(MODELS) - {"dall-e-2", "dall-e-3", "gpt-image-1"},
    "2026-12-01": {n for n in MODELS if n.startswith("gpt-image-2")},
    "any": set(MODELS) - {"dall-e-3"},
}


@pytest.mark.parametrize("label", SERVED)
def test_models_of_edits(label: str) -> None:
    assert {name for name, row in table().items() if row.is_served(as_of(label), EDITS)} == SERVED[label]


@pytest.mark.parametrize(
    ("endpoint", "label", "given", "model"),
    [
        (EDITS, "2023-01-01", (), "dall-e-2"),
        (EDITS, "2025-12-15", (), "dall-e-2"),
        (EDITS, "2025-12-16", (), "gpt-image-1.5"),
        (EDITS, "2026-08-28", (), "gpt-image-1.5"),
        (EDITS, "2026-08-29", (), None),
        (EDITS, "latest", ("background",), None),
        (EDITS, "any", (), "gpt-image-1.5"),
        (GENERATIONS, "2025-12-16", (), "dall-e-2"),
        (GENERATIONS, "2026-08-28", ("prompt", "stream"), "gpt-image-1.5"),
        (GENERATIONS, "2026-08-28", ("prompt", "size", "n"), "dall-e-2"),
        (GENERATIONS, "2026-08-29", ("stream",), None),
        (GENERATIONS, "any", (), "dall-e-2"),
        (GENERATIONS, "any", ("moderation",), "gpt-image-1.5"),
    ],
)
def test_default_model(endpoint: str, label: str, given: tuple[str, ...], model: str | None) -> None:
    assert default_model(endpoint, as_of(label), dict.fromkeys(given, "x")) == model


@pytest.mark.parametrize("endpoint", [EDITS, GENERATIONS])
def test_default_model_on_every_date(endpoint: str) -> None:
    """There is a rule for each date, and the default model is available on it."""
    day = date(2022, 11, 3)
    while day <= date(2027, 1, 1):
        model = default_model(endpoint, AsOf(str(day), day), {})
        assert model is None or model in table()
        day += 7 * DAY


# ---- the schema of the form, for tools that only know JSON Schema, agrees with the table ---------------------------

FORM = data_files.contract("schemas/edit-form.json")
VALIDATOR = Draft202012Validator(FORM)
EDITING = [name for name, row in table().items() if EDITS in row.row["endpoints"]]
ENUMS = {
    name: sorted(
        set(schema.get("enum", []))
        | {value for row in table().values() for value in (row.parameter_schema(name) or {}).get("enum", [])}
        | {"bogus"}
    )
    for name, schema in FORM["properties"].items()
    if name != "model" and schema.get("type") == "string" and "format" not in schema and "enum" in schema
}
SIZES = sorted(
    {size for row in table().values() for size in (row.parameter_schema("size") or {}).get("enum", [])} | {"bogus"}
)


def agree(values: Mapping[str, Any]) -> bool:
    """Whether a form with these values is accepted. The server and the schema alone must agree."""
    parts = [Part(name, None, None, _spelled(value).encode(), "") for name, value in values.items()]
    parts.append(Part("image", "a.png", "image/png", png(), "picture"))
    headers = (("content-type", "multipart/form-data; boundary=x"),)
    request = Request("POST", "/v1/images/edits", headers, parts=tuple(parts))
    understood = understand(request, Settings(as_of("any"), "open"))
    accepted = understood.job is not None
    assert VALIDATOR.is_valid({**values, "image": "bytes"}) == accepted, understood.problem
    return accepted


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_form_names_every_model() -> None:
    """In the table's order, so that the newest is last in both."""
    assert FORM["properties"]["model"]["enum"] == EDITING
    assert {n for n, row in table().items() if row.is_served(as_of("latest"), EDITS)} <= set(EDITING)


@pytest.mark.parametrize("model", [*EDITING, None, "gpt-9"])
@pytest.mark.parametrize("name", ENUMS)
def test_form_enums(model: str | None, name: str) -> None:
    named = {"prompt": "x"} | ({"model": model} if model else {})
    assert agree(named) == (model != "gpt-9")
    for value in ENUMS[name]:
        agree({**named, name: value})


@pytest.mark.parametrize("model", [n for n in EDITING if "size_rule" not in table()[n].row])
def test_form_sizes(model: str) -> None:
    """For lists of sizes. JSON Schema cannot express the rules of the others."""
    for size in SIZES:
        agree({"prompt": "x", "model": model, "size": size})


@pytest.mark.parametrize("model", [*EDITING, None])
def test_form_conditions(model: str | None) -> None:
    """Conditions on two parameters at once."""
    named: dict[str, Any] = {"prompt": "x"} | ({"model": model} if model else {})
    groups: list[dict[str, list[Any]]] = [
        {
            "background": ["transparent", "opaque", "auto", None],
            "output_format": ["png", "webp", "jpeg", None],
            "output_compression": [-1, 0, 99, 100, 101, None],
        },
        {
            "output_format": ["gif", "svg", "png", None],
            "frame_count": [1, 2, 16, 17, None],
            "frame_duration_ms": [19, 20, 700000, None],
            "output_compression": [99, 100, None],
        },
        {
            "output_format": ["gif", "svg", "webp", None],
            "svg[model]": ["gpt-6-luna", "", None],
            "svg[reasoning][effort]": ["none", "bogus", None],
            "stream": [True, False, None],
        },
        {
            "output_format": ["gif", "svg", "webp", None],
            "svg[model]": ["gpt-6-luna", None],
            "stream": [True, False, None],
            "n": [1, 2, None],
            "partial_images": [0, 1, None],
        },
        {"stream": [True, False, None], "n": [0, 1, 2, 10, 11, None], "partial_images": [-1, 0, 1, 3, 4, None]},
    ]
    for group in groups:
        found = {
            agree(named | {name: value for name, value in zip(group, values, strict=True) if value is not None})
            for values in itertools.product(*group.values())
        }
        assert found == {True, False}


@pytest.mark.parametrize("model", EDITING)
def test_form_texts(model: str) -> None:
    accepted = [agree({"model": model, "prompt": "x" * length}) for length in (0, 1, 1000, 1001, 32000, 32001)]
    long = model != "dall-e-2"
    assert accepted == [False, True, True, long, long, False]
    agree({"model": model})
    for name in ("user", "safety_identifier", "bogus", "style"):
        agree({"model": model, "prompt": "x", name: "me"})

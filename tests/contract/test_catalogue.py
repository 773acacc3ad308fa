"""The catalogue of errors: complete rows, filled templates, and recorded bodies byte for byte."""

import ast
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

import mockserver
from mockserver.contract.asof import AsOf, as_of, latest_date
from mockserver.contract.catalogue import (
    STAGES,
    WIRES,
    Problem,
    Row,
    families,
    fill_template,
    find_families,
    find_row,
    join_quoted,
    rows,
)
from mockserver.core import data_files
from mockserver.engine.context import Context

IDENTITIES = Context(0, "s", 0, 0, as_of("any")).ids()
GROUPS = ("gpt-image", "dall-e-2", "dall-e-3")
CODE = Path(mockserver.__file__).parent


def names(value: Any) -> set[str]:
    """The names in a template, or in a nested value."""
    if isinstance(value, str):
        return {name for _, name, _, _ in Formatter().parse(value) if name is not None}
    nested = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return set().union(*map(names, nested))


def spoken(row: Row) -> set[str]:
    return set().union(*map(names, (row.message, row.type, row.param, row.code, dict(row.extra), row.hint)))


def test_ids() -> None:
    ids = [row.id for row in rows()]
    assert len(set(ids)) == len(ids) > 80


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.id)
def test_complete_rows(row: Row) -> None:
    assert row.source
    assert row.hint
    assert row.confidence in ("high", "medium", "low", "guess")
    assert row.provider in ("openai", "azure")
    assert STAGES[row.stage] == row.at
    assert row.wire in WIRES
    assert set(row.models) <= set(GROUPS)
    assert set(row.guesses) <= {"status", "message", "type", "param", "code"}
    assert set(row.absent) <= {"message", "type", "param", "code"}
    assert row.confidence != "guess" or row.guesses
    assert row.since is None or row.until is None or row.since < row.until
    assert row.since is None or row.since <= latest_date()
    assert row.status == 200 if row.at == "stream" else 400 <= row.status < 600
    assert all(value.isascii() and value.isprintable() for value in row.headers.values())


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.id)
def test_resolvable(row: Row) -> None:
    """A requested error can be rendered with the row's own facts and those of every response."""
    assert spoken(row) <= {*row.facts, *IDENTITIES, "model"}
    known = {"model": "gpt-image-1.5", **row.facts, **IDENTITIES}
    error, advice = row.error(known), row.render_hint(known)
    assert not re.search(r"\{\w+\}", json.dumps(error) + advice)
    assert row.body(known) == WIRES[row.wire](error)
    assert row.body(known).isascii()


def raised() -> Iterator[tuple[str, str, set[str]]]:
    """Where the code names a family literally, with the facts that it passes."""
    # The faults of a scenario are not errors in a request body.
    for path in (path for path in CODE.rglob("*.py") if path.parent.name != "faults"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Problem", "Fault"):
                family, given = node.args[0], {keyword.arg for keyword in node.keywords}
                if isinstance(family, ast.Constant) and None not in given:
                    yield f"{path.name}:{node.lineno}", family.value, {name for name in given if name}


@pytest.mark.parametrize(("place", "family", "given"), [pytest.param(*r, id=f"{r[0]}-{r[1]}") for r in raised()])
def test_code_passes_all_facts(place: str, family: str, given: set[str]) -> None:
    """An error describes the request, never a row's examples: the code passes every name that any text uses."""
    for row in families().get(family) or families("azure")[family]:
        assert spoken(row) <= given | set(IDENTITIES), place


def test_code_names_known_families() -> None:
    assert len({family for _, family, _ in raised()}) > 15


def test_rules_pass_the_model() -> None:
    """The rules of the capability table pass the model, and the param if several are forbidden."""
    data = data_files.contract("models.yaml")
    rules = [row.get("refusals", {}) for row in [*data["families"].values(), *data["models"].values()]]
    ruled = {family: rule for row in rules for family, rule in row.items()}
    assert len(ruled) > 5
    for family, rule in ruled.items():
        for row in families()[family]:
            assert spoken(row) <= ({"model", "param"} if "forbids" in rule else {"model"})


def groups(row: Row) -> set[str]:
    return set(row.models or GROUPS)


def test_no_overlap() -> None:
    """At most one row of a family is valid on a date, for a provider and a group of models."""
    for one, two in itertools.combinations(rows(), 2):
        if (one.family, one.provider) == (two.family, two.provider) and groups(one) & groups(two):
            first, second = (
                (one.since or date.min, one.until or date.max),
                (two.since or date.min, two.until or date.max),
            )
            assert first[1] <= second[0] or second[1] <= first[0], (one.id, two.id)


def test_families() -> None:
    ordered = [row for some in families().values() for row in some]
    assert sorted(row.id for row in ordered) == sorted(row.id for row in rows() if row.provider == "openai")
    for family, some in families().items():
        assert {row.family for row in some} == {family}
        assert [row.since or date.min for row in some] == sorted(row.since or date.min for row in some)


DAYS = sorted(
    {day + timedelta(days=step) for row in rows() for day in (row.since, row.until) if day for step in (-1, 0, 1)}
)


@pytest.mark.parametrize("family", families())
def test_find_row(family: str) -> None:
    """The valid row; else the oldest later one, else the newest."""
    for day, group in itertools.product([date(2000, 1, 1), *DAYS, latest_date()], GROUPS):
        candidates = [row for row in families()[family] if group in groups(row)] or list(families()[family])
        holding = [row for row in candidates if AsOf("", day).holds(row.since, row.until)]
        later = [row for row in candidates if row.since and row.since > day]
        assert find_row(family, AsOf(str(day), day), group) is [*holding, *later, candidates[-1]][0]


@pytest.mark.parametrize(
    ("family", "day", "group", "row"),
    [
        ("missing-parameter", "2025-03-31", "gpt-image", "dalle2-required"),
        ("missing-parameter", "2025-04-01", "gpt-image", "missing-parameter"),
        ("content-type", "2024-12-31", "gpt-image", "content-type-2023"),
        ("content-type", "2026-02-08", "gpt-image", "content-type-2025"),
        ("content-type", "any", "gpt-image", "content-type-2026"),
        ("invalid-image-file", "2025-06-04", "gpt-image", "invalid-image-file-2025-04"),
        ("invalid-image-file", "2022-11-03", "gpt-image", "invalid-image-file-2025-04"),
        ("moderation-blocked", "latest", "gpt-image", "moderation-blocked"),
        ("moderation-blocked", "latest", "dall-e-2", "moderation-blocked"),
        ("content-policy-result", "latest", "dall-e-3", "content-policy-result-2026"),
        ("content-policy-result", "latest", "gpt-image", "content-policy-result-2026"),
        ("invalid-url", "latest", "gpt-image", "invalid-url"),
        ("slow-down", "2024-01-01", "gpt-image", "slow-down"),
    ],
)
def test_find_row_for_every_family(family: str, day: str, group: str, row: str) -> None:
    assert find_row(family, as_of(day), group).id == row


def test_find_row_unknown() -> None:
    with pytest.raises(KeyError):
        find_row("no-such-family", as_of("any"))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("rate-input-images", ("rate-input-images",)),
        ("rate_limit_exceeded", ("rate-input-images",)),
        ("billing_hard_limit_reached", ("billing-hard-limit",)),
        ("moderation_blocked", ("moderation-blocked", "stream-moderation")),
        ("RateLimitReached", ()),
        ("azure-rate", ()),
        ("", ()),
    ],
)
def test_find_families(name: str, found: tuple[str, ...]) -> None:
    """A family, or the families with an API code of OpenAI's own."""
    assert find_families(name) == found


@pytest.mark.parametrize(
    ("values", "last", "text"),
    [
        ([], "and", ""),
        (["a"], "and", "'a'"),
        (["a", "b"], "and", "'a' and 'b'"),
        (["a", "b"], "or", "'a' or 'b'"),
        (["a", "b", "c"], "and", "'a', 'b', and 'c'"),
        (["low", "medium", "high", "auto"], "or", "'low', 'medium', 'high', or 'auto'"),
        (iter([1, 2]), "and", "'1' and '2'"),
    ],
)
def test_join_quoted(values: Any, last: str, text: str) -> None:
    assert join_quoted(values, last) == text


@pytest.mark.parametrize(
    ("value", "filled"),
    [
        ("{a} and {b}", "1 and {a}"),
        (None, None),
        (5, 5),
        (False, False),
        ({"x": "{a}", "y": ["{b}", None]}, {"x": "1", "y": ["{a}", None]}),
    ],
)
def test_fill_template(value: Any, filled: Any) -> None:
    """Facts are inserted once: their values are not templates."""
    assert fill_template(value, {"a": 1, "b": "{a}"}) == filled


ERROR = {"message": "é '{x}'", "type": "t", "param": None, "code": "c"}


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (
            "pretty",
            b'{\n  "error": {\n    "message": "\\u00e9 \'{x}\'",\n    "type": "t",\n'
            b'    "param": null,\n    "code": "c"\n  }\n}',
        ),
        (
            "pretty-sorted-newline",
            b'{\n  "error": {\n    "code": "c",\n    "message": "\\u00e9 \'{x}\'",\n'
            b'    "param": null,\n    "type": "t"\n  }\n}\n',
        ),
        ("compact-sorted", b'{"error":{"code":"c","message":"\\u00e9 \'{x}\'","param":null,"type":"t"}}'),
        ("string", b'{"error": "\\u00e9 \'{x}\'"}'),
        ("empty", b""),
    ],
)
def test_wires(wire: str, body: bytes) -> None:
    assert WIRES[wire](ERROR) == body


def test_error() -> None:
    """Absent keys are omitted, extra ones come last, given facts override the examples."""
    assert set(WIRES) == {"pretty", "pretty-sorted-newline", "compact-sorted", "string", "message", "empty"}
    by_id = {row.id: row for row in rows()}
    blocked = by_id["moderation-blocked"].error({**IDENTITIES, "category": "violence"})
    assert list(blocked) == ["message", "type", "param", "code", "moderation_details"]
    assert blocked["moderation_details"] == {"moderation_stage": "output", "categories": ["violence"]}
    assert "safety_violations=[violence]" in blocked["message"]
    azure = by_id["azure-content-filter"]
    assert list(azure.error({})) == ["message", "type", "code", "inner_error"]
    assert azure.body({}).startswith(b'{"error":{"code":"content_policy_violation","inner_error":{"code":')


def test_lone_surrogate() -> None:
    """JSON allows one, and it is echoed unchanged."""
    body = find_row("not-in-enum", as_of("any")).body({"param": "quality", "value": "\ud800", "values": "'low'"})
    assert b"Invalid value: '\\ud800'." in body


def test_problem() -> None:
    problem = Problem("below-minimum", param="n", minimum=1, value=0)
    assert (str(problem), problem.facts) == ("below-minimum", {"param": "n", "minimum": 1, "value": 0})


FORMATS = "'image/jpeg', 'image/png', and 'image/webp'"
# Complete exchanges recorded by crmne/ruby_llm: the date, the facts, Content-Length, the body.
RECORDED: list[tuple[str, str, dict[str, Any], int, list[Any]]] = [
    (
        "json-image-data",
        "2026-08-10",
        {"param": "images[0].image_url"},
        170,
        ["Invalid image data.", "image_generation_user_error", "images[0].image_url", "invalid_image_file"],
    ),
    (
        "download-failed",
        "2026-08-10",
        {"status_code": 404},
        180,
        ["Error while downloading file. Upstream status code: 404.", "invalid_request_error", "url", "invalid_value"],
    ),
    (
        "invalid-image-file",
        "2025-04-28",
        {"index0": 0, "index": 1},
        201,
        [
            "Invalid image file or mode for image 0, please check the your image file.",
            "invalid_request_error",
            None,
            "invalid_image_file",
        ],
    ),
    (
        "invalid-api-key",
        "2025-12-04",
        {"key_masked": "test"},
        233,
        [
            "Incorrect API key provided: test. "
            "You can find your API key at https://platform.openai.com/account/api-keys.",
            "invalid_request_error",
            None,
            "invalid_api_key",
        ],
    ),
    (
        "invalid-api-key",
        "2026-06-11",
        {"key_masked": "invalid-key"},
        240,
        [
            "Incorrect API key provided: invalid-key. "
            "You can find your API key at https://platform.openai.com/account/api-keys.",
            "invalid_request_error",
            None,
            "invalid_api_key",
        ],
    ),
    (
        "mimetype",
        "2025-09-11",
        {"param": "image[0]", "mimetype": "audio/wav", "formats": FORMATS},
        273,
        [
            f"Invalid file 'image[0]': unsupported mimetype ('audio/wav'). Supported file formats are {FORMATS}.",
            "invalid_request_error",
            "image[0]",
            "unsupported_file_mimetype",
        ],
    ),
    (
        "mimetype",
        "2026-06-08",
        {"param": "image[0]", "mimetype": "image/svg+xml", "formats": FORMATS},
        277,
        [
            f"Invalid file 'image[0]': unsupported mimetype ('image/svg+xml'). Supported file formats are {FORMATS}.",
            "invalid_request_error",
            "image[0]",
            "unsupported_file_mimetype",
        ],
    ),
]


@pytest.mark.parametrize(("family", "day", "facts", "length", "values"), RECORDED)
def test_recorded(family: str, day: str, facts: dict[str, Any], length: int, values: list[Any]) -> None:
    body = find_row(family, as_of(day)).body(facts)
    spelled = [json.dumps(value) for value in values]
    lines = [f'    "{key}": {value}' for key, value in zip(["message", "type", "param", "code"], spelled, strict=True)]
    assert body.decode() == '{\n  "error": {\n' + ",\n".join(lines) + "\n  }\n}"
    assert len(body) == length

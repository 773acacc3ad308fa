"""Strategies that generate calls that the contract allows, and responses with legal and hostile faults."""

import copy
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import schemathesis
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from schemathesis.config import SchemathesisConfig

from mockserver.harness.fuzz import examples
from mockserver.harness.fuzz.case import Case, File
from mockserver.harness.fuzz.client_profile import ClientProfile
from mockserver.harness.fuzz.fault_variants import shorten_waits
from mockserver.harness.fuzz.valid import is_allowed, normalize_numbers
from mockserver.scenario.faults.fault import Fault
from mockserver.scenario.faults.table import FAULTS

TEXT = st.characters(exclude_categories=["Cs"])
TEXTS = ("ultra", "日本🦊", "x y", "48x16")
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=40)
# Without the schemathesis.toml of the current folder.
CONFIG = SchemathesisConfig()


def options(parameters: Mapping[str, Any]) -> SearchStrategy[Any]:
    """Parameters by name, as Schemathesis generates them from their schemas."""
    schema = {"type": "object", "properties": copy.deepcopy(dict(parameters)), "additionalProperties": False}
    content = {"application/json": {"schema": schema}}
    operation = {
        "requestBody": {"required": True, "content": content},
        "responses": {"200": {"description": "served"}},
    }
    document = {"openapi": "3.1.0", "info": {"title": "", "version": ""}, "paths": {"/": {"post": operation}}}
    return (
        schemathesis.openapi.from_dict(document, config=CONFIG)["/"]["POST"].as_strategy().map(lambda case: case.body)
    )


def calls(profile: ClientProfile, model: str) -> SearchStrategy[Case]:
    kinds = [{"png": {"size": "16x16"}}, {"jpeg": {"size": "9x17"}}, {"webp": {"size": "17x9"}}]
    recipes = st.sampled_from(kinds) | st.builds(
        lambda wide, high: {"png": {"size": f"{wide}x{high}"}}, st.integers(1, 300), st.integers(1, 300)
    )
    suffixes = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
    files = st.builds(lambda name, recipe: File(f"{name}{suffixes[next(iter(recipe))]}", recipe), NAMES, recipes)
    masked = st.builds(lambda size, name: _build_masked(f"{size}x{size}", name), st.integers(2, 64), NAMES)
    images = st.lists(files, min_size=1, max_size=4).map(lambda some: (tuple(some), None))
    prompts = st.text(TEXT, min_size=1, max_size=100) | st.builds(
        lambda text, times: (text * times)[:32000], st.text(TEXT, min_size=1, max_size=20), st.integers(1, 3000)
    )
    calls = st.builds(_build_call, prompts, images | masked, options(profile.parameters), st.booleans())
    return calls.map(normalize_numbers).filter(lambda case: is_allowed(case, model, profile.day))


def _build_masked(size: str, name: str) -> tuple[tuple[File, ...], File]:
    recipe = {"png": {"size": size, "alpha_hole": True}}
    return (File("a.png", {"png": {"size": size}}),), File(f"{name}.png", recipe)


def _build_call(prompt: str, files: Any, options: Mapping[str, Any], stream: bool) -> Case:
    known = {name: value for name, value in options.items() if not _has_surrogate(value)}
    if stream:
        known.pop("n", None)
    else:
        known.pop("partial_images", None)
    return Case(prompt, files[0], files[1], known, stream)


def _has_surrogate(value: Any) -> bool:
    return isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value)


def bases() -> SearchStrategy[Case]:
    """Calls for one to three images, or for a stream with up to three partial images."""
    bodies = st.integers(1, 3).map(lambda n: Case(options={"n": n} if n > 1 else {}))
    streams = st.integers(0, 3).map(lambda count: Case(stream=True, options={"partial_images": count}))
    return bodies | streams


def faults(row: Fault) -> SearchStrategy[dict[str, Any]]:
    """One fault as a scenario requests it, with generated parameters."""
    parameters = {name: _value(row, name, schema) for name, schema in row.parameters.items() if _is_varied(row, name)}
    # The default size would take long together with pieces and pauses.
    required = parameters if row.name == "huge_event" else {}
    return st.fixed_dictionaries(required, optional={} if required else parameters).map(
        lambda some: {row.name: shorten_waits(row, some)}
    )


def _is_varied(row: Fault, name: str) -> bool:
    return name not in ("path", "from", "to", "median", "sigma", "most", "to", "seconds") and (row.name, name) != (
        "stall",
        "seconds",
    )


def _value(row: Fault, name: str, schema: Mapping[str, Any]) -> SearchStrategy[Any]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = str(schema.get("type"))
    if kind == "array":
        return st.lists(st.integers(1, 2000), min_size=1, max_size=8, unique=True)
    if kind == "boolean":
        return st.booleans()
    if kind in ("integer", "number"):
        low = max(schema.get("minimum", 0), 32 if row.name in ("drip", "split") else -2000)
        high = min(schema.get("maximum", 2000), 20_000 if row.name == "huge_event" else 2000)
        return st.integers(int(low), int(high)) if kind == "integer" else st.floats(low, high, width=16)
    return st.sampled_from([text for text in TEXTS if re.search(schema.get("pattern", ""), text)])


def combined_faults(profile: ClientProfile, without: frozenset[str] = frozenset()) -> SearchStrategy[Case]:
    """Responses with up to four legal faults and token counts of any size."""
    rows = [
        row
        for row in FAULTS.values()
        if row.mark == "legal" and row.name not in examples.EXCLUDED and (row.name != "gzip" or profile.accepts_gzip)
    ]
    rows = [row for row in rows if row.name not in without]
    requested = st.lists(st.one_of([faults(row) for row in rows]), max_size=4, unique_by=lambda one: next(iter(one)))
    usage = st.fixed_dictionaries({}, optional={"input_tokens": st.integers(0, 2**53 - 1)})
    return st.builds(_build_legal_case, bases(), requested, usage)


def _build_legal_case(case: Case, faults: list[Any], usage: Mapping[str, Any]) -> Case:
    label = " + ".join(sorted(name for one in faults for name in one))
    return examples.build_case(case, label, *faults, **({"usage": dict(usage)} if usage else {}))


def hostile_responses() -> SearchStrategy[Case]:
    """Responses with one or two hostile faults and at most one legal one, in each response or only in the first."""
    rows = [row for row in FAULTS.values() if row.mark == "hostile" and row.on != "upload" and row.name != "stall"]
    legal = [FAULTS[name] for name in ("unknown_fields", "split", "comments", "line_ends", "unknown_events")]
    requested = st.tuples(
        st.lists(
            st.one_of([faults(row) for row in rows]), min_size=1, max_size=2, unique_by=lambda one: next(iter(one))
        ),
        st.lists(st.one_of([faults(row) for row in legal]), max_size=1),
    )
    return st.builds(_build_hostile_case, bases(), requested, st.booleans())


def _build_hostile_case(case: Case, faults: Any, once: bool) -> Case:
    some = [*faults[0], *faults[1]]
    case = examples.build_repeated_case(case, " + ".join(sorted(name for one in some for name in one)), *some)
    if not once:
        return case
    first = {name: value for name, value in case.steps[0].items() if name != "times"}
    return replace(case, steps=(first, {"ok": {}, "times": "forever"}))

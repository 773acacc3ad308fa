"""Strategies of Hypothesis and Schemathesis: calls that the contract allows, and what may become of their answers."""

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
from mockserver.harness.fuzz.client_profile import Ground
from mockserver.harness.fuzz.fault_variants import quick
from mockserver.harness.fuzz.valid import allowed, integral
from mockserver.scenario.faults.fault import Fault
from mockserver.scenario.faults.table import FAULTS

TEXT = st.characters(exclude_categories=["Cs"])
TEXTS = ("ultra", "日本🦊", "x y", "48x16")
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=40)
# Not that of a schemathesis.toml where we happen to be.
PLAIN = SchemathesisConfig()


def options(parameters: Mapping[str, Any]) -> SearchStrategy[Any]:
    """Parameters by name, as Schemathesis draws them from their schemas."""
    schema = {"type": "object", "properties": copy.deepcopy(dict(parameters)), "additionalProperties": False}
    content = {"application/json": {"schema": schema}}
    operation = {
        "requestBody": {"required": True, "content": content},
        "responses": {"200": {"description": "served"}},
    }
    document = {"openapi": "3.1.0", "info": {"title": "", "version": ""}, "paths": {"/": {"post": operation}}}
    return schemathesis.openapi.from_dict(document, config=PLAIN)["/"]["POST"].as_strategy().map(lambda case: case.body)


def calls(ground: Ground, model: str) -> SearchStrategy[Case]:
    """Calls that the contract allows a model on a day."""
    kinds = [{"png": {"size": "16x16"}}, {"jpeg": {"size": "9x17"}}, {"webp": {"size": "17x9"}}]
    recipes = st.sampled_from(kinds) | st.builds(
        lambda wide, high: {"png": {"size": f"{wide}x{high}"}}, st.integers(1, 300), st.integers(1, 300)
    )
    suffixes = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
    files = st.builds(lambda name, recipe: File(f"{name}{suffixes[next(iter(recipe))]}", recipe), NAMES, recipes)
    masked = st.builds(lambda size, name: _masked(f"{size}x{size}", name), st.integers(2, 64), NAMES)
    pictures = st.lists(files, min_size=1, max_size=4).map(lambda some: (tuple(some), None))
    prompts = st.text(TEXT, min_size=1, max_size=100) | st.builds(
        lambda text, times: (text * times)[:32000], st.text(TEXT, min_size=1, max_size=20), st.integers(1, 3000)
    )
    drawn = st.builds(_call, prompts, pictures | masked, options(ground.parameters), st.booleans())
    return drawn.map(integral).filter(lambda case: allowed(case, model, ground.day))


def _masked(size: str, name: str) -> tuple[tuple[File, ...], File]:
    recipe = {"png": {"size": size, "alpha_hole": True}}
    return (File("a.png", {"png": {"size": size}}),), File(f"{name}.png", recipe)


def _call(prompt: str, files: Any, options: Mapping[str, Any], stream: bool) -> Case:
    known = {name: value for name, value in options.items() if not _surrogate(value)}
    if stream:
        known.pop("n", None)
    else:
        known.pop("partial_images", None)
    return Case(prompt, files[0], files[1], known, stream)


def _surrogate(value: Any) -> bool:
    return isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value)


def bases() -> SearchStrategy[Case]:
    """Calls whose answers are worth breaking: of some pictures, or a stream of some events."""
    bodies = st.integers(1, 3).map(lambda n: Case(options={"n": n} if n > 1 else {}))
    streams = st.integers(0, 3).map(lambda count: Case(stream=True, options={"partial_images": count}))
    return bodies | streams


def orders(row: Fault) -> SearchStrategy[dict[str, Any]]:
    """Orders for one fault, with parameters."""
    given = {name: _value(row, name, schema) for name, schema in row.parameters.items() if _worth(row, name)}
    # Its size as it is would take long together with pieces and pauses.
    needed = given if row.name == "huge_event" else {}
    return st.fixed_dictionaries(needed, optional={} if needed else given).map(
        lambda some: {row.name: quick(row, some)}
    )


def _worth(row: Fault, name: str) -> bool:
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


def together(ground: Ground, without: frozenset[str] = frozenset()) -> SearchStrategy[Case]:
    """Answers with legal faults together, split at any byte, and numbers of any size."""
    rows = [
        row
        for row in FAULTS.values()
        if row.mark == "legal" and row.name not in examples.APART and (row.name != "gzip" or ground.gzip)
    ]
    rows = [row for row in rows if row.name not in without]
    faults = st.lists(st.one_of([orders(row) for row in rows]), max_size=4, unique_by=lambda one: next(iter(one)))
    usage = st.fixed_dictionaries({}, optional={"input_tokens": st.integers(0, 2**53 - 1)})
    return st.builds(_answered, bases(), faults, usage)


def _answered(case: Case, faults: list[Any], usage: Mapping[str, Any]) -> Case:
    label = " + ".join(sorted(name for one in faults for name in one))
    return examples.answered(case, label, *faults, **({"usage": dict(usage)} if usage else {}))


def broken() -> SearchStrategy[Case]:
    """Answers with a hostile fault or two among others, always or for once."""
    rows = [row for row in FAULTS.values() if row.mark == "hostile" and row.on != "upload" and row.name != "stall"]
    legal = [FAULTS[name] for name in ("unknown_fields", "split", "comments", "line_ends", "unknown_events")]
    faults = st.tuples(
        st.lists(
            st.one_of([orders(row) for row in rows]), min_size=1, max_size=2, unique_by=lambda one: next(iter(one))
        ),
        st.lists(st.one_of([orders(row) for row in legal]), max_size=1),
    )
    return st.builds(_broken, bases(), faults, st.booleans())


def _broken(case: Case, faults: Any, once: bool) -> Case:
    some = [*faults[0], *faults[1]]
    case = examples.forever(case, " + ".join(sorted(name for one in some for name in one)), *some)
    if not once:
        return case
    first = {name: value for name, value in case.steps[0].items() if name != "times"}
    return replace(case, steps=(first, {"ok": {}, "times": "forever"}))

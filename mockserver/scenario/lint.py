"""Checks the data of a scenario, of a single step or of a journal query, beyond what the schema can express."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from reprlib import repr as short
from typing import Any

from mockserver.contract import catalogue
from mockserver.contract.asof import as_of
from mockserver.scenario import patterns, schema_errors
from mockserver.scenario.document import Document, LintError, PlainData
from mockserver.scenario.machine import START, required_states
from mockserver.scenario.suggest import suggest_name

# Rules of contracts/models.yaml that are guesses and need not be enforced.
RULES = ("images.animated", "images.extended_webp", "images.mismatched", "images.modes", "mask.bytes")
# Headers that the server derives from the body it sends.
FRAMING = ("connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade")
STEPS = 10_000
BODILESS = (204, 205, 304)
# A path in the data, and what is wrong there.
Finding = tuple[Sequence[Any], str]


def find_errors(document: Document, part: str = "scenario", is_valid: bool = False) -> list[LintError]:
    """The errors, by line, of a whole `scenario`, or of a lone `step`, `verify`, `when` or `count`.

    Replaces error codes by catalogue families. What violates the schema is removed from the document's data, and the
    rest is checked; `is_valid` skips the schema for data that is known to satisfy it.
    """
    errors = [] if is_valid else schema_errors.find_schema_errors(document, part)
    errors += [document.error_at(path, message) for path, message in PARTS[part](document.data)]
    return sorted(errors, key=lambda error: error.line)


def find_messages(data: Any, part: str) -> list[str]:
    return [error.message for error in find_errors(PlainData(data), part)]


def check_steps(steps: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if len(steps) > STEPS:
        yield f"there are {len(steps)} steps, including those of extended files; expected at most {STEPS}"
    yield from _check_cost((step.get("when", {}) for step in steps), patterns.STEPS)
    reachable = {START, *(step["then_state"] for step in steps if "then_state" in step)}
    for name in sorted({name for step in steps for name in required_states(step)} - reachable):
        yield f"no step leads to the state {name!r}; expected one of {', '.join(sorted(reachable))}"


@cache
def acceptable_names() -> tuple[str, ...]:
    """What a scenario may `accept`: families that are entirely guessed, and guessed rules of the capability table."""
    families = {row.family for row in catalogue.rows() if row.confidence == "guess" and row.provider == "openai"}
    return (*sorted(families), *RULES)


def _check_scenario(data: dict[str, Any]) -> Iterator[Finding]:
    try:
        as_of(data.get("as_of", "any"))
    except ValueError as error:
        yield ["as_of"], str(error)
    for index, name in enumerate(data.get("accept", ())):
        if name not in acceptable_names():
            yield ["accept", index], f"{short(name)} is not a guess; expected one of {', '.join(acceptable_names())}"
    for index, step in enumerate(data.get("steps", ())):
        yield from ((["steps", index, *path], message) for path, message in _check_step(step))


def _check_one_shot(step: dict[str, Any]) -> Iterator[Finding]:
    findings = list(_check_step(step))
    yield from findings
    if step.get("times") == "forever":
        yield ["times"], "a one-shot step cannot last forever; expected a number"
    if "pictures" in step.get("ok", {}):
        yield ["ok", "pictures"], "a one-shot step cannot name files; put it into a scenario file"
    if not findings:  # many of them may be queued
        yield from (([], message) for message in _check_cost([step.get("when", {})], patterns.STEPS // 100))


def _check_verify(data: dict[str, Any]) -> Iterator[Finding]:
    findings = [(["when", *path], message) for path, message in _check_when(data.get("when", {}))]
    findings += [(["times", *path], message) for path, message in _check_count(data.get("times"))]
    yield from findings
    if not findings:  # it is compared with every entry of the journal
        yield from (([], message) for message in _check_cost([data.get("when", {})], patterns.STEPS // 1000))


def _check_count(count: Any) -> Iterator[Finding]:
    if isinstance(count, Mapping):
        yield from _check_range([], count)


def _check_step(step: dict[str, Any]) -> Iterator[Finding]:
    yield from ((["when", *path], message) for path, message in _check_when(step.get("when", {})))
    if "error" in step:
        families = catalogue.find_families(step["error"])
        if len(families) == 1:
            step["error"] = families[0]
        else:
            yield ["error"], _explain_family(step["error"], families)
    reply = step.get("reply", {})
    for name in reply.get("headers", {}):
        if name.lower() in FRAMING:
            yield ["reply", "headers", name], "the server sets this header itself; expected any other header"
    if reply.get("status") in BODILESS and reply.get("body") is not None:
        yield ["reply", "body"], f"a response with status {reply['status']} has no body; remove it"


def _check_when(when: Mapping[str, Any]) -> Iterator[Finding]:
    for path, test in _tests(when):
        if "regex" in test:
            try:
                patterns.search_cost(test["regex"])
            except ValueError as error:
                yield [*path, "regex"], f"{short(test['regex'])} {error}"
        yield from _check_range(path, test)


def _check_range(path: Sequence[Any], test: Mapping[str, Any]) -> Iterator[Finding]:
    if test.get("minimum", -math.inf) > test.get("maximum", math.inf):
        yield path, "the minimum is above the maximum; expected a range"


def _check_cost(whens: Any, limit: int) -> Iterator[str]:
    if sum(_cost(test["regex"]) for when in whens for _, test in _tests(when) if "regex" in test) > limit:
        yield (
            "the regular expressions could take too long; expected fewer, or fewer unbounded repeats such as * in one"
        )


def _cost(regex: str) -> int:
    try:
        return patterns.search_cost(regex)
    except ValueError:
        return 0


def _tests(when: Mapping[str, Any]) -> Iterator[tuple[list[Any], Mapping[str, Any]]]:
    for name, condition in when.items():
        if name in ("fields", "headers"):
            yield from (([name, key], test) for key, test in condition.items() if isinstance(test, Mapping))
        elif isinstance(condition, Mapping):
            yield [name], condition


def _explain_family(name: str, families: Sequence[str]) -> str:
    if families:
        return f"the code {name!r} belongs to several errors; expected one of {', '.join(families)}"
    known = sorted(catalogue.families())
    return f"there is no error {short(name)}{suggest_name(name, known)}; expected a family such as {', '.join(known)}"


PARTS: Mapping[str, Callable[[Any], Iterator[Finding]]] = {
    "scenario": _check_scenario,
    "step": _check_one_shot,
    "verify": _check_verify,
    "when": _check_when,
    "count": _check_count,
}

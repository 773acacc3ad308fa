"""What is wrong with the data of a scenario, of a step or of a question to the journal. Runs nothing."""

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

# Rules of contracts/models.yaml that are guesses and can be left unenforced.
RULES = ("images.animated", "images.extended_webp", "images.mismatched", "images.modes", "mask.bytes")
# What the server says itself about the body that it sends.
FRAMING = ("connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade")
STEPS = 10_000
BODILESS = (204, 205, 304)
# A place in the data, and what is wrong there.
Found = tuple[Sequence[Any], str]


def find_errors(document: Document, part: str = "scenario", shaped: bool = False) -> list[LintError]:
    """What is wrong, by line: with a whole `scenario`, or with a `step` or `verify` alone.

    Puts families in the place of the codes that errors are named by. What the schema finds wrong is left out of the
    document's data, and the rest looked at; what is known to be `shaped` by the schema is not held against it.
    """
    found = [] if shaped else schema_errors.find_schema_errors(document, part)
    found += [document.at(path, words) for path, words in PARTS[part](document.data)]
    return sorted(found, key=lambda fault: fault.line)


def find_messages(given: Any, part: str) -> list[str]:
    """What is wrong with data that a program gave: with a `when`, or with a `count`."""
    return [fault.words for fault in find_errors(PlainData(given), part)]


def check_steps(steps: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What is wrong with the steps of a whole scenario together."""
    if len(steps) > STEPS:
        yield f"there are {len(steps)} with those of the files that it builds on; expected {STEPS} at most"
    yield from _dear((step.get("when", {}) for step in steps), patterns.STEPS)
    set_up = {START, *(step["then_state"] for step in steps if "then_state" in step)}
    for name in sorted({name for step in steps for name in required_states(step)} - set_up):
        yield f"no step leads to the state {name!r}; expected one of {', '.join(sorted(set_up))}"


@cache
def acceptable_names() -> tuple[str, ...]:
    """What a scenario may `accept`: families that are wholly our guess, and guessed rules of the capability table."""
    families = {row.family for row in catalogue.rows() if row.confidence == "guess" and row.provider == "openai"}
    return (*sorted(families), *RULES)


def _scenario(data: dict[str, Any]) -> Iterator[Found]:
    try:
        as_of(data.get("as_of", "any"))
    except ValueError as error:
        yield ["as_of"], str(error)
    for index, name in enumerate(data.get("accept", ())):
        if name not in acceptable_names():
            yield (
                ["accept", index],
                f"{short(name)} is no guess of ours; expected one of {', '.join(acceptable_names())}",
            )
    for index, step in enumerate(data.get("steps", ())):
        yield from ((["steps", index, *path], words) for path, words in _step(step))


def _alone(step: dict[str, Any]) -> Iterator[Found]:
    found = list(_step(step))
    yield from found
    if step.get("times") == "forever":
        yield ["times"], "a step that is given for the next requests ends some time; expected a number"
    if "pictures" in step.get("ok", {}):
        yield ["ok", "pictures"], "this has no folder in which files could lie; expected a scenario's file"
    if not found:  # many of them may wait
        yield from (([], words) for words in _dear([step.get("when", {})], patterns.STEPS // 100))


def _verify(data: dict[str, Any]) -> Iterator[Found]:
    found = [(["when", *path], told) for path, told in _when(data.get("when", {}))]
    found += [(["times", *path], told) for path, told in _count(data.get("times"))]
    yield from found
    if not found:  # it is held against each entry of the journal
        yield from (([], words) for words in _dear([data.get("when", {})], patterns.STEPS // 1000))


def _count(count: Any) -> Iterator[Found]:
    if isinstance(count, Mapping):
        yield from _range([], count)


def _step(step: dict[str, Any]) -> Iterator[Found]:
    yield from ((["when", *path], words) for path, words in _when(step.get("when", {})))
    if "error" in step:
        found = catalogue.find_families(step["error"])
        if len(found) == 1:
            step["error"] = found[0]
        else:
            yield ["error"], _family(step["error"], found)
    reply = step.get("reply", {})
    for name in reply.get("headers", {}):
        if name.lower() in FRAMING:
            yield ["reply", "headers", name], "the server says this itself; expected other headers"
    if reply.get("status") in BODILESS and reply.get("body") is not None:
        yield ["reply", "body"], f"an answer with the status {reply['status']} has no body; expected none"


def _when(when: Mapping[str, Any]) -> Iterator[Found]:
    for path, test in _tests(when):
        if "regex" in test:
            try:
                patterns.search_cost(test["regex"])
            except ValueError as error:
                yield [*path, "regex"], f"{short(test['regex'])} {error}"
        yield from _range(path, test)


def _range(path: Sequence[Any], test: Mapping[str, Any]) -> Iterator[Found]:
    if test.get("minimum", -math.inf) > test.get("maximum", math.inf):
        yield path, "the minimum lies above the maximum; expected a range"


def _dear(whens: Any, limit: int) -> Iterator[str]:
    """Patterns that are too dear together, if each is good by itself."""
    if sum(_cost(test["regex"]) for when in whens for _, test in _tests(when) if "regex" in test) > limit:
        yield "the regular expressions could take too long; expected fewer, or fewer open repeats such as * in one"


def _cost(regex: str) -> int:
    """What a pattern costs; nothing where it is none, which is told in its own place."""
    try:
        return patterns.search_cost(regex)
    except ValueError:
        return 0


def _tests(when: Mapping[str, Any]) -> Iterator[tuple[list[Any], Mapping[str, Any]]]:
    """The conditions that are more than a value, each with its place."""
    for name, wanted in when.items():
        if name in ("fields", "headers"):
            yield from (([name, key], test) for key, test in wanted.items() if isinstance(test, Mapping))
        elif isinstance(wanted, Mapping):
            yield [name], wanted


def _family(name: str, found: Sequence[str]) -> str:
    if found:
        return f"the code {name!r} belongs to several errors; expected one of {', '.join(found)}"
    known = sorted(catalogue.families())
    return f"there is no error {short(name)}{suggest_name(name, known)}; expected a family such as {', '.join(known)}"


PARTS: Mapping[str, Callable[[Any], Iterator[Found]]] = {
    "scenario": _scenario,
    "step": _alone,
    "verify": _verify,
    "when": _when,
    "count": _count,
}

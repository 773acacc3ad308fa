"""What a client did wrong, from the entries of the journal. Pure; the rules' words stand in contracts/verdict.yaml."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mockserver.contract.asof import as_of
from mockserver.contract.capabilities import table
from mockserver.core import data_files
from mockserver.journal.ledger import Entry, repeated
from mockserver.journal.redact import REDACTED, SECRET_HEADERS

# Entries that show something, and the facts that the rule's text speaks of.
Shown = tuple[tuple[Entry, ...], Mapping[str, Any]]
UNTYPED = (None, "", "application/octet-stream")


@dataclass(frozen=True)
class Story:
    """The entries of a verdict, oldest first, and what they are to each other."""

    entries: Sequence[Entry]

    @cached_property
    def by_id(self) -> Mapping[str, Entry]:
        """The entries by id."""
        return {entry["id"]: entry for entry in self.entries}

    def pairs(self) -> Iterator[tuple[Entry, Entry]]:
        """Each entry that repeats another, after the one that it repeats."""
        for entry in self.entries:
            before = self.by_id.get(entry["repeats"] or "")
            if before:
                yield before, entry

    def calls(self) -> Iterator[list[Entry]]:
        """The entries of each call."""
        found: dict[tuple[str, str], list[Entry]] = {}
        for entry in self.entries:
            found.setdefault((entry["session"], entry["call"]), []).append(entry)
        yield from found.values()


def verdict(entries: Sequence[Entry], end: bool = False) -> dict[str, Any]:
    """The verdict on entries, oldest first, in the shape of contracts/schemas/verdict.json.

    `end` tells that no more will come, so that what a client left undone can be told too.
    """
    story = Story(entries)
    findings = [found for rule in rules() if end or not rule.get("end") for found in _findings(rule, story)]
    bad = any(found["severity"] == "error" for found in findings)
    return {"verdict": "bad" if bad else "good", "findings": findings}


def rules() -> Sequence[Mapping[str, Any]]:
    """The rules of contracts/verdict.yaml, in its order."""
    found: Sequence[Mapping[str, Any]] = data_files.contract("verdict.yaml")["rules"]
    return found


def _findings(rule: Mapping[str, Any], story: Story) -> list[dict[str, Any]]:
    """One finding for each different text, with all entries that show it."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for entries, facts in FINDERS[rule["id"]](rule, story):
        if as_of(entries[-1]["as_of"]).holds(rule.get("since"), None):
            told = (rule["text"].format_map(facts), rule["mend"].format_map(facts))
            found.setdefault(told, {}).update(dict.fromkeys(entry["id"] for entry in entries))
    return [
        {"rule": rule["id"], "severity": rule["severity"], "entries": list(ids), "text": text, "mend": mend}
        for (text, mend), ids in found.items()
    ]


def retryable(entry: Entry) -> bool:
    """Was it refused in a way in which the same call may pass later?"""
    answer, retry = entry["answer"], data_files.contract("verdict.yaml")["retry"]
    again = answer["status"] in retry["statuses"] or answer["status"] >= retry["from"]
    return answer["outcome"] == "refused" and again and answer["code"] not in retry["never"]


def final(entry: Entry) -> bool:
    """Was it refused in a way that no repetition changes?"""
    answer = entry["answer"]
    return answer["outcome"] == "refused" and answer["status"] >= 400 and not retryable(entry)


def broken(entry: Entry) -> str:
    """Why no client could take this answer for a success, in words; empty when it could."""
    answer = entry["answer"]
    if answer["outcome"] == "refused":
        return f"the answer was {_what(entry)}"
    if answer["outcome"] == "faulted" and (not answer["complete"] or _hostile(entry)):
        return "the answer was broken on its way" if answer["complete"] else "the answer was cut"
    return ""


def _hostile(entry: Entry) -> bool:
    return bool(entry["turn"]["hostile"])


def _what(entry: Entry) -> str:
    answer = entry["answer"]
    return " ".join(filter(None, (str(answer["status"]), answer["code"])))


def _octet_stream(rule: Mapping[str, Any], story: Story) -> Iterator[Shown]:
    for entry in story.entries:
        for file in entry["request"]["files"] if entry["answer"]["outcome"] != "served" else ():
            if file["declared_type"] in UNTYPED:
                how = f"as {file['declared_type']}" if file["declared_type"] else "without a type"
                yield (entry,), {"field": file["field"], "how": how}


def _retried_refusal(rule: Mapping[str, Any], story: Story) -> Iterator[Shown]:
    return (((before, after), {"what": _what(before)}) for before, after in story.pairs() if final(before))


def _retried_too_soon(rule: Mapping[str, Any], story: Story) -> Iterator[Shown]:
    slack = data_files.contract("verdict.yaml")["retry"]["slack"]
    for before, after in story.pairs():
        wait, waited = before["answer"]["retry_after"], after["waited"]
        if retryable(before) and wait is not None and waited is not None and waited < wait * slack:
            yield (before, after), {"what": _what(before), "wait": wait, "waited": waited}


def _given_up(again: bool) -> Callable[[Mapping[str, Any], Story], Iterator[Shown]]:
    def find(rule: Mapping[str, Any], story: Story) -> Iterator[Shown]:
        for call in story.calls():
            if retryable(call[-1]) and (call[-1]["repeats"] is not None) == again:
                yield tuple(call), {"what": _what(call[-1]), "attempts": len(call)}

    return find


def _taken_for(result: str) -> Callable[[Mapping[str, Any], Story], Iterator[Shown]]:
    def find(rule: Mapping[str, Any], story: Story) -> Iterator[Shown]:
        for entry in story.entries:
            if entry["told"] == result and bool(broken(entry)) == (result == "success"):
                yield (entry,), {"what": broken(entry), "model": (entry["job"] or {}).get("model", "the server")}

    return find


def _repeated_served(rule: Mapping[str, Any], story: Story) -> Iterator[Shown]:
    for again, first in repeated(story.entries).items():
        entry = story.by_id[again]
        yield (story.by_id[first], entry), {"first": first, "cost": entry["cost"] or 0.0}


def _shutdown_model(rule: Mapping[str, Any], story: Story) -> Iterator[Shown]:
    for entry in story.entries:
        capability = table().get(entry["job"]["model"]) if entry["job"] else None
        if capability and capability.shutdown:
            names = {"model": capability.model, "replacement": capability.row["replacement"]}
            yield (entry,), names | {"day": capability.shutdown}


def _answered(rule: Mapping[str, Any], story: Story) -> Iterator[Shown]:
    for entry in story.entries:
        answer = entry["answer"]
        if answer["row"] in rule["rows"] and answer["param"] in rule["params"]:
            yield (entry,), {"code": answer["code"]}


def _key_elsewhere(rule: Mapping[str, Any], story: Story) -> Iterator[Shown]:
    for entry in story.entries:
        request = entry["request"]
        places = {"the query of the URL": [request["query"], request["path"]], "the body": request["fields"]}
        places["another header"] = [value for name, value in request["headers"] if name not in SECRET_HEADERS]
        yield from (((entry,), {"where": where}) for where, value in places.items() if _holds(value, REDACTED))


def _holds(value: Any, text: str) -> bool:
    """Does the text stand anywhere in a JSON value?"""
    if isinstance(value, Mapping):
        value = [*value, *value.values()]
    return any(_holds(item, text) for item in value) if isinstance(value, list) else text in str(value)


def _user_parameter(rule: Mapping[str, Any], story: Story) -> Iterator[Shown]:
    for entry in story.entries:
        capability = table().get(entry["job"]["model"]) if entry["job"] else None
        if (
            capability
            and "user" in entry["request"]["fields"]
            and capability.parameter_schema("safety_identifier") is not False
        ):
            yield (entry,), {}


def _no_model(rule: Mapping[str, Any], story: Story) -> Iterator[Shown]:
    for entry in story.entries:
        missing = entry["job"] is not None or entry["answer"]["param"] == "model"
        named = "model" in entry["request"]["fields"] or "/deployments/" in entry["request"]["path"]
        if missing and not named:
            yield (entry,), {}


# By the id of the rule.
FINDERS: Mapping[str, Callable[[Mapping[str, Any], Story], Iterator[Shown]]] = {
    "octet-stream": _octet_stream,
    "retried-refusal": _retried_refusal,
    "retried-too-soon": _retried_too_soon,
    "never-retried": _given_up(again=False),
    "gave-up": _given_up(again=True),
    "broken-as-success": _taken_for("success"),
    "success-as-error": _taken_for("error"),
    "repeated-served": _repeated_served,
    "shutdown-model": _shutdown_model,
    "image-field": _answered,
    "key-elsewhere": _key_elsewhere,
    "user-parameter": _user_parameter,
    "no-model": _no_model,
}

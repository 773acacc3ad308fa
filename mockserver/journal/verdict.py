"""Finds what a client did wrong in the entries of the journal. contracts/verdict.yaml holds the rules' texts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mockserver.contract.asof import as_of
from mockserver.contract.capabilities import table
from mockserver.core import data_files
from mockserver.journal.ledger import Entry, repeated
from mockserver.journal.redact import REDACTED, SECRET_HEADERS

# The entries that show a problem, and the values for the rule's text.
Evidence = tuple[tuple[Entry, ...], Mapping[str, Any]]
UNTYPED = (None, "", "application/octet-stream")


@dataclass(frozen=True)
class Story:
    """The entries to evaluate, oldest first, and how they relate."""

    entries: Sequence[Entry]

    @cached_property
    def by_id(self) -> Mapping[str, Entry]:
        return {entry["id"]: entry for entry in self.entries}

    def pairs(self) -> Iterator[tuple[Entry, Entry]]:
        """Each repeat, preceded by the entry that it repeats."""
        for entry in self.entries:
            before = self.by_id.get(entry["repeats"] or "")
            if before:
                yield before, entry

    def calls(self) -> Iterator[list[Entry]]:
        calls: dict[tuple[str, str], list[Entry]] = {}
        for entry in self.entries:
            calls.setdefault((entry["session"], entry["call"]), []).append(entry)
        yield from calls.values()


def verdict(entries: Sequence[Entry], end: bool = False) -> dict[str, Any]:
    """The verdict on entries, oldest first, in the shape of contracts/schemas/verdict.json.

    `end` states that the run has ended, so that missing retries can be reported too.
    """
    story = Story(entries)
    findings = [finding for rule in rules() if end or not rule.get("end") for finding in _build_findings(rule, story)]
    is_bad = any(finding["severity"] == "error" for finding in findings)
    return {"verdict": "bad" if is_bad else "good", "findings": findings}


def rules() -> Sequence[Mapping[str, Any]]:
    rows: Sequence[Mapping[str, Any]] = data_files.contract("verdict.yaml")["rules"]
    return rows


def _build_findings(rule: Mapping[str, Any], story: Story) -> list[dict[str, Any]]:
    """One finding for each different text, with all entries that show it."""
    ids_by_text: dict[tuple[str, str], dict[str, None]] = {}
    for entries, facts in FINDERS[rule["id"]](rule, story):
        if as_of(entries[-1]["as_of"]).holds(rule.get("since"), None):
            texts = (rule["text"].format_map(facts), rule["mend"].format_map(facts))
            ids_by_text.setdefault(texts, {}).update(dict.fromkeys(entry["id"] for entry in entries))
    return [
        {"rule": rule["id"], "severity": rule["severity"], "entries": list(ids), "text": text, "mend": fix}
        for (text, fix), ids in ids_by_text.items()
    ]


def _is_retryable(entry: Entry) -> bool:
    """Whether the response was an error after which the same request may succeed later."""
    response, retry = entry["answer"], data_files.contract("verdict.yaml")["retry"]
    may_pass = response["status"] in retry["statuses"] or response["status"] >= retry["from"]
    return response["outcome"] == "refused" and may_pass and response["code"] not in retry["never"]


def _is_final(entry: Entry) -> bool:
    """Whether the response was an error that a retry cannot fix."""
    response = entry["answer"]
    return response["outcome"] == "refused" and response["status"] >= 400 and not _is_retryable(entry)


def _explain_failure(entry: Entry) -> str:
    """Why a client must not report success for this response; empty if it may."""
    response = entry["answer"]
    if response["outcome"] == "refused":
        return f"the response was {_describe_error(entry)}"
    if response["outcome"] == "faulted" and (not response["complete"] or entry["turn"]["hostile"]):
        return "a fault broke the response" if response["complete"] else "the response was cut off"
    return ""


def _describe_error(entry: Entry) -> str:
    response = entry["answer"]
    return " ".join(filter(None, (str(response["status"]), response["code"])))


def _find_octet_stream(rule: Mapping[str, Any], story: Story) -> Iterator[Evidence]:
    for entry in story.entries:
        for file in entry["request"]["files"] if entry["answer"]["outcome"] != "served" else ():
            if file["declared_type"] in UNTYPED:
                how = f"as {file['declared_type']}" if file["declared_type"] else "without a content type"
                yield (entry,), {"field": file["field"], "how": how}


def _find_retried_errors(rule: Mapping[str, Any], story: Story) -> Iterator[Evidence]:
    return (
        ((before, after), {"what": _describe_error(before)}) for before, after in story.pairs() if _is_final(before)
    )


def _find_early_retries(rule: Mapping[str, Any], story: Story) -> Iterator[Evidence]:
    slack = data_files.contract("verdict.yaml")["retry"]["slack"]
    for before, after in story.pairs():
        wait, waited = before["answer"]["retry_after"], after["waited"]
        if _is_retryable(before) and wait is not None and waited is not None and waited < wait * slack:
            yield (before, after), {"what": _describe_error(before), "wait": wait, "waited": waited}


def _find_unretried(retried: bool) -> Callable[[Mapping[str, Any], Story], Iterator[Evidence]]:
    def find(rule: Mapping[str, Any], story: Story) -> Iterator[Evidence]:
        for call in story.calls():
            if _is_retryable(call[-1]) and (call[-1]["repeats"] is not None) == retried:
                yield tuple(call), {"what": _describe_error(call[-1]), "attempts": len(call)}

    return find


def _find_misread(result: str) -> Callable[[Mapping[str, Any], Story], Iterator[Evidence]]:
    def find(rule: Mapping[str, Any], story: Story) -> Iterator[Evidence]:
        for entry in story.entries:
            if entry["told"] == result and bool(_explain_failure(entry)) == (result == "success"):
                yield (
                    (entry,),
                    {"what": _explain_failure(entry), "model": (entry["job"] or {}).get("model", "the server")},
                )

    return find


def _find_repeated_successes(rule: Mapping[str, Any], story: Story) -> Iterator[Evidence]:
    for repeat, first in repeated(story.entries).items():
        entry = story.by_id[repeat]
        yield (story.by_id[first], entry), {"first": first, "cost": entry["cost"] or 0.0}


def _find_shutdown_models(rule: Mapping[str, Any], story: Story) -> Iterator[Evidence]:
    for entry in story.entries:
        capability = table().get(entry["job"]["model"]) if entry["job"] else None
        if capability and capability.shutdown:
            names = {"model": capability.model, "replacement": capability.row["replacement"]}
            yield (entry,), names | {"day": capability.shutdown}


def _find_error_rows(rule: Mapping[str, Any], story: Story) -> Iterator[Evidence]:
    for entry in story.entries:
        response = entry["answer"]
        if response["row"] in rule["rows"] and response["param"] in rule["params"]:
            yield (entry,), {"code": response["code"]}


def _find_misplaced_keys(rule: Mapping[str, Any], story: Story) -> Iterator[Evidence]:
    for entry in story.entries:
        request = entry["request"]
        places = {"the URL": [request["query"], request["path"]], "the request body": request["fields"]}
        places["another header"] = [value for name, value in request["headers"] if name not in SECRET_HEADERS]
        yield from (((entry,), {"where": where}) for where, value in places.items() if _contains(value, REDACTED))


def _contains(value: Any, text: str) -> bool:
    """Whether the text is anywhere in a JSON value, keys included."""
    if isinstance(value, Mapping):
        value = [*value, *value.values()]
    return any(_contains(item, text) for item in value) if isinstance(value, list) else text in str(value)


def _find_user_parameter(rule: Mapping[str, Any], story: Story) -> Iterator[Evidence]:
    for entry in story.entries:
        capability = table().get(entry["job"]["model"]) if entry["job"] else None
        if (
            capability
            and "user" in entry["request"]["fields"]
            and capability.parameter_schema("safety_identifier") is not False
        ):
            yield (entry,), {}


def _find_missing_model(rule: Mapping[str, Any], story: Story) -> Iterator[Evidence]:
    for entry in story.entries:
        # The parameters of a request that was not understood are known only if the API missed the model.
        is_known = entry["job"] is not None or entry["answer"]["param"] == "model"
        names_model = "model" in entry["request"]["fields"] or "/deployments/" in entry["request"]["path"]
        if is_known and not names_model:
            yield (entry,), {}


# By rule id.
FINDERS: Mapping[str, Callable[[Mapping[str, Any], Story], Iterator[Evidence]]] = {
    "octet-stream": _find_octet_stream,
    "retried-refusal": _find_retried_errors,
    "retried-too-soon": _find_early_retries,
    "never-retried": _find_unretried(retried=False),
    "gave-up": _find_unretried(retried=True),
    "broken-as-success": _find_misread("success"),
    "success-as-error": _find_misread("error"),
    "repeated-served": _find_repeated_successes,
    "shutdown-model": _find_shutdown_models,
    "image-field": _find_error_rows,
    "key-elsewhere": _find_misplaced_keys,
    "user-parameter": _find_user_parameter,
    "no-model": _find_missing_model,
}

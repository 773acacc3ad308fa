"""The outcome of one case, and the changes to the catalogue that it suggests."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import yaml

from mockserver.contract import catalogue
from mockserver.harness.conformance.cases import Case, Headers, Reply
from mockserver.harness.conformance.compare import Difference, compare, parse_events, parse_json

FIELDS = ("type", "param", "code", "message")
VERDICTS = ("as expected", "differs", "guess", "skipped")
# Shorter keys are not redacted, as in the journal: they could be part of any word.
MIN_SECRET = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case: `verdict` is one of VERDICTS, `reason` why it was skipped, `cost` an estimate in dollars.

    `draft` holds the suggested rows of contracts/errors.yaml, as YAML. `is_costly` is set where a success came in place
    of an error, so that images may have been rendered and billed.
    """

    case: Case
    verdict: str
    differences: tuple[Difference, ...] = ()
    reason: str = ""
    draft: str = ""
    cost: float = 0.0
    is_costly: bool = False


def redact(value: Any, secret: str, depth: int = 20) -> Any:
    """Replace the secret in the texts of a JSON-like value, and cut off what is nested too deeply to be written."""
    if isinstance(value, str):
        return value.replace(secret, "[key]") if len(secret) >= MIN_SECRET else value
    if not isinstance(value, Mapping | list):
        return value
    if not depth:
        return "(nested too deeply)"
    if isinstance(value, list):
        return [redact(item, secret, depth - 1) for item in value]
    return {redact(name, secret): redact(item, secret, depth - 1) for name, item in value.items()}


def judge(case: Case, url: str, reply: Reply, cost: float, secret: str) -> Outcome:
    differences = compare(case, *reply)
    if not differences:
        return Outcome(case, "as expected", cost=cost)
    redacted = tuple(Difference(redact(d.path, secret), d.expected, redact(d.got, secret)) for d in differences)
    is_costly = not case.is_served and 200 <= reply[0] < 300
    is_guess = case.confidence == "guess" and not is_costly
    draft = to_yaml(redact(draft_rows(case, url, *reply), secret))
    return Outcome(case, "guess" if is_guess else "differs", redacted, draft=draft, cost=cost, is_costly=is_costly)


def to_yaml(rows: list[dict[str, Any]]) -> str:
    return str(yaml.safe_dump(rows, sort_keys=False, allow_unicode=True, width=1000)) if rows else ""


def draft_rows(case: Case, url: str, status: int, headers: Headers, body: bytes) -> list[dict[str, Any]]:
    """The rows of errors.yaml that the case covers, changed so that they match this response."""
    day = response_date(headers)
    source = {"source": f"conform {url} {day}"}
    known = {row.id: row for row in catalogue.rows()}
    observed = dict(_observe_error(body))
    rows: list[dict[str, Any]] = []
    for name in case.covers:
        if status < 400 and "type" not in observed:
            rows.append({"id": name, "until": day} | source)
            continue
        row = {"id": f"{name}-{day}", "family": known[name].family, "at": known[name].at, "status": status}
        rows.append(row | observed | {"since": day} | source)
    return rows


def has_error(reply: Reply) -> bool:
    return bool(reply[2]) and "note" not in dict(_observe_error(reply[2]))


def _observe_error(body: bytes) -> Iterator[tuple[str, Any]]:
    data = parse_json(body) or next((data for name, data in reversed(parse_events(body)) if name == "error"), None)
    error = data.get("error") if isinstance(data, Mapping) else None
    if isinstance(error, Mapping):
        yield from ((name, error[name]) for name in FIELDS if name in error)
        extra = {name: value for name, value in error.items() if name not in FIELDS}
        absent = [name for name in FIELDS if name not in error]
        yield from ((name, value) for name, value in (("extra", extra), ("absent", absent)) if value)
    elif isinstance(error, str):
        yield from (("message", error), ("wire", "string"))
    elif not body:
        yield from (("message", ""), ("wire", "empty"))
    else:
        yield "note", "the response holds no error object"


def response_date(headers: Headers) -> date:
    text = next((value for name, value in headers if name == "date"), "")
    try:
        return parsedate_to_datetime(text).date()
    except ValueError:
        return datetime.now(UTC).date()

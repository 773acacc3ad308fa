"""What became of one case, and what it would change in the catalogue."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import yaml

from mockserver.contract import catalogue
from mockserver.harness.conformance.cases import Case, Headers, Reply
from mockserver.harness.conformance.compare import Difference, compare, events, parsed

FIELDS = ("type", "param", "code", "message")
VERDICTS = ("as expected", "differs", "guess", "skipped")
# Characters from which on a key is blacked out, as in the journal.
SECRET = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case: `verdict` is one of VERDICTS, `reason` says why it was skipped, `cost` is the estimate in dollars.

    `draft` is the row of contracts/errors.yaml that would have to change, as YAML. `costly` says that pictures may
    have been made, and billed, where a refusal was expected.
    """

    case: Case
    verdict: str
    differences: tuple[Difference, ...] = ()
    reason: str = ""
    draft: str = ""
    cost: float = 0.0
    costly: bool = False


def blackened(value: Any, secret: str, depth: int = 20) -> Any:
    """A JSON-like value with the secret blacked out of its texts, and with nothing nested too deeply to be written.

    What is shorter than SECRET could be a part of any word, and stays.
    """
    if isinstance(value, str):
        return value.replace(secret, "[key]") if len(secret) >= SECRET else value
    if not isinstance(value, Mapping | list):
        return value
    if not depth:
        return "(nested too deeply)"
    if isinstance(value, list):
        return [blackened(item, secret, depth - 1) for item in value]
    return {blackened(name, secret): blackened(item, secret, depth - 1) for name, item in value.items()}


def judged(case: Case, url: str, reply: Reply, cost: float, secret: str) -> Outcome:
    """The outcome of a case that was put to a server, which was expected to cost so much. It never tells the secret."""
    differences = compare(case, *reply)
    if not differences:
        return Outcome(case, "as expected", cost=cost)
    found = tuple(Difference(blackened(d.path, secret), d.expected, blackened(d.got, secret)) for d in differences)
    costly = not case.served and 200 <= reply[0] < 300
    guessed = case.confidence == "guess" and not costly
    rows = written(blackened(draft(case, url, *reply), secret))
    return Outcome(case, "guess" if guessed else "differs", found, draft=rows, cost=cost, costly=costly)


def written(rows: list[dict[str, Any]]) -> str:
    """Rows as YAML; nothing where there are none."""
    return str(yaml.safe_dump(rows, sort_keys=False, allow_unicode=True, width=1000)) if rows else ""


def draft(case: Case, url: str, status: int, headers: Headers, body: bytes) -> list[dict[str, Any]]:
    """The rows of errors.yaml that a case covers, as they would have to read after this answer."""
    day = answered(headers)
    source = {"source": f"conform {url} {day}"}
    known = {row.id: row for row in catalogue.rows()}
    observed = dict(_observed(body))
    rows: list[dict[str, Any]] = []
    for name in case.covers:
        if status < 400 and "type" not in observed:
            rows.append({"id": name, "until": day} | source)
            continue
        row = {"id": f"{name}-{day}", "family": known[name].family, "at": known[name].at, "status": status}
        rows.append(row | observed | {"since": day} | source)
    return rows


def has_error(reply: Reply) -> bool:
    """Does an answer hold the API's error object, or at least a text in its place?"""
    return bool(reply[2]) and "note" not in dict(_observed(reply[2]))


def _observed(body: bytes) -> Iterator[tuple[str, Any]]:
    data = parsed(body) or next((data for name, data in reversed(events(body)) if name == "error"), None)
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
        yield "note", "the answer holds no error object"


def answered(headers: Headers) -> date:
    """The day of an answer by its Date header, or today's where it has none that can be read."""
    text = next((value for name, value in headers if name == "date"), "")
    try:
        return parsedate_to_datetime(text).date()
    except ValueError:
        return datetime.now(UTC).date()

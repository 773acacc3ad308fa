"""A run as a file: JSON, the XML that JUnit made common, or a page to read with pictures. The ending chooses."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from mockserver.harness.fuzz.content import kind
from mockserver.harness.fuzz.finding import Finding, call_words, wire
from mockserver.harness.fuzz.properties import Property
from mockserver.harness.fuzz.response_checks import parsed
from mockserver.journal.report.files import written
from mockserver.journal.report.junit import Case, format_junit
from mockserver.journal.report.page import HEAD, STYLE

# Larger pictures make a page that nobody can open.
PICTURE = 200_000
FIGURES = """figure { display: inline-block; margin: .5rem 1rem .5rem 0; }
img { max-width: 12rem; min-width: 3rem; image-rendering: pixelated; border: 1px solid var(--line); }"""


@dataclass(frozen=True)
class Told:
    """What a report tells of. `files` are the scenarios of the findings, `tried` the cases of each property."""

    client: str
    model: str
    day: str
    seed: int
    rows: Sequence[Property]
    tried: Mapping[str, int]
    findings: Sequence[Finding]
    files: Sequence[str | None]
    known: frozenset[str] = frozenset()

    @property
    def new(self) -> list[Finding]:
        """The findings that the baseline does not know."""
        return [one for one in self.findings if one.identity not in self.known]

    def of(self, row: Property) -> Iterator[tuple[Finding, str | None]]:
        """The findings of a property, with their files."""
        pairs = zip(self.findings, self.files, strict=True)
        return (pair for pair in pairs if pair[0].row.id == row.id)


def writer(path: str) -> Callable[[Told], None]:
    """A function that writes the report there. Raises ValueError for an ending that says no kind."""
    ending = Path(path).suffix.lower()
    if ending not in MAKERS:
        raise ValueError(f"a report's name ends in {', '.join(MAKERS)}, not in {ending or 'nothing'}")

    return lambda told: written(path, MAKERS[ending](told))


def as_json(told: Told) -> bytes:
    """The report as JSON; it serves as a baseline too."""
    properties = [{"id": row.id, "sentence": row.sentence, "tried": told.tried.get(row.id, 0)} for row in told.rows]
    findings = [
        {**one.described(file), "known": one.identity in told.known}
        for one, file in zip(told.findings, told.files, strict=True)
    ]
    about = {"client": told.client, "model": told.model, "as_of": told.day, "seed": told.seed}
    return (json.dumps({**about, "properties": properties, "findings": findings}, indent=2) + "\n").encode()


def as_junit(told: Told) -> bytes:
    """The report as JUnit XML: a case for each property; known findings do not fail."""
    return format_junit(f"mockserver fuzz {told.client}", [_property_case(told, row) for row in told.rows])


def _property_case(told: Told, row: Property) -> Case:
    text = "\n".join("\n".join(one.lines(file)) for one, file in told.of(row))
    case = Case(f"mockserver.fuzz.{row.side}", row.id, text=text)
    new = next((one for one in told.new if one.row.id == row.id), None)
    if new is None:
        return case
    message = f"{row.sentence} Expected {new.failure.expected}, got {new.failure.got}"
    return case._replace(result="failure", message=message)


def page(told: Told) -> str:
    """The report as one page that needs nothing else. All from clients is escaped."""
    count = f"{len(told.new)} new finding{'' if len(told.new) == 1 else 's'}"
    known = len(told.findings) - len(told.new)
    about = f"model {told.model}, as of {told.day}, seed {told.seed}" + (f", {known} known findings" if known else "")
    head = HEAD.replace("style-src 'unsafe-inline'", "style-src 'unsafe-inline'; img-src data:")
    colour = "bad" if told.new else "good"
    return "\n".join(
        (
            head.format(title=escape(f"{count}: {told.client}"), style=f"{STYLE}\n{FIGURES}"),
            f'<h1><span class="{colour}">{count}</span>: <code>{escape(told.client)}</code></h1>',
            f"<p>{escape(about)}</p>",
            "<h2>Properties</h2>",
            _properties(told),
            "<h2>Findings</h2>",
            *(_finding(one, file, one.identity in told.known) for row in told.rows for one, file in told.of(row)),
            "" if told.findings else "<p>None.</p>",
            "</body>\n</html>\n",
        )
    )


def _properties(told: Told) -> str:
    lines = []
    for row in told.rows:
        found = sum(1 for _ in told.of(row))
        mark = f'<span class="bad">{found} found</span>' if found else '<span class="good">holds</span>'
        mark = mark if told.tried.get(row.id) else "not tried"
        cells = (escape(row.id), escape(row.sentence), str(told.tried.get(row.id, 0)), mark)
        lines.append("".join(f"<td>{cell}</td>" for cell in cells))
    rows = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="scroll"><table><tr><th>property<th>what must hold<th>cases<th></tr>\n{rows}\n</table></div>'


def _finding(one: Finding, file: str | None, known: bool) -> str:
    told = {
        "call": call_words(one.case),
        "answer": json.dumps(list(one.case.steps), ensure_ascii=False) if one.case.steps else "as the API would",
        "expected": one.failure.expected,
        "got": one.failure.got,
        "replay": f"mockserver --scenario {file}" if file else "",
    }
    rows = "".join(f"<tr><th>{name}</th><td>{escape(text)}</td></tr>" for name, text in told.items() if text)
    exchange = escape("\n".join(wire(one.seen)))
    result = escape(json.dumps(one.described(file)["result"], indent=2, ensure_ascii=False))
    return (
        f'<section><h3 id="{escape(one.identity)}">{escape(one.identity)}{" (known)" if known else ""}</h3>'
        f"<p>{escape(one.row.sentence)}</p><table>{rows}</table>{''.join(_pictures(one))}"
        f"<details><summary>The wire</summary><pre>{exchange}</pre></details>"
        f"<details><summary>The result</summary><pre>{result}</pre></details></section>"
    )


def _pictures(one: Finding) -> Iterator[str]:
    for file in one.case.images:
        yield _figure(file.media_type, file.data, f"asked: {file.name}")
    if one.case.mask:
        yield _figure("image/png", one.case.mask.data, f"mask: {one.case.mask.name}")
    for exchange in one.seen.exchanges:
        for part in exchange.request.parts:
            if part.filename is not None:
                yield _figure(str(part.content_type), part.data, f"arrived: {part.name}")
        for event in exchange.received.events:
            if kind(event) and isinstance(event.get("b64_json"), str):
                yield _encoded(event["b64_json"], f"sent: {kind(event)}")
        if not exchange.received.events:
            yield from (_encoded(text, "sent") for text in exchange.received.pictures)
    yield from (_encoded(text, "told") for text in one.seen.result.get("images", ()))
    for event in map(parsed, one.seen.result.get("events", ())):
        if kind(event) and isinstance(event.get("b64_json"), str):
            yield _encoded(event["b64_json"], f"told: {kind(event)}")


def _encoded(text: Any, caption: str) -> str:
    try:
        data = base64.b64decode(str(text), validate=True)
    except ValueError:
        return f"<figure>({len(str(text))} characters, no base64)<figcaption>{escape(caption)}</figcaption></figure>"
    return _figure("image/png", data, caption)


def _figure(media_type: str, data: bytes, caption: str) -> str:
    shown = f"({len(data)} bytes)"
    if media_type.startswith("image/") and len(data) <= PICTURE:
        source = f"data:{escape(media_type)};base64,{base64.b64encode(data).decode('ascii')}"
        shown = f'<img alt="{escape(caption)}" src="{source}">'
    return f"<figure>{shown}<figcaption>{escape(caption)}</figcaption></figure>"


MAKERS: Mapping[str, Callable[[Told], bytes]] = {
    ".html": lambda told: page(told).encode("utf-8", "replace"),
    ".xml": as_junit,
    ".json": as_json,
}

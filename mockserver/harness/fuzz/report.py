"""The report of a run as JSON, JUnit XML or HTML, chosen by the file's suffix."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from mockserver.harness.fuzz.content import event_type
from mockserver.harness.fuzz.finding import Finding, describe_call, format_wire
from mockserver.harness.fuzz.properties import Property
from mockserver.harness.fuzz.response_checks import parse_event
from mockserver.journal.report.files import written
from mockserver.journal.report.junit import Case, format_junit
from mockserver.journal.report.page import HEAD, STYLE

# Bytes of an image above which the page shows only its size.
MAX_IMAGE = 200_000
FIGURES = """figure { display: inline-block; margin: .5rem 1rem .5rem 0; }
img { max-width: 12rem; min-width: 3rem; image-rendering: pixelated; border: 1px solid var(--line); }"""


@dataclass(frozen=True)
class Report:
    """A run. `paths` are the scenarios of the findings, `tried` the number of cases of each property."""

    client: str
    model: str
    day: str
    seed: int
    rows: Sequence[Property]
    tried: Mapping[str, int]
    findings: Sequence[Finding]
    paths: Sequence[str | None]
    known: frozenset[str] = frozenset()

    @property
    def new(self) -> list[Finding]:
        """The findings that are not in the baseline."""
        return [finding for finding in self.findings if finding.identity not in self.known]

    def select(self, row: Property) -> Iterator[tuple[Finding, str | None]]:
        """The findings of a property with the paths of their scenarios."""
        pairs = zip(self.findings, self.paths, strict=True)
        return (pair for pair in pairs if pair[0].row.id == row.id)


def build_writer(path: str) -> Callable[[Report], None]:
    """A function that writes the report. Raises ValueError for an unknown suffix."""
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        expected = f"expected a name that ends in {', '.join(FORMATS)}"
        raise ValueError(f"unknown report format {suffix or path!r}: {expected}")

    return lambda report: written(path, FORMATS[suffix](report))


def format_json(report: Report) -> bytes:
    """The report as JSON; it serves as a baseline too."""
    properties = [{"id": row.id, "sentence": row.sentence, "tried": report.tried.get(row.id, 0)} for row in report.rows]
    findings = [
        {**one.to_json(file), "known": one.identity in report.known}
        for one, file in zip(report.findings, report.paths, strict=True)
    ]
    about = {"client": report.client, "model": report.model, "as_of": report.day, "seed": report.seed}
    return (json.dumps({**about, "properties": properties, "findings": findings}, indent=2) + "\n").encode()


def as_junit(report: Report) -> bytes:
    """The report as JUnit XML: a case for each property; known findings do not fail."""
    return format_junit(f"mockserver fuzz {report.client}", [_property_case(report, row) for row in report.rows])


def _property_case(report: Report, row: Property) -> Case:
    text = "\n".join("\n".join(one.format_lines(file)) for one, file in report.select(row))
    case = Case(f"mockserver.fuzz.{row.side}", row.id, text=text)
    new = next((one for one in report.new if one.row.id == row.id), None)
    if new is None:
        return case
    message = f"{row.sentence} Expected {new.failure.expected}, got {new.failure.got}"
    return case._replace(result="failure", message=message)


def format_html(report: Report) -> str:
    """The report as a page without external resources. All text from clients is escaped."""
    count = f"{len(report.new)} new finding{'' if len(report.new) == 1 else 's'}"
    known = len(report.findings) - len(report.new)
    about = f"model {report.model}, as of {report.day}, seed {report.seed}" + (
        f", {known} known findings" if known else ""
    )
    head = HEAD.replace("style-src 'unsafe-inline'", "style-src 'unsafe-inline'; img-src data:")
    colour = "bad" if report.new else "good"
    return "\n".join(
        (
            head.format(title=escape(f"{count}: {report.client}"), style=f"{STYLE}\n{FIGURES}"),
            f'<h1><span class="{colour}">{count}</span>: <code>{escape(report.client)}</code></h1>',
            f"<p>{escape(about)}</p>",
            "<h2>Properties</h2>",
            _format_properties(report),
            "<h2>Findings</h2>",
            *(
                _format_finding(one, file, one.identity in report.known)
                for row in report.rows
                for one, file in report.select(row)
            ),
            "" if report.findings else "<p>None.</p>",
            "</body>\n</html>\n",
        )
    )


def _format_properties(report: Report) -> str:
    lines = []
    for row in report.rows:
        found = sum(1 for _ in report.select(row))
        mark = f'<span class="bad">{found} found</span>' if found else '<span class="good">holds</span>'
        mark = mark if report.tried.get(row.id) else "not tried"
        cells = (escape(row.id), escape(row.sentence), str(report.tried.get(row.id, 0)), mark)
        lines.append("".join(f"<td>{cell}</td>" for cell in cells))
    rows = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="scroll"><table><tr><th>property<th>what must hold<th>cases<th></tr>\n{rows}\n</table></div>'


def _format_finding(one: Finding, file: str | None, known: bool) -> str:
    facts = {
        "call": describe_call(one.case),
        "response": json.dumps(list(one.case.steps), ensure_ascii=False) if one.case.steps else "as the API does",
        "expected": one.failure.expected,
        "got": one.failure.got,
        "replay": f"mockserver --scenario {file}" if file else "",
    }
    rows = "".join(f"<tr><th>{name}</th><td>{escape(text)}</td></tr>" for name, text in facts.items() if text)
    exchange = escape("\n".join(format_wire(one.observation)))
    result = escape(json.dumps(one.to_json(file)["result"], indent=2, ensure_ascii=False))
    return (
        f'<section><h3 id="{escape(one.identity)}">{escape(one.identity)}{" (known)" if known else ""}</h3>'
        f"<p>{escape(one.row.sentence)}</p><table>{rows}</table>{''.join(_format_images(one))}"
        f"<details><summary>The wire</summary><pre>{exchange}</pre></details>"
        f"<details><summary>The result</summary><pre>{result}</pre></details></section>"
    )


def _format_images(one: Finding) -> Iterator[str]:
    for file in one.case.images:
        yield _format_figure(file.media_type, file.data, f"call: {file.name}")
    if one.case.mask:
        yield _format_figure("image/png", one.case.mask.data, f"mask: {one.case.mask.name}")
    for exchange in one.observation.exchanges:
        for part in exchange.request.parts:
            if part.filename is not None:
                yield _format_figure(str(part.content_type), part.data, f"received: {part.name}")
        for event in exchange.sent_content.events:
            if event_type(event) and isinstance(event.get("b64_json"), str):
                yield _format_base64(event["b64_json"], f"sent: {event_type(event)}")
        if not exchange.sent_content.events:
            yield from (_format_base64(text, "sent") for text in exchange.sent_content.images)
    yield from (_format_base64(text, "reported") for text in one.observation.result.get("images", ()))
    for event in map(parse_event, one.observation.result.get("events", ())):
        if event_type(event) and isinstance(event.get("b64_json"), str):
            yield _format_base64(event["b64_json"], f"reported: {event_type(event)}")


def _format_base64(text: Any, caption: str) -> str:
    try:
        data = base64.b64decode(str(text), validate=True)
    except ValueError:
        return f"<figure>({len(str(text))} characters, not base64)<figcaption>{escape(caption)}</figcaption></figure>"
    return _format_figure("image/png", data, caption)


def _format_figure(media_type: str, data: bytes, caption: str) -> str:
    shown = f"({len(data)} bytes)"
    if media_type.startswith("image/") and len(data) <= MAX_IMAGE:
        source = f"data:{escape(media_type)};base64,{base64.b64encode(data).decode('ascii')}"
        shown = f'<img alt="{escape(caption)}" src="{source}">'
    return f"<figure>{shown}<figcaption>{escape(caption)}</figcaption></figure>"


FORMATS: Mapping[str, Callable[[Report], bytes]] = {
    ".html": lambda report: format_html(report).encode("utf-8", "replace"),
    ".xml": as_junit,
    ".json": format_json,
}

"""What a run brought to light: a property, the smallest case, expected against got, and how to play it again."""

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from mockserver.core.plan import Chunk, Cut, Head, Plan, Raw, Wait
from mockserver.harness.fuzz.case import KEY, Case, call, pictures, scenario
from mockserver.harness.fuzz.executor import Exchange, Observation
from mockserver.harness.fuzz.failure import Failure, short
from mockserver.journal.report.files import written

if TYPE_CHECKING:
    from mockserver.harness.fuzz.properties import Property

LINE = 160
SERVER = "http://127.0.0.1:4010"


@dataclass(frozen=True)
class Finding:
    """One way in which a property does not hold of a client."""

    row: "Property"
    case: Case
    failure: Failure
    seen: Observation
    name: str

    @property
    def identity(self) -> str:
        """The same for the same finding of another run; a baseline lists these."""
        return f"{self.row.id}/{re.sub('[^a-zA-Z0-9_.+-]+', '-', self.name).strip('-') or 'any'}"

    def described(self, file: str | None) -> dict[str, Any]:
        """The finding as JSON; `file` is the scenario that replays it."""
        return {
            "identity": self.identity,
            "property": self.row.id,
            "sentence": self.row.sentence,
            "expected": self.failure.expected,
            "got": self.failure.got,
            "case": self.case.described(),
            "result": _told(self.seen),
            "wire": list(wire(self.seen)),
            "scenario": file,
        }

    def lines(self, file: str | None) -> Iterator[str]:
        """The finding in some lines of text."""
        yield f"{self.identity}: {self.row.sentence}"
        yield f"  call      {cut(call_words(self.case))}"
        if self.case.steps:
            yield f"  answer    {cut(json.dumps(list(self.case.steps), ensure_ascii=False))}"
        yield f"  expected  {cut(self.failure.expected)}"
        yield f"  got       {cut(self.failure.got)}"
        for line in wire(self.seen):
            yield f"  wire      {cut(line)}"
        if file:
            yield f"  replay    mockserver --scenario {file}"


def _told(seen: Observation) -> dict[str, Any]:
    result = seen.result
    return {"how": seen.reply.how, "words": seen.reply.words} | (
        {
            "images": [cut(str(one), 60) for one in result["images"]],
            "events": [cut(json.dumps(one), 300) for one in result["events"]],
            "usage": result["usage"],
            "error": result["error"],
        }
        if result
        else {}
    )


def call_words(case: Case) -> str:
    """A call in words, the usual left out."""
    files = ", ".join(file.name for file in case.images)
    mask = f" mask={case.mask.name!r}" if case.mask else ""
    options = "".join(f" {name}={short(value)}" for name, value in case.options.items())
    return f"prompt={short(case.prompt)} images=[{files}]{mask}{options}{' stream' if case.stream else ''}"


def cut(text: str, limit: int = LINE) -> str:
    """A text on one line of bounded length."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else f"{flat[:limit]}..."


def wire(seen: Observation) -> Iterator[str]:
    """What went over the wire, a line each; what was the same as before is told once."""
    for lines, times in _runs([[*_request(one), *_answer(one.sent)] for one in seen.exchanges]):
        yield from lines
        if times > 1:
            yield f"({times} times the same)"
    if not seen.exchanges:
        yield "(nothing)"


def _runs(exchanges: list[list[str]]) -> Iterator[tuple[list[str], int]]:
    for _, group in itertools.groupby(exchanges, key=lambda lines: re.sub("[0-9a-f-]{2,}|[0-9]", "", "".join(lines))):
        same = list(group)
        yield same[0], len(same)


def _request(one: Exchange) -> Iterator[str]:
    request = one.request
    query = f"?{request.query}" if request.query else ""
    yield f"> {request.method} {request.path}{query}".replace(KEY, "[key]")
    for name, value in request.headers:
        if name in ("content-type", "authorization") or KEY in value:
            yield f"> {name}: {value}".replace(KEY, "[key]")
    for part in request.parts:
        held = (
            f"{len(part.data)} bytes" if part.filename is not None else cut(part.data[:LINE].decode("utf-8", "replace"))
        )
        named = "" if part.filename is None else f" filename={part.filename!r}"
        kind = f" {part.content_type}" if part.content_type else ""
        yield f">   {part.name}{named}{kind}: {held}".replace(KEY, "[key]")
    if request.body and not request.parts:
        yield f">   {cut(request.body[:LINE].decode('utf-8', 'replace'))}".replace(KEY, "[key]")


def _answer(plan: Plan) -> Iterator[str]:
    shown = 0
    for step in plan:
        match step:
            case Head(status, headers):
                kept = [
                    pair for pair in headers if pair[0] in ("content-type", "content-length", "retry-after", "location")
                ]
                yield f"< {status} {', '.join(f'{name}: {value}' for name, value in kept)}"
            case Chunk(data) | Raw(data):
                shown += 1
                if shown <= 8:
                    yield f"< {cut(repr(data[:LINE])[2:-1])} ({len(data)} bytes)"
            case Wait(seconds):
                yield "< (nothing more, for ever)" if seconds == float("inf") else f"< ({seconds:g} s)"
            case Cut(how):
                yield f"< ({how})"
            case _:
                yield "< (end)"
        if shown > 8:
            yield f"< ... {len(plan)} steps in all"
            return


def save(finding: Finding, folder: Path, number: int, day: str) -> Path:
    """Write the scenario that replays a finding, and the files that it needs; returns its path. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number:03d}.yaml"
    about = cut(f"{finding.row.sentence} Found: {finding.failure.got}", 300)
    data = scenario(finding.case, f"finding-{number:03d}", day, about)
    data["paint"] = "flat"
    words = [
        f"{finding.identity}",
        f"expected: {cut(finding.failure.expected, 300)}",
        f"got: {cut(finding.failure.got, 300)}",
        f"The call: {cut(json.dumps(finding.case.described()), 2000)}",
        f"Replay: mockserver --scenario {path.name}, and put the line of {path.stem}.json to the client.",
    ]
    comment = "".join(f"# {_printable(line)}\n" for line in words)
    written(path, (comment + yaml.safe_dump(data, sort_keys=False, width=120)).encode())
    for name, picture in pictures(finding.case.answers):
        written(folder / name, picture)
    _save_call(finding, path.with_suffix(""))
    return path


def _save_call(finding: Finding, folder: Path) -> None:
    """The call as a line, for a server on the usual port, and its pictures. Draws of chance go by the session."""
    line = call(finding.case, folder.name, f"{SERVER}/__mock/s/{finding.seen.session}/v1", finding.seen.model, folder)
    written(folder.with_suffix(".json"), f"{json.dumps(line)}\n".encode())


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def baseline(path: Path) -> frozenset[str]:
    """The identities of known findings: of a JSON report, or of a JSON list. Raises ValueError in a line."""
    try:
        data = json.loads(path.read_text("utf-8"))
        listed = data["findings"] if isinstance(data, dict) else data
        return frozenset(one if isinstance(one, str) else one["identity"] for one in listed)
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"{path} is no baseline: expected a JSON report of findings, or a list of their names"
        ) from None

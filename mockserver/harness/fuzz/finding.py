"""A violation that a run found: as JSON, as text, and as a scenario that replays it."""

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from mockserver.core.plan import Chunk, Cut, Head, Plan, Raw, Wait
from mockserver.harness.fuzz.case import KEY, Case, build_call, build_scenario, make_response_images
from mockserver.harness.fuzz.executor import Exchange, Observation
from mockserver.harness.fuzz.failure import Failure, shorten
from mockserver.journal.report.files import written

if TYPE_CHECKING:
    from mockserver.harness.fuzz.properties import Property

MAX_LINE = 160
SERVER = "http://127.0.0.1:4010"


@dataclass(frozen=True)
class Finding:
    """A client's violation of a property, with the smallest case that shows it."""

    row: "Property"
    case: Case
    failure: Failure
    observation: Observation
    name: str

    @property
    def identity(self) -> str:
        """Equal for the same finding of another run; a baseline lists these."""
        return f"{self.row.id}/{re.sub('[^a-zA-Z0-9_.+-]+', '-', self.name).strip('-') or 'any'}"

    def to_json(self, path: str | None) -> dict[str, Any]:
        """The finding as JSON; `path` is the scenario that replays it."""
        return {
            "identity": self.identity,
            "property": self.row.id,
            "sentence": self.row.sentence,
            "expected": self.failure.expected,
            "got": self.failure.got,
            "case": self.case.to_json(),
            "result": _result_json(self.observation),
            "wire": list(format_wire(self.observation)),
            "scenario": path,
        }

    def format_lines(self, path: str | None) -> Iterator[str]:
        yield f"{self.identity}: {self.row.sentence}"
        yield f"  call      {truncate(describe_call(self.case))}"
        if self.case.steps:
            yield f"  response  {truncate(json.dumps(list(self.case.steps), ensure_ascii=False))}"
        yield f"  expected  {truncate(self.failure.expected)}"
        yield f"  got       {truncate(self.failure.got)}"
        for line in format_wire(self.observation):
            yield f"  wire      {truncate(line)}"
        if path:
            yield f"  replay    mockserver --scenario {path}"


def _result_json(observation: Observation) -> dict[str, Any]:
    result = observation.result
    return {"how": observation.reply.how, "words": observation.reply.detail} | (
        {
            "images": [truncate(str(image), 60) for image in result["images"]],
            "events": [truncate(json.dumps(event), 300) for event in result["events"]],
            "usage": result["usage"],
            "error": result["error"],
        }
        if result
        else {}
    )


def describe_call(case: Case) -> str:
    """A call as text, without default values."""
    files = ", ".join(file.name for file in case.images)
    mask = f" mask={case.mask.name!r}" if case.mask else ""
    options = "".join(f" {name}={shorten(value)}" for name, value in case.options.items())
    return f"prompt={shorten(case.prompt)} images=[{files}]{mask}{options}{' stream' if case.stream else ''}"


def truncate(text: str, limit: int = MAX_LINE) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else f"{flat[:limit]}..."


def format_wire(observation: Observation) -> Iterator[str]:
    """The requests and responses, one line per item; equal exchanges in a row are listed once."""
    exchanges = [[*_format_request(exchange), *_format_plan(exchange.sent)] for exchange in observation.exchanges]
    for lines, times in _group_equal(exchanges):
        yield from lines
        if times > 1:
            yield f"(repeated {times} times)"
    if not exchanges:
        yield "(nothing)"


def _group_equal(exchanges: list[list[str]]) -> Iterator[tuple[list[str], int]]:
    for _, group in itertools.groupby(exchanges, key=lambda lines: re.sub("[0-9a-f-]{2,}|[0-9]", "", "".join(lines))):
        equal = list(group)
        yield equal[0], len(equal)


def _format_request(exchange: Exchange) -> Iterator[str]:
    request = exchange.request
    query = f"?{request.query}" if request.query else ""
    yield f"> {request.method} {request.path}{query}".replace(KEY, "[key]")
    for name, value in request.headers:
        if name in ("content-type", "authorization") or KEY in value:
            yield f"> {name}: {value}".replace(KEY, "[key]")
    for part in request.parts:
        content = (
            f"{len(part.data)} bytes"
            if part.filename is not None
            else truncate(part.data[:MAX_LINE].decode("utf-8", "replace"))
        )
        filename = "" if part.filename is None else f" filename={part.filename!r}"
        kind = f" {part.content_type}" if part.content_type else ""
        yield f">   {part.name}{filename}{kind}: {content}".replace(KEY, "[key]")
    if request.body and not request.parts:
        yield f">   {truncate(request.body[:MAX_LINE].decode('utf-8', 'replace'))}".replace(KEY, "[key]")


def _format_plan(plan: Plan) -> Iterator[str]:
    shown = 0
    for step in plan:
        match step:
            case Head(status, headers):
                listed = [
                    pair for pair in headers if pair[0] in ("content-type", "content-length", "retry-after", "location")
                ]
                yield f"< {status} {', '.join(f'{name}: {value}' for name, value in listed)}"
            case Chunk(data) | Raw(data):
                shown += 1
                if shown <= 8:
                    yield f"< {truncate(repr(data[:MAX_LINE])[2:-1])} ({len(data)} bytes)"
            case Wait(seconds):
                yield "< (stalled)" if seconds == float("inf") else f"< ({seconds:g} s)"
            case Cut(how):
                yield f"< ({how})"
            case _:
                yield "< (end)"
        if shown > 8:
            yield f"< ... ({len(plan)} steps in all)"
            return


def save(finding: Finding, folder: Path, number: int, day: str) -> Path:
    """Write the scenario that replays a finding, its images and the call; return its path. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number:03d}.yaml"
    about = truncate(f"{finding.row.sentence} Got: {finding.failure.got}", 300)
    data = build_scenario(finding.case, f"finding-{number:03d}", day, about)
    data["paint"] = "flat"
    lines = [
        f"{finding.identity}",
        f"expected: {truncate(finding.failure.expected, 300)}",
        f"got: {truncate(finding.failure.got, 300)}",
        f"Call: {truncate(json.dumps(finding.case.to_json()), 2000)}",
        f"Replay: mockserver --scenario {path.name}, then send the line of {path.stem}.json to the client.",
    ]
    comment = "".join(f"# {_escape(line)}\n" for line in lines)
    written(path, (comment + yaml.safe_dump(data, sort_keys=False, width=120)).encode())
    for name, image in make_response_images(finding.case.image_count):
        written(folder / name, image)
    _save_call(finding, path.with_suffix(""))
    return path


def _save_call(finding: Finding, folder: Path) -> None:
    # Random draws depend on the session, so the replayed call names the same one.
    base_url = f"{SERVER}/__mock/s/{finding.observation.session}/v1"
    line = build_call(finding.case, folder.name, base_url, finding.observation.model, folder)
    written(folder.with_suffix(".json"), f"{json.dumps(line)}\n".encode())


def _escape(text: str) -> str:
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def read_baseline(path: Path) -> frozenset[str]:
    """The identities of known findings from a JSON report or a JSON list. Raises ValueError."""
    try:
        data = json.loads(path.read_text("utf-8"))
        findings = data["findings"] if isinstance(data, dict) else data
        return frozenset(item if isinstance(item, str) else item["identity"] for item in findings)
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"invalid baseline {path}: expected a JSON report of findings, or a JSON list of their names"
        ) from None

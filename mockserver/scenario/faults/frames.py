"""Faults of streams, line by line: other valid ways to write the same events.

Source: the HTML standard, section 9.2, "Server-sent events".
"""

import json
from collections.abc import Callable

from mockserver.core.plan import Plan
from mockserver.scenario.faults.documents import parse_json
from mockserver.scenario.faults.fault import Apply, Fault, Parameters, RandInt
from mockserver.scenario.faults.parts import replace_events, split_events

APART = {
    "description": "Whether a blank line follows. After an id, some clients parse it as an event.",
    "type": "boolean",
    "default": False,
}
LINE_ENDS = {"crlf": b"\r\n", "cr": b"\r"}


def _rewrite_each(rewrite: Callable[[int, bytes, Parameters], bytes]) -> Apply:

    def apply(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
        pieces = split_events(plan)
        rewritten = [(waits, rewrite(number, data, options)) for number, (waits, data) in enumerate(pieces)]
        return replace_events(plan, rewritten) if rewritten != pieces else None

    return apply


def _line_ends(number: int, data: bytes, options: Parameters) -> bytes:
    return data.replace(b"\n", LINE_ENDS[options["as"]])


def _comments(number: int, data: bytes, options: Parameters) -> bytes:
    end = "\n\n" if options["apart"] else "\n"
    return f": {options['text']}{end}:\n".encode("utf-8", "replace") + data


def _ids(number: int, data: bytes, options: Parameters) -> bytes:
    return f"id: {number}\n".encode() + data


def _retry(number: int, data: bytes, options: Parameters) -> bytes:
    return f"retry: {options['milliseconds']}\n".encode() + data


def _data_lines(number: int, data: bytes, options: Parameters) -> bytes:
    return b"\n".join(_split_line(line) for line in data.split(b"\n"))


def _split_line(line: bytes) -> bytes:
    value = parse_json(line.removeprefix(b"data: ")) if line.startswith(b"data: ") else None
    if value is None:
        return line
    lines = json.dumps(value, indent=0, ensure_ascii=False).split("\n")
    return "\n".join(f"data: {part}" for part in lines).encode("utf-8", "replace")


def _no_space(number: int, data: bytes, options: Parameters) -> bytes:
    fields = (b"event", b"data", b"id", b"retry")
    return b"\n".join(
        line.replace(b": ", b":", 1) if line.partition(b":")[0] in fields else line for line in data.split(b"\n")
    )


def _bom(number: int, data: bytes, options: Parameters) -> bytes:
    return data if number else b"\xef\xbb\xbf" + data


def _row(name: str, about: str, apply: Apply, layer: str = "frames", **more: object) -> Fault:
    return Fault(name, about, "legal", "stream", layer, apply, **more)  # type: ignore[arg-type]


FAULTS = (
    _row("data_lines", "The data of each event is split into several lines.", _rewrite_each(_data_lines)),
    _row("ids", "Each event has an id.", _rewrite_each(_ids)),
    _row(
        "retry",
        "Each event has a retry line.",
        _rewrite_each(_retry),
        parameters={"milliseconds": {"type": "integer", "minimum": 0, "default": 3000}},
        short="milliseconds",
    ),
    _row(
        "comments",
        "There are comments between the events, like keep-alives.",
        _rewrite_each(_comments),
        # After ids: the blank line of a comment would separate an id from its event.
        "spaces",
        parameters={
            "text": {"type": "string", "pattern": r"^(?![\s\S]*[\r\n])", "default": "keep-alive"},
            "apart": APART,
        },
        short="text",
    ),
    _row("no_space", "There is no space after the colons.", _rewrite_each(_no_space), "spaces"),
    _row(
        "line_ends",
        "Lines end in CR LF, or in CR.",
        _rewrite_each(_line_ends),
        "ends",
        parameters={"as": {"enum": list(LINE_ENDS), "default": "crlf"}},
        short="as",
    ),
    _row("bom", "The stream begins with a byte order mark.", _rewrite_each(_bom), "ends"),
)

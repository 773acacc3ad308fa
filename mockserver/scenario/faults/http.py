"""Faults of HTTP: statuses, headers and bodies as proxies and gateways send them.

The texts are our own: every gateway has other pages, and clients must not parse them.
"""

import json
import math
import zlib
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus

from mockserver.core.plan import Chunk, End, Head, Headers, Plan
from mockserver.scenario.faults.fault import Fault, Parameters, RandInt
from mockserver.scenario.faults.parts import find_head, find_header, join_body, replace_body, replace_head, set_header

# Statuses that HTTP does not define, with Cloudflare's names.
PHRASES = {520: "Web server is returning an unknown error"}
PAGE = "<!DOCTYPE html>\n<html><head><title>{0}</title></head>\n<body><center><h1>{0}</h1></center></body></html>\n"
# The original headers that a gateway passes on.
KEPT = ("date", "access-control-", "x-mockserver-", "retry-after")


def status(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    code = options["code"]
    phrase = PHRASES.get(code) or (HTTPStatus(code).phrase if code in set(HTTPStatus) else "Unknown error")
    error = {"message": phrase, "type": "server_error" if code >= 500 else "invalid_request_error"}
    kind, data = {
        "html": ("text/html", PAGE.format(f"{code} {phrase}").encode("ascii")),
        "json": ("application/json", json.dumps({"error": {**error, "param": None, "code": None}}).encode("ascii")),
        "text": ("text/plain", phrase.encode("ascii")),
        "empty": (None, b""),
    }[options["body"]]
    return _replace_response(plan, code, (("content-type", kind),) if kind else (), data)


def _replace_response(plan: Plan, code: int, headers: Headers, data: bytes) -> Plan | None:
    top = find_head(plan)
    if top is None:
        return None
    kept = tuple(pair for pair in top.headers if pair[0].startswith(KEPT))
    new = Head(code, (*kept, *headers, ("content-length", str(len(data)))))
    return replace_body(replace_head(plan, new), data)


def redirect(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    return _replace_response(plan, options["code"], (("location", options["to"]),), b"")


def retry_after(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    top = find_head(plan)
    if top is None or top.status < 300:
        return None
    if options["as"] == "date":
        date = parsedate_to_datetime(find_header(plan, "date")) + timedelta(seconds=math.ceil(options["seconds"]))
        value: str | None = format_datetime(date, usegmt=True)
    else:
        value = str(math.ceil(options["seconds"])) if options["as"] == "seconds" else None
    return replace_head(plan, set_header(set_header(top, "retry-after-ms", None), "retry-after", value))


def gzip(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    top = find_head(plan)
    if top is None or not join_body(plan):
        return None
    top, squeeze = set_header(top, "content-encoding", "gzip"), zlib.compressobj(6, zlib.DEFLATED, 31)
    if find_header(plan, "content-length"):
        return replace_body(replace_head(plan, top), squeeze.compress(join_body(plan)) + squeeze.flush())
    steps = [
        Chunk(squeeze.compress(step.data) + squeeze.flush(zlib.Z_SYNC_FLUSH)) if isinstance(step, Chunk) else step
        for step in replace_head(plan, top)
    ]
    ends = [place for place, step in enumerate(steps) if isinstance(step, End)]
    steps[ends[0] : ends[0]] = [Chunk(squeeze.flush())]
    return tuple(steps)


def content_type(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    top = find_head(plan)
    return None if top is None else replace_head(plan, set_header(top, "content-type", options["as"]))


def empty(plan: Plan, options: Parameters, randint: RandInt) -> Plan | None:
    return replace_body(plan, b"") if join_body(plan) else None


FAULTS = (
    Fault(
        "status",
        "Another status, such as 408, 409, 413, 429, 500, 502, 503, 504 or 520, with a gateway's HTML page, JSON, "
        "text or an empty body.",
        "hostile",
        "any response",
        "http",
        status,
        {
            "code": {"type": "integer", "minimum": 400, "maximum": 599, "default": 503},
            "body": {"enum": ["html", "json", "text", "empty"], "default": "html"},
        },
        "code",
    ),
    Fault(
        "redirect",
        "A redirect, by default to the same URL with a query.",
        "legal",
        "any response",
        "http",
        redirect,
        {
            "code": {"enum": [301, 302, 303, 307, 308], "default": 307},
            "to": {"type": "string", "pattern": r"^(?![\s\S]*\s)[!-~]+$", "default": "?redirected=1"},
        },
        "to",
    ),
    Fault(
        "retry_after",
        "Retry-After of an error in seconds, as a date, or absent.",
        "legal",
        "any response",
        "http",
        retry_after,
        {
            "as": {"enum": ["seconds", "date", "absent"], "default": "seconds"},
            "seconds": {"type": "number", "minimum": 0, "maximum": 86_400, "default": 2},
        },
        "as",
    ),
    Fault("gzip", "The body is compressed.", "legal", "any response", "http", gzip),
    Fault(
        "content_type",
        "Content-Type is wrong, or (null) missing.",
        "hostile",
        "any response",
        "http",
        content_type,
        {"as": {"type": ["string", "null"], "pattern": r"^(?![\s\S]*\n)[ -~]*$", "default": "text/html"}},
        "as",
    ),
    Fault("empty", "The correct status and headers, without a body.", "hostile", "any response", "http", empty),
)

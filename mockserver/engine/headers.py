"""The headers of responses, in the recorded order, and the plans of errors."""

import math
from collections.abc import Mapping
from email.utils import formatdate
from functools import cache, lru_cache
from typing import Any

from mockserver.contract.asof import AsOf
from mockserver.contract.catalogue import Row
from mockserver.core import data_files
from mockserver.core.plan import Headers, Plan, single_chunk
from mockserver.engine.context import Context


@cache
def _list_rows(as_of: AsOf) -> tuple[Mapping[str, Any], ...]:
    data = data_files.contract("headers.yaml")
    rows = [row for row in data["headers"] if as_of.holds(row.get("since"), row.get("until"))]
    for order in data["orders"]:
        if as_of.holds(order["since"], order["until"]):
            rows.sort(key=lambda row: order["names"].index(row["name"]))
    return tuple(rows)


@cache
def _build_template(as_of: AsOf, kind: str, status: int) -> tuple[tuple[str, ...], str]:
    rows = [row for row in _list_rows(as_of) if row.get("only", kind) == kind and row.get("unless") != status]
    return tuple(row["name"] for row in rows), "\n".join(str(row["value"]) for row in rows)


@lru_cache(maxsize=64)
def format_date(second: int) -> str:
    return formatdate(second, usegmt=True)


def build_headers(context: Context, status: int, content_type: str, length: int | None, processing: float) -> Headers:
    kind = "served" if length is None else "refused"
    facts = {
        "date": format_date(math.floor(context.now)),
        "content_type": content_type,
        "length": length,
        "processing_ms": round(processing * 1000),
        "cookie": context.token("cookie"),
        "ray": context.token("ray", 8),
        **context.ids(),
    }
    names, values = _build_template(context.as_of, kind, status)
    return tuple(zip(names, values.format_map(facts).split("\n"), strict=True))


def select_needed(headers: Headers) -> Headers:
    needed = data_files.contract("headers.yaml")["needed"]
    return tuple((name, value) for name, value in headers if name in needed)


def plan_error(row: Row, facts: Mapping[str, Any], context: Context, extra: Headers = ()) -> Plan:
    """The plan of an error, with its body and Content-Length as recorded. `extra` headers come last."""
    body = row.body({**context.ids(), **facts})
    if row.wire == "empty":
        date = format_date(math.floor(context.now))
        return single_chunk(row.status, (("date", date), ("content-length", "0"), *row.headers.items(), *extra), body)
    low, high = data_files.contract("headers.yaml")["processing_ms"][row.at]
    processing = context.randint("processing", low, high) / 1000
    headers = build_headers(context, row.status, "application/json", len(body), processing)
    return single_chunk(row.status, (*headers, *row.headers.items(), *extra), body)


def build_retry_after(seconds: float | None) -> Headers:
    if seconds is None:
        return ()
    rounded = ("retry-after", str(math.ceil(seconds)))
    return (rounded,) if seconds == int(seconds) else (rounded, ("retry-after-ms", f"{seconds * 1000:.0f}"))

"""The URLs that stand for pictures in old answers, and what the storage behind them says. Serves nothing itself."""

import base64
import hashlib
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

from mockserver.core import data_files
from mockserver.core.plan import Plan, single_chunk
from mockserver.engine.context import Context

# How many characters of a picture's digest its name holds.
NAME = 24
DAY = 86_400
# What is opened by itself must do nothing: an SVG picture may hold scripts. The real storage does not say so.
INERT = (
    ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
    ("x-content-type-options", "nosniff"),
)


def link(origin: str, context: Context, digest: str) -> str:
    """The URL of a picture, by its xxh3 digest, in the recorded shape of path and query."""
    data = data_files.contract("storage.yaml")
    valid, image = data["valid_seconds"], digest[:NAME]
    start, expiry = _instant(context.now - valid), _instant(context.now + valid)
    url: str = data["url"].format(
        origin=origin,
        organization=f"org-{context.token('organization', 12)}",
        user=f"user-{context.token('user', 12)}",
        image=image,
        start=start,
        expiry=expiry,
        key_expiry=_instant(context.now - valid + DAY),
        object=_uuid(context.token("object")),
        signature=quote(signature(image, expiry), safe=""),
    )
    return url


def signature(image: str, expiry: str) -> str:
    """What the storage signs a picture's name and its expiry with."""
    key = f"{image}/{expiry}".replace("%3A", ":").encode()
    return base64.b64encode(hashlib.blake2b(key, key=b"mockserver storage", digest_size=32).digest()).decode()


def respond_from_storage(image: str, query: Mapping[str, str], now: float, held: tuple[bytes, str] | None) -> Plan:
    """What the storage says to a request for a picture, which it holds or not: the picture, or its own refusal."""
    wrong = find_url_error(image, query, now)
    if wrong is None and held:
        return handed(held, now)
    return refused(wrong or "missing", query, now)


def find_url_error(image: str, query: Mapping[str, str], now: float) -> str | None:
    """What is wrong with a link: it is `forged` or `expired`; None when it is good."""
    expiry = query.get("se", "")
    until = _seconds(expiry)
    if until is None or query.get("sig") != signature(image, expiry):
        return "forged"
    return "expired" if now >= until else None


def refused(kind: str, query: Mapping[str, str], now: float) -> Plan:
    """The storage's own refusal, as XML."""
    data = data_files.contract("storage.yaml")
    row: Mapping[str, Any] = data["refusals"][kind]
    code, date = row["code"], formatdate(math.floor(now), usegmt=True)
    request_id = _uuid(hashlib.blake2b(f"{kind}{now}".encode(), digest_size=16).hexdigest())
    facts = {"now": date}
    if kind == "expired":
        expiry = query["se"]
        facts |= {"start": _date(expiry, -2 * data["valid_seconds"]), "expiry": _date(expiry)}
    detail = row["detail"].format_map(facts)
    body = (
        data["body"]
        .format(
            code=code,
            message=row["message"],
            stamp=f"\nRequestId:{request_id}\nTime:{datetime.fromtimestamp(now, UTC).isoformat()}",
            detail=f"<AuthenticationErrorDetail>{detail}</AuthenticationErrorDetail>" if detail else "",
        )
        .encode()
    )
    head = (("date", date), ("content-type", "application/xml"), ("content-length", str(len(body))))
    return single_chunk(row["status"], (*head, ("x-ms-request-id", request_id), ("x-ms-error-code", code)), body)


def handed(picture: tuple[bytes, str], now: float) -> Plan:
    """The picture itself."""
    data, media_type = picture
    date = formatdate(math.floor(now), usegmt=True)
    head = (("date", date), ("content-type", media_type), ("content-length", str(len(data))))
    return single_chunk(200, (*head, *INERT), data)


def _instant(now: float) -> str:
    return datetime.fromtimestamp(math.floor(now), UTC).strftime("%Y-%m-%dT%H%%3A%M%%3A%SZ")


def _seconds(instant: str) -> float | None:
    try:
        return datetime.strptime(instant, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _date(instant: str, shift: int = 0) -> str:
    return formatdate((_seconds(instant) or 0) + shift, usegmt=True)


def _uuid(digits: str) -> str:
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))

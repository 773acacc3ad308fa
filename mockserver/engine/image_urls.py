"""The URLs that older models return in place of images, and the responses of the storage behind them."""

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

# Characters of an image's digest in its name.
NAME = 24
DAY = 86_400
# An SVG image may contain scripts, which must not run when it is opened. The real storage does not send these.
INERT = (
    ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
    ("x-content-type-options", "nosniff"),
)


def build_url(origin: str, context: Context, digest: str) -> str:
    data = data_files.contract("storage.yaml")
    valid, image = data["valid_seconds"], digest[:NAME]
    start, expiry = _format_instant(context.now - valid), _format_instant(context.now + valid)
    url: str = data["url"].format(
        origin=origin,
        organization=f"org-{context.token('organization', 12)}",
        user=f"user-{context.token('user', 12)}",
        image=image,
        start=start,
        expiry=expiry,
        key_expiry=_format_instant(context.now - valid + DAY),
        object=_format_uuid(context.token("object")),
        signature=quote(sign(image, expiry), safe=""),
    )
    return url


def sign(image: str, expiry: str) -> str:
    text = f"{image}/{expiry}".replace("%3A", ":").encode()
    return base64.b64encode(hashlib.blake2b(text, key=b"mockserver storage", digest_size=32).digest()).decode()


def respond_from_storage(image: str, query: Mapping[str, str], now: float, stored: tuple[bytes, str] | None) -> Plan:
    error = find_url_error(image, query, now)
    if error is None and stored:
        return _plan_image(stored, now)
    return _plan_error(error or "missing", query, now)


def find_url_error(image: str, query: Mapping[str, str], now: float) -> str | None:
    """Why an image URL is invalid: `forged` or `expired`; None where it is valid."""
    expiry = query.get("se", "")
    until = _parse_instant(expiry)
    if until is None or query.get("sig") != sign(image, expiry):
        return "forged"
    return "expired" if now >= until else None


def _plan_error(kind: str, query: Mapping[str, str], now: float) -> Plan:
    data = data_files.contract("storage.yaml")
    row: Mapping[str, Any] = data["refusals"][kind]
    code, date = row["code"], formatdate(math.floor(now), usegmt=True)
    request_id = _format_uuid(hashlib.blake2b(f"{kind}{now}".encode(), digest_size=16).hexdigest())
    facts = {"now": date}
    if kind == "expired":
        expiry = query["se"]
        facts |= {"start": _shift_date(expiry, -2 * data["valid_seconds"]), "expiry": _shift_date(expiry)}
    detail = row["detail"].format_map(facts)
    text = data["body"].format(
        code=code,
        message=row["message"],
        stamp=f"\nRequestId:{request_id}\nTime:{datetime.fromtimestamp(now, UTC).isoformat()}",
        detail=f"<AuthenticationErrorDetail>{detail}</AuthenticationErrorDetail>" if detail else "",
    )
    body = text.encode()
    headers = (("date", date), ("content-type", "application/xml"), ("content-length", str(len(body))))
    return single_chunk(row["status"], (*headers, ("x-ms-request-id", request_id), ("x-ms-error-code", code)), body)


def _plan_image(stored: tuple[bytes, str], now: float) -> Plan:
    data, media_type = stored
    date = formatdate(math.floor(now), usegmt=True)
    headers = (("date", date), ("content-type", media_type), ("content-length", str(len(data))))
    return single_chunk(200, (*headers, *INERT), data)


def _format_instant(now: float) -> str:
    return datetime.fromtimestamp(math.floor(now), UTC).strftime("%Y-%m-%dT%H%%3A%M%%3A%SZ")


def _parse_instant(text: str) -> float | None:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _shift_date(instant: str, seconds: int = 0) -> str:
    return formatdate((_parse_instant(instant) or 0) + seconds, usegmt=True)


def _format_uuid(digits: str) -> str:
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))

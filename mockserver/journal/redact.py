"""Redaction: everything that the journal stores goes through `redact`, whole, so no caller decides what may be secret.

There is no shortcut for values without a secret. Serializing an entry to see whether it needs redaction takes 11 µs
and walking through it 17 µs, of about 190 µs that a request takes.
"""

import math
from collections.abc import Collection, Mapping
from typing import Any

REDACTED = "[redacted]"
# Headers whose values are never stored.
SECRET_HEADERS = frozenset(("authorization", "api-key", "cookie", "proxy-authorization"))


def redact(value: Any, secrets: Collection[str]) -> Any:
    """A copy of a JSON-like value with every secret replaced, in keys too.

    The copy can be serialized as strict JSON: lone surrogates become `?`, and `inf` and `nan` become strings.
    """
    # Longest first: one secret may be the beginning of another.
    return _redact(value, sorted(secrets, key=len, reverse=True))


def _redact(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, str):
        return _redact_text(value, secrets)
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, Mapping):
        return {_redact(key, secrets): _redact(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redact(item, secrets) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _redact_text(text: str, secrets: list[str]) -> str:
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, REDACTED)
    return text

"""A violation of a property: what was expected and what the client did instead."""

from dataclasses import dataclass
from typing import Any

MAX_LENGTH = 300


@dataclass(frozen=True)
class Failure:
    """One violation of a property. `label` is short, and equal for equal violations; finding names contain it."""

    expected: str
    got: str
    label: str = ""


def shorten(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}... ({len(text)} characters)"

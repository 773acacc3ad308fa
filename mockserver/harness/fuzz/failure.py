"""What was expected and what came instead, in words."""

from dataclasses import dataclass
from typing import Any

LENGTH = 300


@dataclass(frozen=True)
class Failure:
    """One way in which a property does not hold. `label` names it in a word or two, the same for the same fault."""

    expected: str
    got: str
    label: str = ""


def short(value: Any) -> str:
    """A value in words of bounded length."""
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= LENGTH else f"{text[:LENGTH]}... ({len(text)} characters)"

"""What cases are made for, and the two plainest ones: the ground on which all others stand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mockserver.harness.fuzz.case import Case

PLAIN = Case()
STREAM = Case(stream=True, options={"partial_images": 2})
# Seconds for what takes long.
LONG = 20.0


@dataclass(frozen=True)
class Ground:
    """What cases are made for: a day, and the parameters of a model, JSON Schemas by name.

    `gzip` says whether the client takes compressed bodies, `forms` whether it sends forms, and no JSON.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    day: str = "any"
    gzip: bool = False
    forms: bool = True

"""What cases are generated for, and the two plain cases that most others are derived from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mockserver.harness.fuzz.case import Case

PLAIN = Case()
STREAM = Case(stream=True, options={"partial_images": 2})
# Seconds for large images and events.
LONG_DEADLINE = 20.0


@dataclass(frozen=True)
class ClientProfile:
    """The as-of label, the JSON Schemas of the model's parameters by name, and what the client can do."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    day: str = "any"
    accepts_gzip: bool = False
    sends_forms: bool = True

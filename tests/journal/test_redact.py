"""Redaction of the values that the journal stores."""

import math
from typing import Any

import pytest

from mockserver.journal.redact import redact


@pytest.mark.parametrize(
    ("value", "redacted"),
    [
        ("sk-1234", "[redacted]"),
        ("Bearer sk-1234, sk-1234!", "Bearer [redacted], [redacted]!"),
        ("sk-12", "sk-12"),
        ("né sk-1234", "né [redacted]"),
        ({"sk-1234": ["sk-1234", ("x", "sk-1234")]}, {"[redacted]": ["[redacted]", ["x", "[redacted]"]]}),
        ([None, 5, 1.5, True, {}], [None, 5, 1.5, True, {}]),
        ("the sk-1234-long one", "the [redacted] one"),
    ],
    ids=["whole text", "several", "beginning of a secret", "non-ASCII", "nested", "no text", "secret in a secret"],
)
def test_secrets_are_replaced(value: Any, redacted: Any) -> None:
    assert redact(value, {"sk-1234", "sk-1234-long"}) == redacted


def test_values_without_a_secret_stay_equal() -> None:
    value = {"a": ["b", {"c": "d"}]}
    assert redact(value, ()) == value


def test_values_become_strict_json() -> None:
    assert redact({"a": [math.inf, math.nan, 1.5], "b": "\ud800x"}, ()) == {"a": ["inf", "nan", 1.5], "b": "?x"}

"""Clients that keep to no protocol, each in its own way."""

import os
import time
from typing import Any

from tests.fuzz.clients import base

NOTHING = {"images": [], "events": [], "usage": None, "error": None}
number = 42
BEGUN: list[str] = []


def shape(call: dict[str, Any]) -> Any:
    """Is no result."""
    return {**NOTHING, "images": "none"}


def text(call: dict[str, Any]) -> Any:
    """Is no mapping."""
    return "none"


def unspeakable(call: dict[str, Any]) -> Any:
    """Is no JSON."""
    return {**NOTHING, "usage": {"x": object()}}


def raises(call: dict[str, Any]) -> Any:
    """Crashes before it asks anything."""
    raise RuntimeError("boom")


def prints(call: dict[str, Any]) -> Any:
    """Says what it does where results go."""
    print("working")
    return base.edit(call)


def dies(call: dict[str, Any]) -> Any:
    """Ends with its process, on streams."""
    if call["stream"]:
        os._exit(3)
    return base.edit(call)


def leaves(call: dict[str, Any]) -> Any:
    """Takes SystemExit for an answer."""
    raise SystemExit("enough")


def sleeps(call: dict[str, Any]) -> Any:
    """Never ends, when it is asked for several pictures."""
    if call["options"].get("n"):
        time.sleep(600)
    return base.edit(call)


def begins_badly(call: dict[str, Any]) -> dict[str, Any]:
    """Does all right but its first call."""
    if not BEGUN:
        BEGUN.append(call["id"])
        raise RuntimeError("not yet")
    return base.edit(call)

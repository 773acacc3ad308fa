"""Finds and reads the data files that are part of the package."""

import functools
import json
from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml

# The C loader parses the contracts about ten times faster; PyYAML without libyaml does not have it.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def folder(name: str) -> Traversable:
    """The folder `contracts` or `scenarios`: inside an installed package, next to it in a checkout."""
    package = files("mockserver")
    installed = package.joinpath("data", name)
    return installed if installed.is_dir() else package.joinpath("..", name)


def names(name: str, suffix: str) -> Iterable[str]:
    return sorted(f.name.removesuffix(suffix) for f in folder(name).iterdir() if f.name.endswith(suffix))


@functools.cache
def page() -> str:
    return files("mockserver").joinpath("server", "admin", "page.html").read_text("utf-8")


@functools.cache
def contract(path: str) -> Any:
    """A file of `contracts/`, parsed as JSON or YAML by its suffix. Shared between callers: do not modify it."""
    text = folder("contracts").joinpath(*path.split("/")).read_text("utf-8")
    return json.loads(text) if path.endswith(".json") else yaml.load(text, Loader=LOADER)  # noqa: S506 (safe loader)

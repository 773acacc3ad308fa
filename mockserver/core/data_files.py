"""Finds and reads the data files that travel with the package. Knows where they lie, not what they mean."""

import functools
import json
from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml

# The C loader parses the contracts some ten times faster; PyYAML built without libyaml lacks it.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def folder(name: str) -> Traversable:
    """The folder `contracts` or `scenarios`: inside an installed package, beside it in a checkout."""
    package = files("mockserver")
    installed = package.joinpath("data", name)
    return installed if installed.is_dir() else package.joinpath("..", name)


def names(name: str, suffix: str) -> Iterable[str]:
    """The file names in a data folder that end in `suffix`, sorted, without that suffix."""
    return sorted(f.name.removesuffix(suffix) for f in folder(name).iterdir() if f.name.endswith(suffix))


@functools.cache
def page() -> str:
    """The page at `/__mock/`, as HTML."""
    return files("mockserver").joinpath("server", "admin", "page.html").read_text("utf-8")


@functools.cache
def contract(path: str) -> Any:
    """One file of `contracts/`, parsed by its ending. Shared between callers: treat it as read-only."""
    text = folder("contracts").joinpath(*path.split("/")).read_text("utf-8")
    return json.loads(text) if path.endswith(".json") else yaml.load(text, Loader=LOADER)  # noqa: S506 (safe loader)

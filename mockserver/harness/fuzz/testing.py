"""The properties as a parametrised test of pytest: `test_client = client_properties("mymodule:edit")`."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from mockserver.harness.fuzz.client import client as started
from mockserver.harness.fuzz.engine import MODEL, Limits, Run
from mockserver.harness.fuzz.executor import Stage
from mockserver.harness.fuzz.properties import Property, chosen


def client_properties(
    client: str | Sequence[str] | Callable[[dict[str, Any]], Any],
    *,
    model: str = MODEL,
    as_of: str = "any",
    only: str | None = None,
    max_examples: int = 20,
    seed: int = 0,
    known: Sequence[str] = (),
) -> Any:
    """A test with one case for each property. `client` is `module:callable`, the callable, or a command as a list.

    `known` are the names of findings that do not fail. Raises ValueError for a callable that no other process finds.
    """
    named = client if not callable(client) else name(client)

    @functools.cache
    def run(config: pytest.Config) -> Run:
        stage = Stage(started(named), model, as_of)
        config.add_cleanup(stage.close)
        made = Run(stage, Limits(max_examples, None, seed))
        made.prepare()
        return made

    @pytest.mark.parametrize("row", chosen(only), ids=lambda row: row.id)
    def test_client(row: Property, pytestconfig: pytest.Config) -> None:
        found = [one for one in run(pytestconfig).examine(row) if one.identity not in known]
        told = "\n\n".join("\n".join(one.lines(None)) for one in found)
        assert not found, f"{row.sentence}\n{told}"

    return test_client


def name(called: Callable[..., Any]) -> str:
    """`module:callable` of a function. Raises ValueError for one inside another, which cannot be imported."""
    place = getattr(called, "__qualname__", "<")
    if "<" in place:
        raise ValueError(f"{place} cannot be imported by another process: expected a function of a module")
    return f"{called.__module__}:{place}"

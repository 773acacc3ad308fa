"""The properties as a parametrized pytest test: `test_client = client_properties("mymodule:edit")`."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from mockserver.harness.fuzz.client import build_client
from mockserver.harness.fuzz.engine import MODEL, Limits, Run
from mockserver.harness.fuzz.executor import Executor
from mockserver.harness.fuzz.properties import Property, select


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
    """Return a test with one case per property. `client` is `module:callable`, the callable, or a command as a list.

    `known` lists the names of findings that do not fail. Raises ValueError for a callable that another process cannot
    import.
    """
    named = client if not callable(client) else qualify(client)

    @functools.cache
    def start(config: pytest.Config) -> Run:
        executor = Executor(build_client(named), model, as_of)
        config.add_cleanup(executor.close)
        run = Run(executor, Limits(max_examples, None, seed))
        run.prepare()
        return run

    @pytest.mark.parametrize("row", select(only), ids=lambda row: row.id)
    def test_client(row: Property, pytestconfig: pytest.Config) -> None:
        findings = [finding for finding in start(pytestconfig).examine(row) if finding.identity not in known]
        text = "\n\n".join("\n".join(finding.format_lines(None)) for finding in findings)
        assert not findings, f"{row.sentence}\n{text}"

    return test_client


def qualify(function: Callable[..., Any]) -> str:
    """`module:callable` of a function. Raises ValueError for a nested function, which cannot be imported."""
    place = getattr(function, "__qualname__", "<")
    if "<" in place:
        raise ValueError(
            f"{place} cannot be imported by another process: expected a function at the top level of a module"
        )
    return f"{function.__module__}:{place}"

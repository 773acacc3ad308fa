"""Runs a Python callable as a client: `python -m mockserver.harness.fuzz.worker module:callable`. Judges nothing."""

import asyncio
import gc
import importlib
import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any


def find(name: str) -> Callable[[dict[str, Any]], Any]:
    """The callable that `module:callable` names. Raises ValueError with a line that says what is wrong."""
    module, colon, place = name.partition(":")
    if not colon or not module or not place:
        raise ValueError(f"expected module:callable, not {name!r}")
    try:
        found: Any = importlib.import_module(module)
        for part in place.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{name} cannot be found: {error}") from None
    except Exception as error:
        raise ValueError(f"{module} cannot be imported: {type(error).__name__}: {error}") from None
    if not callable(found):
        raise ValueError(f"{name} is a {type(found).__name__}; expected a function edit(call) -> result")
    called: Callable[[dict[str, Any]], Any] = found
    return called


def run(edit: Callable[[dict[str, Any]], Any], call: dict[str, Any]) -> dict[str, Any]:
    """The result of one call, its `id` filled in; what the callable raised stands under `crash`."""
    try:
        result = edit(call)
        if inspect.isawaitable(result):
            result = asyncio.run(_wait(result))
        json.dumps(result)
    except (Exception, SystemExit):
        return {"id": call["id"], "crash": traceback.format_exc(limit=-8)}
    return {"id": call["id"], **result} if isinstance(result, dict) else {"id": call["id"], "result": result}


async def _wait(result: Any) -> Any:
    return await result


def main() -> None:
    """Answer a line for each line, until there are no more."""
    # What the callable prints must not stand between the results.
    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    sys.path.insert(0, os.getcwd())
    try:
        edit = find(sys.argv[1])
    except ValueError as error:
        print(json.dumps({"cannot": str(error)}), file=out, flush=True)
        return
    print(json.dumps({"ready": True}), file=out, flush=True)
    gc.freeze()
    for line in sys.stdin:
        result = json.dumps(run(edit, json.loads(line)))
        # What nobody holds any more, connections among it, is not the client's to close.
        gc.collect()
        print(result, file=out, flush=True)


if __name__ == "__main__":
    main()

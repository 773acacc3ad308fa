"""Runs a Python callable as a client: `python -m mockserver.harness.fuzz.worker module:callable`."""

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


def load_callable(name: str) -> Callable[[dict[str, Any]], Any]:
    """Import `module:callable`. Raises ValueError with a message of one line."""
    module, colon, place = name.partition(":")
    if not colon or not module or not place:
        raise ValueError(f"expected module:callable, got {name!r}")
    try:
        target: Any = importlib.import_module(module)
        for part in place.split("."):
            target = getattr(target, part)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"cannot find {name}: {error}") from None
    except Exception as error:
        raise ValueError(f"cannot import {module}: {type(error).__name__}: {error}") from None
    if not callable(target):
        raise ValueError(f"{name}: expected a function edit(call) -> result, got {type(target).__name__}")
    edit: Callable[[dict[str, Any]], Any] = target
    return edit


def call_client(edit: Callable[[dict[str, Any]], Any], call: dict[str, Any]) -> dict[str, Any]:
    """The result of one call with its `id`; an exception becomes a traceback under `crash`."""
    try:
        result = edit(call)
        if inspect.isawaitable(result):
            result = asyncio.run(_await(result))
        json.dumps(result)
    except (Exception, SystemExit):
        return {"id": call["id"], "crash": traceback.format_exc(limit=-8)}
    return {"id": call["id"], **result} if isinstance(result, dict) else {"id": call["id"], "result": result}


async def _await(result: Any) -> Any:
    return await result


def main() -> None:
    # Output of the callable goes to stderr, so that stdout holds results only.
    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    sys.path.insert(0, os.getcwd())
    try:
        edit = load_callable(sys.argv[1])
    except ValueError as error:
        print(json.dumps({"cannot": str(error)}), file=out, flush=True)
        return
    print(json.dumps({"ready": True}), file=out, flush=True)
    gc.freeze()
    for line in sys.stdin:
        result = json.dumps(call_client(edit, json.loads(line)))
        # Close connections that the client no longer references: they are not leaks.
        gc.collect()
        print(result, file=out, flush=True)


if __name__ == "__main__":
    main()

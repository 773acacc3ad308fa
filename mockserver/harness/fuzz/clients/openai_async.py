"""The official Python client on asyncio: `mockserver fuzz mockserver.harness.fuzz.clients.openai_async:edit`."""

import contextlib
from typing import Any

import openai

from mockserver.harness.fuzz.clients.openai_sync import (
    Result,
    add_event,
    build_arguments,
    client_options,
    describe_error,
    finish_result,
)


async def edit(call: dict[str, Any]) -> Result:
    """Make one edit; see contracts/schemas/fuzz-call.json and fuzz-result.json."""
    result: Result = {"images": [], "events": [], "usage": None, "error": None}
    try:
        async with openai.AsyncOpenAI(**client_options(call)) as client:
            with contextlib.ExitStack() as files:
                response: Any = await client.images.edit(**build_arguments(call, files))
                if call["stream"]:
                    async for event in response:
                        add_event(result, event)
                finish_result(result, call, response)
    except Exception as error:
        result |= describe_error(error)
    return result

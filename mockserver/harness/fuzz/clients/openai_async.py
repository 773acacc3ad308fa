"""The official Python client on asyncio: `mockserver fuzz mockserver.harness.fuzz.clients.openai_async:edit`."""

import contextlib
from typing import Any

import openai

from mockserver.harness.fuzz.clients.openai_sync import Result, arguments, failed, finish, settings, take


async def edit(call: dict[str, Any]) -> Result:
    """One edit, as contracts/schemas/fuzz-call.json and fuzz-result.json have it."""
    result: Result = {"images": [], "events": [], "usage": None, "error": None}
    try:
        async with openai.AsyncOpenAI(**settings(call)) as client:
            with contextlib.ExitStack() as files:
                answer: Any = await client.images.edit(**arguments(call, files))
                if call["stream"]:
                    async for event in answer:
                        take(result, event)
                finish(result, call, answer)
    except Exception as error:
        result |= failed(error)
    return result

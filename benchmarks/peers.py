"""Routes that do less, on the same uvicorn. BENCHMARK_ANSWER names the file to answer with."""

import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

ANSWER = Path(os.environ["BENCHMARK_ANSWER"]).read_bytes()


async def read(request: Request) -> Response:
    """Reads the body to its end, looks at nothing."""
    async for _ in request.stream():
        pass
    return Response(ANSWER, media_type="application/json")


async def parse(request: Request) -> Response:
    """Has Starlette parse the form, and checks nothing."""
    async with request.form() as form:
        for value in form.values():
            if not isinstance(value, str):
                await value.read()
    return Response(ANSWER, media_type="application/json")


async def ready(request: Request) -> Response:
    """It is there."""
    return Response(b"ok")


bare = Starlette(routes=[Route("/v1/images/edits", read, methods=["POST"]), Route("/", ready)])
form = Starlette(routes=[Route("/v1/images/edits", parse, methods=["POST"]), Route("/", ready)])

"""What routes share: waiting for a worker, and sending pictures."""

import asyncio
from concurrent.futures import CancelledError
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Request, Response
from pydantic import AfterValidator, Field

from photochrom.coloring import Output
from photochrom.photo import FORMATS, SUFFIXES, WRITTEN_FORMATS
from photochrom.server.problems import Problem
from photochrom.workers import Pending

MEDIA_TYPES = {suffix: FORMATS[name].media_type for name, suffixes in SUFFIXES.items() for suffix in suffixes}
"""The media types of the pictures that are written, by suffix."""


def _written(name: str) -> str:
    if name.upper() not in WRITTEN_FORMATS:
        raise ValueError(f"choose one of: {', '.join(_FORMAT_NAMES)}")
    return name


_FORMAT_NAMES = [name.lower() for name in WRITTEN_FORMATS]

Format = Annotated[str, AfterValidator(_written), Field(json_schema_extra={"enum": _FORMAT_NAMES})]
"""The name of a format that can be written, in lower case."""

BINARY = {"schema": {"type": "string", "format": "binary"}}


async def worked(request: Request, pending: Pending, *, is_short: bool = False) -> Any:
    """The result of a task, which is canceled if the caller disconnects; a short task that has begun is let finish."""

    async def caller_goes() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    answer, goes = asyncio.wrap_future(pending), asyncio.ensure_future(caller_goes())
    either: set[asyncio.Future[Any]] = {answer, goes}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        goes.cancel()
        if is_short:
            pending.cancel_waiting()
        elif not answer.done():
            pending.cancel()
    try:
        return await answer
    except (CancelledError, asyncio.CancelledError):
        raise Problem(503, "cancelled: the server is shutting down or the client disconnected") from None


def attached(name: str) -> dict[str, str]:
    """The header that makes a browser save a response under a name."""
    plain = name.encode("ascii", "replace").decode().translate(str.maketrans('"\\', "''"))
    return {"Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"}


def file_response(output: Output, name: str) -> Response:
    """A result file under a name, to which its ending and suffix are added."""
    headers = attached(f"{name}{output.ending}{output.suffix}")
    return Response(output.content, media_type=MEDIA_TYPES[output.suffix], headers=headers)

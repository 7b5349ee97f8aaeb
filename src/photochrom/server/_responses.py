"""What routes share: how they wait for a worker, and how pictures go over the wire."""

import asyncio
from collections.abc import Callable
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from fastapi import Request

from photochrom.album import Options
from photochrom.server.problems import Problem
from photochrom.server.workbench import Task, Workbench

__all__ = ["BINARY", "MEDIA_TYPES", "attached", "media_type", "worked"]

MEDIA_TYPES = {
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".bmp": "image/bmp",
    ".heic": "image/heic",
}
"""Of the pictures that are written, by the suffix that each format gets."""

BINARY = {"schema": {"type": "string", "format": "binary"}}

Answer = TypeVar("Answer")


async def worked(
    request: Request,
    task: Task[Answer],
    options: Options,
    read: Callable[[], bytes] = bytes,
    *,
    is_short: bool = False,
) -> Answer:
    """What a worker makes of a task, which is given up when the caller goes away.

    Args:
        request: Whose.
        task: What to do.
        options: Handed to the task.
        read: Gives the content of the photo that is handed to the task, when its turn comes.
        is_short: Whether it is let go on once it is begun: to end a worker costs more than a short task.

    Raises:
        Problem: The server ends.
        PhotochromError: It cannot be done.
    """
    workbench: Workbench = request.app.state.workbench
    order = workbench.submit(task, read, options)

    async def caller_goes() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    answer, goes = asyncio.wrap_future(order.answer), asyncio.ensure_future(caller_goes())
    either: set[asyncio.Future[Any]] = {answer, goes}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        goes.cancel()
        if is_short:
            order.answer.cancel()
        elif not answer.done():
            workbench.cancel(order)
    try:
        return await answer
    except (CancelledError, asyncio.CancelledError):
        raise Problem(503, "given up, for the server ends or nobody waits any more") from None


def media_type(ending: str) -> str:
    """Of a picture, by the ending of its name, such as `.jpg` or `-confidence.png`."""
    return MEDIA_TYPES[Path(ending).suffix or ending]


def attached(name: str) -> dict[str, str]:
    """The header that has a browser save a response under a name."""
    plain = name.encode("ascii", "replace").decode().translate(str.maketrans('"\\', "''"))
    return {"Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"}

"""Digests of photos, by which they are known again."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from photochrom.album._job import Job


def with_digests(
    jobs: Sequence[Job], readers: ThreadPoolExecutor, ahead: int, fetch: Callable[[Path], object] | None = None
) -> Iterator[tuple[Job, str | None]]:
    """Jobs with the SHA-256 of their photos, which are read side by side and a little ahead.

    Args:
        ahead: How many photos.
        fetch: Called with each photo just before it is read.
    """

    def fetched(path: Path) -> str | None:
        if fetch is not None:
            fetch(path)
        return digest_of(path)

    queue: deque[tuple[Job, Future[str | None]]] = deque()
    for job in jobs:
        queue.append((job, readers.submit(fetched, job.source)))
        if len(queue) > ahead:
            next_job, digest = queue.popleft()
            yield next_job, digest.result()
    for next_job, digest in queue:
        yield next_job, digest.result()


def digest_of(path: Path) -> str | None:
    """The SHA-256 of a file; None if it cannot be read, which the worker reports."""
    try:
        if not path.is_file():  # a pipe might never end
            return None
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return None

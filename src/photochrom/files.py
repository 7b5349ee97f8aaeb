"""Writing files whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["write_whole", "written_whole"]


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A path to write to, which takes the place of `path` when the block ends without an error.

    A reader sees the old file or the new one, never a part, even when the process is killed.

    Args:
        path: Where the file shall lie; missing folders are made.

    Yields:
        A file beside it, with the same suffix.

    Raises:
        OSError: The folder cannot be written to, or the disk is full; what was at `path` stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-", suffix=path.suffix)
    os.close(descriptor)
    aside = Path(name)
    try:
        yield aside
        aside.chmod(0o644)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write text, as UTF-8, or bytes to a file, whole or not at all.

    Raises:
        OSError: The folder cannot be written to, or the disk is full; what was at `path` stays.
    """
    with written_whole(path) as aside:
        aside.write_bytes(content.encode() if isinstance(content, str) else content)

"""Writing files whole or not at all."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

_OF_SYSTEMS = re.compile(
    r"\..+|@eaDir|@Recycle|@Recently-Snapshot|#recycle|#snapshot|\$RECYCLE\.BIN|RECYCLER|System Volume Information|"
    r"__MACOSX|lost\+found|.*\.lrdata|Thumbs\.db|desktop\.ini",
    re.IGNORECASE,
)
"""Names that NAS systems, Windows, macOS, Linux and Lightroom give to thumbnails, waste bins and the like."""


def is_of_system(name: str) -> bool:
    """Whether a file or folder among photos is hidden or was put there by a system.

    Args:
        name: Without folders.

    Example:
        >>> is_of_system("@eaDir"), is_of_system("._wedding.jpg"), is_of_system("wedding.jpg")
        (True, True, False)
    """
    return _OF_SYSTEMS.fullmatch(name) is not None


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A path to write to, which takes the place of `path` when the block ends without an error.

    A reader sees the old file or the new one, never a part, even when the process is killed.

    Yields:
        The path of a file beside it that does not exist yet, with the same suffix.

    Raises:
        OSError: The folder cannot be written to, or the disk is full; it names `path`, and what was there stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".writing-{uuid4().hex}{path.suffix}")
    try:
        yield aside
        aside.replace(path)
    except OSError as error:
        if error.filename == str(aside):  # a name that tells nobody anything
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        aside.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write text, as UTF-8, or bytes to a file, whole or not at all."""
    with written_whole(path) as aside:
        aside.write_bytes(content.encode() if isinstance(content, str) else content)

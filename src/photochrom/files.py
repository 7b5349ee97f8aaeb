"""Writing files whole or not at all, and telling what systems put among them."""

import errno
import os
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
def written_whole(path: Path, *, may_replace: bool = True) -> Iterator[Path]:
    """A path to write to, which takes the place of `path` when the block ends without an error.

    A reader sees the old file or the new one, never a part, even when the process is killed.

    Args:
        may_replace: Whether a file may be at `path` when the block ends.

    Yields:
        The path of a file beside it that does not exist yet, with the same suffix.

    Raises:
        FileExistsError: There is such a file, and it may not be replaced; it names `path`.
        OSError: The folder cannot be written to, or the disk is full; it names `path`, and what was there stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".writing-{uuid4().hex}{path.suffix}")
    try:
        yield aside
        put_in_place(aside, path, may_replace=may_replace)
    except OSError as error:
        # A name that tells nobody anything, or, of a write to an open file, none.
        if error.filename == str(aside) or (error.filename is None and error.errno is not None):
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        aside.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes, *, may_replace: bool = True) -> None:
    """Write text, as UTF-8, or bytes to a file, whole or not at all; see `written_whole`."""
    with written_whole(path, may_replace=may_replace) as aside:
        aside.write_bytes(content.encode() if isinstance(content, str) else content)


def put_in_place(made: Path, path: Path, *, may_replace: bool) -> None:
    """Give a whole file the name that it shall have; it may keep its first name beside the new one.

    Args:
        made: A file in the same folder.
        may_replace: Whether a file may be at `path`. If not, the file gets a second name, which fails where there is
            one: renaming would replace what another program has just put there. Not all file systems know that.

    Raises:
        FileExistsError: There is such a file, and it may not be replaced; it names `path`.
        OSError: The folder cannot be written to.
    """
    if not may_replace:
        try:
            path.hardlink_to(made)
            return
        except OSError:
            if os.path.lexists(path):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
    made.replace(path)

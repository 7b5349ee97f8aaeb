"""The one ledger of an album: what was begun and how it ended, as JSON lines in the folder of results."""

import contextlib
import errno
import json
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path, PurePath
from typing import Any

from filelock import FileLock, Timeout

from photochrom.errors import PhotoError, reason_of, unwritten

MANIFEST_NAME = "photochrom.jsonl"
"""In the folder of results. While photos that were named themselves get their results beside them, it is hidden, and
it goes when all of them are done."""

_LOCK_NAME = ".photochrom.lock"
_BEGUN = "begun, and not finished"
_NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL})
"""Errors of file systems that know no locks."""


@dataclass(frozen=True)
class Intent:
    """The files that are going to be written; recorded before any of them is.

    Attributes:
        id: Part of the names of the files that are written first and renamed when all of them are whole.
        new: Those of them that were not there before. Others are replaced.
        digests: SHA-256 of each output, once all of them are whole; recorded before any is put in its place, so that
            nothing else there is taken for it.
    """

    id: str
    outputs: tuple[str, ...]
    new: tuple[str, ...]
    digests: tuple[str, ...] = ()

    @property
    def replaces(self) -> bool:
        """Whether a file may be the one from before as well as the new one."""
        return self.outputs != self.new


@dataclass(frozen=True)
class Record:
    """One line: a photo was begun, or how it ended.

    Attributes:
        file: The photo, by where its results lie and its own name, such as `1950s/wedding.gif`.
        sha256: Of the photo's content; None if it could not be read.
        settings: What its colors depend on.
        outputs: The files that were written, from the manifest's folder on; none if the photo was left alone.
        error: Why it failed; None if it did not.
        remarks: As of `Outcome`.
        intent: What is going to be written; None if this is how it ended.
    """

    file: str
    sha256: str | None
    settings: dict[str, Any]
    outputs: tuple[str, ...] = ()
    faces: int = 0
    seconds: float = 0.0
    error: str | None = None
    remarks: tuple[str, ...] = ()
    intent: Intent | None = None


class Manifest:
    """The records of a folder of results."""

    def __init__(self, path: Path) -> None:
        """Read the records that are there; what is no record, such as a line that was cut off, is passed over.

        Raises:
            PhotoError: It cannot be read.
        """
        self.path = path
        try:
            content = path.read_bytes() if path.exists() else b""
        except OSError as error:
            raise PhotoError(
                f"{path}: cannot be read ({reason_of(error)}); choose another folder with --out"
            ) from error
        self._is_cut = bool(content) and not content.endswith(b"\n")
        self._latest: dict[str, Record] = {}
        self._successes: dict[str, Record] = {}
        self._owners: dict[str, str] = {}
        for record in filter(None, map(_parse, content.splitlines())):
            self._note(record)

    def _note(self, record: Record) -> None:
        self._latest[record.file] = record
        if record.error is None:
            self._successes[record.file] = record
        for output in record.intent.outputs if record.intent else record.outputs:
            self._owners[output] = record.file

    def done(self, file: str, settings: dict[str, Any], outputs: tuple[str, ...]) -> Record | None:
        """The record of a photo that needs no coloring if its content has not changed.

        A later failure does not undo it, because then nothing is written.

        Returns:
            The latest successful record, if its settings are the same and its files all exist, or if the photo was left
            alone.
        """
        record, latest = self._successes.get(file), self._latest.get(file)
        if record is None or record.settings != settings or record.outputs not in ((), outputs):
            return None
        if latest is not None and latest.intent is not None and latest.intent.replaces:
            return None  # nobody knows which of its files were replaced
        folder = self.path.parent
        return record if all((folder / output).is_file() for output in record.outputs) else None

    def unfinished(self, file: str) -> Record | None:
        """The record of a photo that was begun by a run that ended before the photo did."""
        latest = self._latest.get(file)
        return latest if latest is not None and latest.intent is not None else None

    def latest(self, file: str) -> Record | None:
        """The last record of a photo."""
        return self._latest.get(file)

    def outputs_of(self, file: str) -> tuple[str, ...]:
        """The files that a photo got; empty if it got none."""
        record = self._successes.get(file)
        return record.outputs if record else ()

    def owner(self, output: str) -> str | None:
        """The photo that a result was made of, if that is known."""
        return self._owners.get(output)

    @property
    def outputs(self) -> frozenset[Path]:
        """The files that were written, or begun."""
        return frozenset(self.path.parent / output for output in self._owners)

    def begin(self, record: Record, intent: Intent) -> None:
        """Note what is going to be written for a photo.

        Args:
            record: Of the photo, as far as it is known.
            intent: What is going to be written.

        Raises:
            PhotoError: As `append`.
        """
        self.append(replace(record, outputs=(), error=_BEGUN, intent=intent))

    def require_writable(self) -> None:
        """Check that records can be added.

        Raises:
            PhotoError: They cannot.
        """
        self._write("")

    def append(self, record: Record) -> None:
        """Add a record, at once on disk.

        Raises:
            PhotoError: The folder cannot be written to, or the disk is full.
        """
        # In ASCII, for names need not be Unicode on all systems.
        line = ("\n" if self._is_cut else "") + json.dumps(asdict(record)) + "\n"
        self._is_cut = True  # where the disk is full, part of the line may be written before that fails
        self._write(line)
        self._is_cut = False
        self._note(record)

    def remove(self) -> None:
        """Remove the file."""
        with contextlib.suppress(OSError):
            self.path.unlink()

    def _write(self, text: str) -> None:
        try:
            with self.path.open("ab") as file:
                file.write(text.encode())
        except OSError as error:
            raise _not_written(self.path, error) from error


@contextmanager
def locked(
    folder: Path,
    *,
    hidden: bool,
    on_wait: Callable[[Path], object] | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Manifest]:
    """The manifest of a folder of results, for one run at a time; a second one waits until the first has ended.

    Args:
        folder: Where results go; it is made.
        on_wait: Called once with the folder when another run is at work there.
        stop: Ends the waiting when it is set.

    Yields:
        The manifest.
    """
    lock = FileLock(folder / _LOCK_NAME, thread_local=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _acquire(lock, folder, on_wait, stop or threading.Event())
    except OSError as error:
        raise _not_written(folder, error) from error
    path = folder / (f".{MANIFEST_NAME}" if hidden else MANIFEST_NAME)
    try:
        manifest = Manifest(path)
        if not hidden:
            manifest.require_writable()
        yield manifest
    finally:
        if lock.is_locked:
            with contextlib.suppress(OSError):  # of Windows, which lets nobody remove an open file
                (folder / _LOCK_NAME).unlink()  # safe while it is held: who waits for it sees that it is gone
            lock.release()


def _acquire(lock: FileLock, folder: Path, on_wait: Callable[[Path], object] | None, stop: threading.Event) -> None:
    try:
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=0)
            return
        if on_wait is not None:
            on_wait(folder)
        lock.acquire(timeout=-1, poll_interval=0.2, cancel_check=stop.is_set)
    except Timeout as error:
        raise CancelledError from error
    except OSError as error:  # on a network drive without locks, a single run is safe all the same
        if error.errno not in _NO_LOCKS:
            raise


def _not_written(path: Path, error: OSError) -> PhotoError:
    return PhotoError(f"{path}: {unwritten(error)}")


_NAMES = frozenset(field.name for field in fields(Record)) - {"intent", "remarks"}
"""What every line has; version 0.1 wrote no others."""


def _parse(line: bytes) -> Record | None:
    try:
        values = json.loads(line)
        if not values.keys() >= _NAMES or not isinstance(values["file"], str):
            return None
        chosen = {name: values[name] for name in _NAMES}
        intent = None if values.get("intent") is None else _intent(values["intent"])
        remarks = tuple(map(str, values.get("remarks", ())))
        return Record(**{**chosen, "outputs": _inside(values["outputs"]), "remarks": remarks, "intent": intent})
    except (ValueError, TypeError, LookupError, AttributeError):
        return None


def _intent(values: dict[str, Any]) -> Intent:
    if not re.fullmatch("[0-9a-f]{32}", values["id"]):
        raise ValueError(values["id"])
    digests = tuple(map(str, values.get("digests", ())))
    return Intent(values["id"], _inside(values["outputs"]), _inside(values["new"]), digests)


def _inside(names: list[str]) -> tuple[str, ...]:
    """Names of files in the manifest's folder; a manifest that somebody else made must not lead out of it."""
    for name in names:
        path = PurePath(name)
        if path.is_absolute() or path.drive or ".." in path.parts:
            raise ValueError(name)
    return tuple(names)

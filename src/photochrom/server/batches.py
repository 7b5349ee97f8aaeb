"""Batches of photos: kept on disk, so that neither a restart nor a crash loses one or colors a photo twice.

A batch is an album: its photos are planned, colored and recorded as those of `photochrom colorize` are. Beside them
lies one small file with what its sender asked for.
"""

import contextlib
import json
import shutil
import tempfile
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

from filelock import FileLock, Timeout

from photochrom.album import MANIFEST_NAME, Found, Job, Manifest, Plan, Record, place
from photochrom.coloring import Options
from photochrom.errors import BusyError, ConfigError
from photochrom.files import write_whole, written_whole
from photochrom.server._names import is_own_name, new_name, require_empty
from photochrom.server.problems import Problem
from photochrom.server.settings import Settings

PhotoState = Literal["waiting", "at work", "colored", "in color", "failed"]
"""Photos that are `in color` already are left alone."""

_LOCK = "photochrom.lock"
_OLD_DATABASE = "jobs.sqlite"
"""Where version 0.1 kept batches, which are forgotten."""

_RESULT = "result.zip"
_REPORT = "photochrom.json"
_BATCH, _DRAFTS, _PHOTOS, _RESULTS = "batch.json", "drafts", "photos", "results"
_LOCK_SECONDS = 2.0
IN_COLOR = "it is in color already; use force to color it again from its luma"
"""Why a photo was left alone."""


@dataclass(frozen=True)
class BatchPhoto:
    """A photo of a batch.

    Attributes:
        name: As it was sent.
        error: The reason why it was not colored.
        remarks: What is missing of a colored one, or of what its file told, each in one line.
    """

    name: str
    state: PhotoState = "waiting"
    faces: int = 0
    error: str | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Batch:
    """A batch.

    Attributes:
        id: Hard to guess; whoever knows it may fetch the result.
        created: In seconds since 1970.
        finished: In seconds since 1970, when its result was there; None before that.
        photos: In the order in which they were sent.
    """

    id: str
    created: float
    finished: float | None
    photos: tuple[BatchPhoto, ...]

    @property
    def counts(self) -> dict[str, int]:
        """The number of photos in each state."""
        found = Counter(photo.state for photo in self.photos)
        return {state: found[state] for state in get_args(PhotoState)}


class BatchStore:
    """Batches in a folder that only this user may read."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        """Open the folder; photos that were at work when the server ended wait again.

        Args:
            clock: Seconds since 1970.
        """
        self._folder = settings.job_folder
        self._keep_seconds = settings.keep_hours * 3600.0
        self._max_batches = settings.max_jobs
        self._least_room = 2 * settings.max_batch_bytes  # for the photos, and for what becomes of them
        self._clock = clock
        self._change = threading.RLock()
        self._folder.mkdir(parents=True, exist_ok=True)
        known = (self._folder / _LOCK).exists() or (self._folder / _OLD_DATABASE).exists()
        if not known:
            require_empty(self._folder)
        self._folder.chmod(0o700)
        self._lock = FileLock(self._folder / _LOCK, thread_local=False)
        try:
            self._lock.acquire(timeout=_LOCK_SECONDS)
        except Timeout as error:
            raise ConfigError(f"{self._folder}: in use by another server; give this one its own --data-dir") from error
        self._drafts = self._folder / _DRAFTS
        shutil.rmtree(self._drafts, ignore_errors=True)
        for path in self._folder.glob(f"{_OLD_DATABASE}*"):
            path.unlink()
        self._batches = {batch.id: batch for batch in sorted(self._found(), key=lambda batch: batch.created)}
        self.sweep()

    @property
    def keep_seconds(self) -> float:
        """How long a finished batch is kept."""
        return self._keep_seconds

    def require_room(self) -> None:
        """Refuse another batch if there is no room; called before any of it is written."""
        if len(self.unfinished()) >= self._max_batches:
            raise BusyError("too many batches are unfinished; try again later, or delete one")
        # What is sent is spooled to the system's folder for such files before it comes here.
        rooms = (shutil.disk_usage(folder).free for folder in (self._folder, tempfile.gettempdir()))
        if min(rooms) < self._least_room:
            raise Problem(507, "there is too little room on the server's disk; delete batches that are not needed")

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """A folder for the photos of a batch; deleted after the block unless `add` has taken it."""
        folder = self._drafts / new_name()
        photos = folder / _PHOTOS
        photos.mkdir(parents=True)
        try:
            yield photos
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def add(self, draft: Path, names: Sequence[str], options: Options) -> Batch:
        """Add a batch.

        Args:
            draft: What `draft` gave: its photos are files named by their numbers.
        """
        folder = draft.parent
        batch = Batch(folder.name, self._clock(), None, tuple(map(BatchPhoto, names)))
        _write(folder, batch, options)
        with self._change:
            folder.rename(self._folder / batch.id)
            self._batches[batch.id] = batch
        return batch

    def get(self, batch: str) -> Batch:
        """A batch."""
        return self._batches[batch]

    def unfinished(self) -> list[str]:
        """The ids of batches that have no result yet, the oldest first."""
        with self._change:
            return [batch.id for batch in self._batches.values() if batch.finished is None]

    def result(self, batch: str) -> Path | None:
        """The ZIP file of a finished batch; None of one that is not finished."""
        return None if self.get(batch).finished is None else self._folder / batch / _RESULT

    def delete(self, batch: str) -> None:
        """Delete a batch, its photos and its results."""
        with self._change:
            del self._batches[batch]
        shutil.rmtree(self._folder / batch, ignore_errors=True)

    def plan(self, batch: str) -> Plan:
        """The plan of a batch."""
        folder = self._folder / batch
        photos = folder / _PHOTOS
        options = _read_options(folder)
        found = [Found(photos / str(number), photos) for number in range(len(self.get(batch).photos))]
        return Plan(tuple(place(found, folder / _RESULTS, options.outputs)), options=options, keep_date=False)

    def note(self, batch: str, number: int, photo: BatchPhoto) -> None:
        """Record the state of a photo; does nothing if the batch was deleted meanwhile."""
        with self._change, contextlib.suppress(KeyError):
            known = self._batches[batch]
            photos = (*known.photos[:number], photo, *known.photos[number + 1 :])
            self._batches[batch] = replace(known, photos=photos)

    def finish(self, batch: str, jobs: Sequence[Job]) -> None:
        """Pack the results of a batch that is done, and remove its photos.

        Args:
            jobs: What was planned, in the order of its photos; empty if it was impossible.
        """
        folder = self._folder / batch
        known = self.get(batch)
        with written_whole(folder / _RESULT) as path, zipfile.ZipFile(path, "w") as archive:
            _pack(archive, known, jobs)
        finished = replace(known, finished=self._clock())
        with self._change:
            self.get(batch)
            _write(folder, finished, None)
            self._batches[batch] = finished
        _remove_photos(folder)

    def sweep(self) -> None:
        """Delete expired results, and files that belong to no batch."""
        oldest = self._clock() - self._keep_seconds
        with self._change:
            for batch in list(self._batches.values()):
                if batch.finished is not None and batch.finished < oldest:
                    del self._batches[batch.id]
            for folder in self._folder.iterdir():
                if folder.is_dir() and is_own_name(folder.name) and folder.name not in self._batches:
                    shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Release the folder."""
        self._lock.release()

    def _found(self) -> Iterator[Batch]:
        """The batches on disk."""
        for folder in self._folder.iterdir():
            with contextlib.suppress(OSError, ValueError, LookupError, TypeError):  # else nobody can ask for it
                batch = _read(folder)
                if batch.finished is not None:
                    _remove_photos(folder)
                yield batch


def _recorded(name: str, record: Record | None) -> BatchPhoto:
    """The state of a photo by its record in the manifest."""
    if record is None or record.intent is not None:
        return BatchPhoto(name)
    if record.error is not None:
        return BatchPhoto(name, "failed", error=record.error)
    if not record.outputs:
        return BatchPhoto(name, "in color", error=IN_COLOR)
    return BatchPhoto(name, "colored", record.faces, remarks=record.remarks)


def _write(folder: Path, batch: Batch, options: Options | None) -> None:
    """Write the file of a batch; a finished one has no options."""
    asked = None if options is None else options.as_json()
    write_whole(folder / _BATCH, json.dumps({**asdict(batch), "options": asked}))


def _read(folder: Path) -> Batch:
    """A batch as it lies on disk."""
    values = json.loads((folder / _BATCH).read_bytes())
    photos = tuple(BatchPhoto(**{**photo, "remarks": tuple(photo.get("remarks", ()))}) for photo in values["photos"])
    batch = Batch(folder.name, float(values["created"]), values["finished"], photos)
    if batch.finished is not None:
        return batch
    manifest = Manifest(folder / _RESULTS / MANIFEST_NAME)
    recorded = (_recorded(photo.name, manifest.latest(str(number))) for number, photo in enumerate(photos))
    return replace(batch, photos=tuple(recorded))


def _read_options(folder: Path) -> Options:
    try:
        return Options.from_json(json.loads((folder / _BATCH).read_bytes())["options"])
    except (OSError, ValueError, LookupError) as error:
        raise ConfigError("the batch cannot be read") from error


def _pack(archive: zipfile.ZipFile, batch: Batch, jobs: Sequence[Job]) -> None:
    taken = {_REPORT}
    report = []
    for number, photo in enumerate(batch.photos):
        told = {"name": photo.name, "state": photo.state, "outputs": [], "faces": photo.faces}
        if photo.state == "colored":
            job = jobs[number]
            names = [_free_name(photo.name, path.name.removeprefix(job.stem), taken) for path in job.files]
            for path, name in zip(job.files, names, strict=True):
                archive.write(path, name)
            told["outputs"] = names
        more = {"error": photo.error, "remarks": photo.remarks}
        report.append(told | {name: value for name, value in more.items() if value})
    archive.writestr(_REPORT, json.dumps(report, indent=2, ensure_ascii=False))


def _free_name(name: str, ending: str, taken: set[str]) -> str:
    """A name for a result that is still free in the ZIP file."""
    stem = PurePosixPath(name).with_suffix("")
    free, number = f"{stem}{ending}", 1
    while free.casefold() in taken:
        number += 1
        free = f"{stem} ({number}){ending}"
    taken.add(free.casefold())
    return free


def _remove_photos(folder: Path) -> None:
    """Remove the photos and loose results of a packed batch."""
    for part in (_PHOTOS, _RESULTS):
        shutil.rmtree(folder / part, ignore_errors=True)

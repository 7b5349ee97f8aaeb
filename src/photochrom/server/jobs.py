"""Batches of photos: kept on disk, so that neither a restart nor a crash loses one or colors a photo twice."""

import contextlib
import functools
import json
import logging
import re
import shutil
import sqlite3
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from secrets import token_urlsafe
from typing import Any, Literal, get_args

from photochrom.album import Options
from photochrom.errors import ConfigError, InColorError, PhotochromError
from photochrom.files import write_whole, written_whole
from photochrom.server.meters import Meters
from photochrom.server.problems import Problem
from photochrom.server.settings import Settings
from photochrom.server.tasks import Colored, color
from photochrom.server.workbench import BusyError, Order, Workbench, WorkbenchError

__all__ = ["Job", "JobPhoto", "JobRunner", "JobStore", "PhotoState"]

PhotoState = Literal["waiting", "at work", "colored", "in color", "failed"]
"""What is `in color` already is left alone."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, options TEXT NOT NULL, target TEXT, created REAL NOT NULL, finished REAL
);
CREATE TABLE IF NOT EXISTS photos (
    job TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    endings TEXT NOT NULL DEFAULT '[]',
    faces INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    PRIMARY KEY (job, number)
);
UPDATE photos SET state = 'waiting' WHERE state = 'at work';
"""

_OWN_NAME = re.compile(r"[\w-]{32}")
"""Of the folders of batches; others are none of ours and never removed."""

_RESULT = "result.zip"
_REPORT = "photochrom.json"
_SWEEP_SECONDS = 60.0

_log = logging.getLogger("photochrom.server")


@dataclass(frozen=True)
class JobPhoto:
    """A photo of a batch.

    Attributes:
        name: As it was sent.
        state: What became of it.
        faces: How many were found.
        error: Why it failed.
    """

    name: str
    state: PhotoState
    faces: int
    error: str | None


@dataclass(frozen=True)
class Job:
    """A batch.

    Attributes:
        id: Hard to guess: who knows it may fetch the result.
        created: In seconds since 1970.
        finished: Likewise, when its result was there; None before that.
        photos: In the order in which they were sent.
    """

    id: str
    created: float
    finished: float | None
    photos: tuple[JobPhoto, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many photos are in each state."""
        found = Counter(photo.state for photo in self.photos)
        return {state: found[state] for state in get_args(PhotoState)}


@dataclass(frozen=True)
class Claim:
    """A photo whose turn has come.

    Attributes:
        job: Its batch.
        number: Its place in that.
        source: Its file.
        options: How to color it.
        target: The format of its result; its own if None.
    """

    job: str
    number: int
    source: Path
    options: Options
    target: str | None


class JobStore:
    """Batches in a folder that only this user may read: what is to do in SQLite, photos in files beside it.

    What is written is idempotent: a photo that was colored, but not yet recorded so when the server was killed, is
    colored again to the same files.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        """Open the folder; photos that were at work when the server ended wait again.

        Args:
            settings: Where it lies, and how long results are kept.
            clock: Seconds since 1970.

        Raises:
            ConfigError: Another server works there, it holds what is none of ours, or its database is broken.
            OSError: It cannot be written to.
        """
        self._folder = settings.job_folder
        self._keep_seconds = settings.keep_hours * 3600.0
        self._max_jobs = settings.max_jobs
        self._least_room = 2 * settings.max_batch_bytes  # for the photos, and for what becomes of them
        self._clock = clock
        self._lock = threading.RLock()
        self._packing = threading.Lock()
        self._folder.mkdir(parents=True, exist_ok=True)
        database = self._folder / "jobs.sqlite"
        if not database.exists() and any(self._folder.iterdir()):
            raise ConfigError(f"{self._folder}: holds other things; give the server its own --data-dir")
        self._folder.chmod(0o700)
        self._drafts = self._folder / "drafts"
        self._database = _open_database(database)
        shutil.rmtree(self._drafts, ignore_errors=True)
        self.sweep()

    @property
    def keep_seconds(self) -> float:
        """So long a result is kept."""
        return self._keep_seconds

    def require_room(self) -> None:
        """See that another batch can be taken.

        Raises:
            BusyError: Too many are unfinished.
            Problem: There is little room on the disk.
        """
        if len(self._all("SELECT id FROM jobs WHERE finished IS NULL")) >= self._max_jobs:
            raise BusyError("too many batches are unfinished; try again later, or delete one")
        if shutil.disk_usage(self._folder).free < self._least_room:
            raise Problem(507, "there is too little room on the server's disk; delete batches that are not needed")

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """A folder for the photos of a batch, which is gone after the block unless `add` has taken it."""
        folder = self._drafts / token_urlsafe(24)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def add(self, draft: Path, names: list[str], options: Options, target: str | None) -> Job:
        """Take a batch.

        Args:
            draft: Of `draft`: its photos are files named by their numbers.
            names: Of the photos.
            options: How to color them.
            target: The format of the results; the photos' own if None.
        """
        job = draft.name
        with self._lock, self._database:
            self._database.execute(
                "INSERT INTO jobs (id, options, target, created) VALUES (?, ?, ?, ?)",
                (job, json.dumps(options.as_json()), target, self._clock()),
            )
            rows = [(job, number, name) for number, name in enumerate(names)]
            self._database.executemany("INSERT INTO photos (job, number, name) VALUES (?, ?, ?)", rows)
            draft.rename(self._folder / job)
        return self.get(job)

    def get(self, job: str) -> Job:
        """A batch.

        Raises:
            KeyError: There is none of that name.
        """
        with self._lock:
            found = self._all("SELECT created, finished FROM jobs WHERE id = ?", job)
            rows = self._all("SELECT name, state, faces, error FROM photos WHERE job = ? ORDER BY number", job)
        if not found:
            raise KeyError(job)
        created, finished = found[0]
        return Job(job, created, finished, tuple(JobPhoto(*row) for row in rows))

    def result(self, job: str) -> Path | None:
        """The ZIP file of a finished batch; None of one that is not finished.

        Raises:
            KeyError: There is no such batch.
        """
        return None if self.get(job).finished is None else self._folder / job / _RESULT

    def delete(self, job: str) -> None:
        """Forget a batch, its photos and its results.

        Raises:
            KeyError: There is no such batch.
        """
        with self._lock, self._database:
            if self._database.execute("DELETE FROM jobs WHERE id = ?", (job,)).rowcount == 0:
                raise KeyError(job)
        shutil.rmtree(self._folder / job, ignore_errors=True)

    def claim(self) -> Claim | None:
        """The next photo that waits, which is now at work; None if there is none."""
        with self._lock, self._database:
            rows = self._all(
                "SELECT id, number, options, target FROM photos JOIN jobs ON job = id WHERE state = 'waiting' "
                "ORDER BY created, number LIMIT 1"
            )
            if not rows:
                return None
            job, number, options, target = rows[0]
            try:
                read = Options.from_json(json.loads(options))
            except (LookupError, TypeError, ValueError, PhotochromError):
                told = "the batch was made by another version of photochrom; send it again"
                self._database.execute(
                    "UPDATE photos SET state = 'failed', error = ? WHERE job = ? AND state = 'waiting'", (told, job)
                )
                return self.claim()
            self._database.execute("UPDATE photos SET state = 'at work' WHERE job = ? AND number = ?", (job, number))
        return Claim(job, number, self._folder / job / str(number), read, target)

    def release(self, claim: Claim) -> None:
        """Let a photo wait again that was claimed but could not be recorded, as when the disk is full."""
        with self._lock, self._database:
            self._database.execute(
                "UPDATE photos SET state = 'waiting' WHERE job = ? AND number = ? AND state = 'at work'",
                (claim.job, claim.number),
            )

    def record(self, claim: Claim, state: PhotoState, colored: Colored | None = None, error: str | None = None) -> None:
        """Keep what became of a photo; of a batch that was deleted meanwhile, nothing."""
        pictures = colored.pictures if colored else ()
        with self._lock, self._database:
            changed = self._database.execute(
                "UPDATE photos SET state = ?, endings = ?, faces = ?, error = ? WHERE job = ? AND number = ?",
                (
                    state,
                    json.dumps([picture.ending for picture in pictures]),
                    len(colored.faces) if colored else 0,
                    error,
                    claim.job,
                    claim.number,
                ),
            )
            if changed.rowcount:
                for index, picture in enumerate(pictures):
                    write_whole(_output(claim.source, index), picture.content)

    def finish(self) -> None:
        """Pack the results of batches of which no photo is left to color."""
        unfinished = (
            "SELECT id FROM jobs WHERE finished IS NULL AND NOT EXISTS "
            "(SELECT 1 FROM photos WHERE job = id AND state IN ('waiting', 'at work'))"
        )
        with self._packing:
            for (job,) in self._all(unfinished):
                with contextlib.suppress(KeyError, FileNotFoundError):  # deleted meanwhile
                    self._pack(job)

    def sweep(self) -> None:
        """Remove results that were kept long enough, and files that belong to no batch."""
        expired = "DELETE FROM jobs WHERE finished < ?"
        with self._lock, self._database:
            self._database.execute(expired, (self._clock() - self._keep_seconds,))
            kept = {job for (job,) in self._all("SELECT id FROM jobs")} | {self._drafts.name}
            for folder in self._folder.iterdir():
                if folder.is_dir() and _OWN_NAME.fullmatch(folder.name) and folder.name not in kept:
                    shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Leave the folder to others."""
        with self._lock:
            self._database.close()

    def _pack(self, job: str) -> None:
        folder = self._folder / job
        with self._lock:  # both, or none of a batch that is deleted meanwhile
            photos = self.get(job).photos
            rows = self._all("SELECT endings FROM photos WHERE job = ? ORDER BY number", job)
        taken: set[str] = set()
        report = []
        with written_whole(folder / _RESULT) as path, zipfile.ZipFile(path, "w") as archive:
            for number, (photo, (endings,)) in enumerate(zip(photos, rows, strict=True)):
                outputs = [_free_name(photo.name, ending, taken) for ending in json.loads(endings)]
                for index, output in enumerate(outputs):
                    archive.write(_output(folder / str(number), index), output)
                told = {"name": photo.name, "state": photo.state, "outputs": outputs, "faces": photo.faces}
                report.append(told | ({"error": photo.error} if photo.error else {}))
            archive.writestr(_REPORT, json.dumps(report, indent=2, ensure_ascii=False))
        with self._lock, self._database:
            self._database.execute("UPDATE jobs SET finished = ? WHERE id = ?", (self._clock(), job))
        for file in folder.iterdir():
            if file.name != _RESULT:
                file.unlink(missing_ok=True)

    def _all(self, query: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._database.execute(query, values).fetchall()


def _open_database(path: Path) -> sqlite3.Connection:
    """The database of batches, for this process alone.

    Raises:
        ConfigError: Another process has it, or it is broken or cannot be written to.
    """
    try:
        database = sqlite3.connect(path, timeout=2.0, check_same_thread=False)
    except sqlite3.Error as error:
        raise ConfigError(f"{path}: cannot be used ({error}); give the server another --data-dir") from error
    try:
        database.executescript("PRAGMA locking_mode = EXCLUSIVE; PRAGMA foreign_keys = ON;")
        database.executescript("PRAGMA journal_mode = WAL;" + _SCHEMA)
    except sqlite3.Error as error:
        database.close()
        if "locked" in str(error):
            raise ConfigError(f"{path.parent}: in use by another server; give this one its own --data-dir") from error
        raise ConfigError(f"{path}: cannot be used ({error}); give the server another --data-dir") from error
    return database


def _output(source: Path, index: int) -> Path:
    return source.with_name(f"{source.name}-{index}")


def _free_name(name: str, ending: str, taken: set[str]) -> str:
    """What a result is called in the ZIP file, as no other one is."""
    stem = PurePosixPath(name).with_suffix("")
    free, number = f"{stem}{ending}", 1
    while free.casefold() in taken | {_REPORT}:
        number += 1
        free = f"{stem} ({number}){ending}"
    taken.add(free.casefold())
    return free


class JobRunner:
    """Takes the photos of batches to the workbench, one for each of its processes at a time."""

    def __init__(self, store: JobStore, workbench: Workbench, meters: Meters, feeders: int) -> None:
        self._store = store
        self._workbench = workbench
        self._meters = meters
        self._change = threading.Condition()
        self._news = 0
        self._orders: dict[Claim, Order[Colored]] = {}
        self._is_closing = False
        self._threads = [threading.Thread(target=self._feed, daemon=True) for _ in range(feeders)]

    def start(self) -> None:
        """Go on where the last server ended."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Tell that there is a new batch."""
        with self._change:
            self._news += 1
            self._change.notify_all()

    def delete(self, job: str) -> None:
        """Forget a batch, and give up what is done for it.

        Raises:
            KeyError: There is no such batch.
        """
        self._store.delete(job)
        self._give_up(lambda claim: claim.job == job)

    def close(self) -> None:
        """End. What was at work is given up, and waits for the next server."""
        with self._change:
            self._is_closing = True
            self._change.notify_all()
        self._give_up(lambda _: True)
        for thread in self._threads:
            thread.join()

    def _give_up(self, is_meant: Callable[[Claim], bool]) -> None:
        with self._change:
            orders = [order for claim, order in self._orders.items() if is_meant(claim)]
        for order in orders:
            self._workbench.cancel(order)

    def _feed(self) -> None:
        swept = time.monotonic()
        while not self._is_closing:
            seen, claim = self._news, None
            try:
                if time.monotonic() - swept > _SWEEP_SECONDS:
                    swept = time.monotonic()
                    self._store.sweep()  # before all else: it makes room on a full disk
                self._store.finish()
                claim = self._store.claim()
                if claim is not None:
                    self._color(claim)
                    continue
            except Exception as error:  # as of a full disk: a feeder that ends would stop all batches
                _log.error("batches cannot be kept: %s", type(error).__name__)
                if claim is not None:
                    with contextlib.suppress(OSError, sqlite3.Error):
                        self._store.release(claim)
            with self._change:
                self._change.wait_for(lambda: self._news != seen or self._is_closing, _SWEEP_SECONDS)  # noqa: B023

    def _color(self, claim: Claim) -> None:
        try:
            task = functools.partial(color, target=claim.target)
            order = self._workbench.submit(task, claim.source.read_bytes, claim.options, is_patient=True)
            with self._change:
                self._orders[claim] = order
            colored = order.answer.result()
            self._store.record(claim, "colored", colored)
        except (CancelledError, BusyError):  # the batch was deleted, or the server ends
            return
        except InColorError as error:
            self._store.record(claim, "in color", error=str(error))
        except PhotochromError as error:
            self._store.record(claim, "failed", error=str(error))
        except WorkbenchError as error:
            _log.error("fault while coloring: %s", error)
            self._store.record(claim, "failed", error="a fault of the server's; its log tells where")
        except OSError as error:
            self._store.record(claim, "failed", error=f"the result cannot be kept ({error.strerror})")
        else:
            self._meters.count("batch", len(colored.faces))
            return
        finally:
            with self._change:
                self._orders.pop(claim, None)
        self._meters.count("batch", None)

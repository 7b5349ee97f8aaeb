"""Carrying out a plan: work is recorded before it begins, results appear whole, and a killed run can be resumed."""

import contextlib
import errno
import hashlib
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from photochrom.album._digests import digest_of, with_digests
from photochrom.album._job import Job, Outcome
from photochrom.album._manifest import Intent, Manifest, Record, locked
from photochrom.album._plan import Plan
from photochrom.album._task import color_photo
from photochrom.coloring import Options
from photochrom.errors import (
    BusyError,
    CheckpointError,
    InColorError,
    PhotochromError,
    PhotoError,
    StartError,
    reason_of,
    unwritten,
)
from photochrom.files import put_in_place
from photochrom.process import cores
from photochrom.shipped import network_file
from photochrom.workers import FaultError, Pending, Pool, default_workers

_POLL_SECONDS = 0.2


def run(
    plan: Plan,
    workers: int | None = None,
    *,
    pool: Pool | None = None,
    stop: threading.Event | None = None,
    on_begin: Callable[[Job], object] | None = None,
    on_wait: Callable[[Path], object] | None = None,
    fetch: Callable[[Path], object] | None = None,
) -> Generator[Outcome, None, None]:
    """Color the photos of a plan that are not done already.

    Each folder of results has a manifest, `photochrom.jsonl`, with a line for a photo before it is colored and one when
    it has ended, so that the same plan goes on where it was. A second run on a folder waits until the first has ended.

    Args:
        pool: Workers that are shared with others, instead of new ones.
        stop: Ends the run when it is set; photos at work are given up.
        on_begin: Called with each job that is handed to a worker.
        on_wait: Called with a folder in which another run is at work.
        fetch: Called with each photo just before it is read.

    Yields:
        Outcomes as they come, those of sources without photos first. Closing the iterator leaves nothing half-written.

    Raises:
        StartError: The workers cannot start.
        PhotoError: A folder of results cannot be written to.
    """
    yield from plan.failures
    if not plan.jobs:
        return
    count = workers or default_workers(len(plan.jobs))
    with ExitStack() as stack:
        if pool is None:
            pool = Pool(plan.options.model, workers=count, threads=max(1, cores() // count))
            stack.callback(pool.close)
        running = _Run(plan, _settings(plan.options), pool, count, stop or threading.Event(), on_begin, on_wait, fetch)
        stack.callback(running.end)
        yield from running.outcomes()


@dataclass(frozen=True)
class _Begun:
    """A photo at work."""

    job: Job
    sha256: str | None
    manifest: Manifest
    intent: Intent
    since: float

    @property
    def targets(self) -> tuple[Path, ...]:
        """The temporary files that the worker writes, beside the results."""
        return _targets(self.intent, self.manifest.path.parent)


class _Run:
    """One run over the jobs of a plan."""

    def __init__(
        self,
        plan: Plan,
        settings: dict[str, Any],
        pool: Pool,
        workers: int,
        stop: threading.Event,
        on_begin: Callable[[Job], object] | None,
        on_wait: Callable[[Path], object] | None,
        fetch: Callable[[Path], object] | None,
    ) -> None:
        self._plan = plan
        self._settings = settings
        self._pool = pool
        self._workers = workers
        self._stop = stop
        self._on_begin = on_begin
        self._on_wait = on_wait
        self._fetch = fetch
        self._begun: dict[Pending, _Begun] = {}
        self._abandoned: list[Path] = []
        self._open: dict[str, tuple[Manifest, ExitStack]] = {}
        # A folder may be known by several paths; each is resolved once, for that is slow on a network drive.
        self._folders = {base: os.path.realpath(base) for base in {job.base for job in plan.jobs}}
        self._left = Counter(self._folder(job) for job in plan.jobs)
        self._trees = {self._folder(job) for job in plan.jobs if job.root is not None}

    def _folder(self, job: Job) -> str:
        """The folder of results in which a photo is recorded."""
        return self._folders[job.base]

    def outcomes(self) -> Iterator[Outcome]:
        """How each photo ended."""
        # All runs lock folders in the same order, so that no two wait for each other.
        jobs = sorted(self._plan.jobs, key=self._folder)
        with ThreadPoolExecutor(self._workers) as readers:
            for job, sha256 in with_digests(jobs, readers, 2 * self._workers, self._fetch):
                try:
                    outcome = self._tried(job, sha256)
                except CancelledError:  # while it waited for another run
                    return
                if outcome is not None:
                    yield self._ended(job, outcome)
                while len(self._begun) > self._workers and not self._stop.is_set():
                    yield from self._collected()
                if self._stop.is_set():
                    return
            while self._begun and not self._stop.is_set():
                yield from self._collected()

    def end(self) -> None:
        """Cancel the photos at work, keep what is finished, and unlock the folders."""
        for pending in self._begun:
            pending.cancel()
        wait(self._begun)
        for pending, begun in self._begun.items():
            with contextlib.suppress(Exception):  # the error that ends the run is raised instead
                self._finished(pending, begun)
            _remove(begun.targets)
        _remove(self._abandoned)
        for _, stack in self._open.values():
            stack.close()

    def _ended(self, job: Job, outcome: Outcome) -> Outcome:
        """The outcome; a folder of which it was the last one is unlocked."""
        folder = self._folder(job)
        self._left[folder] -= 1
        if self._left[folder] == 0 and folder in self._open:
            manifest, stack = self._open.pop(folder)
            if folder not in self._trees:
                manifest.remove()
            stack.close()
        return outcome

    def _tried(self, job: Job, sha256: str | None) -> Outcome | None:
        """How a photo ended that needs no worker; None if it was handed to one."""
        try:
            manifest = self._manifest(job)
        except PhotoError as error:
            if job.root is not None:
                raise
            return Outcome(job.source, "failed", error=str(error))
        self._take_up(job, sha256, manifest)
        known = self._known(job, sha256, manifest)
        if known is None:
            self._begin(job, sha256, manifest)
        return known

    def _manifest(self, job: Job) -> Manifest:
        """The manifest of the folder of a photo's results, which is locked from now on."""
        folder = self._folder(job)
        if folder not in self._open:
            with ExitStack() as stack:
                lock = locked(job.base, hidden=folder not in self._trees, on_wait=self._on_wait, stop=self._stop)
                self._open[folder] = stack.enter_context(lock), stack.pop_all()
        return self._open[folder][0]

    def _take_up(self, job: Job, sha256: str | None, manifest: Manifest) -> None:
        """Clean up a photo that a killed run has left: keep its results if all are there, or else remove them."""
        left = manifest.unfinished(job.name)
        if left is None or left.intent is None:
            return
        folder = manifest.path.parent
        targets = _targets(left.intent, folder)
        _remove(targets)
        self._abandoned += targets  # a worker that outlives the killed run for a moment may still write them
        made = dict(zip(left.intent.outputs, left.intent.digests, strict=False))  # none if it was killed before
        written = [folder / name for name in left.intent.outputs if made.get(name, "") == digest_of(folder / name)]
        if len(written) == len(left.intent.outputs) and sha256 is not None and sha256 == left.sha256:
            manifest.append(replace(left, outputs=left.intent.outputs, error=None, intent=None))
        elif not left.intent.replaces:
            _remove(written)
            manifest.append(replace(left, error="begun by a run that was ended", intent=None))

    def _known(self, job: Job, sha256: str | None, manifest: Manifest) -> Outcome | None:
        """How a photo ended before, or why it cannot be begun."""
        record = manifest.done(job.name, self._settings, job.file_names)
        if record is not None and sha256 is not None and record.sha256 == sha256:
            if record.outputs:
                return Outcome(job.source, "done", job.files, record.faces, remarks=record.remarks)
            if not self._plan.options.limits.force:
                return Outcome(job.source, "in color")
        try:
            self._require_free(job)
        except PhotoError as error:
            return Outcome(job.source, "failed", error=str(error))
        return None

    def _require_free(self, job: Job) -> None:
        """Refuse if a result would replace a file that must stay, or cannot be there at all."""
        for path in job.files:
            try:
                path.lstat()
            except OSError as error:
                if error.errno == errno.ENAMETOOLONG:
                    raise PhotoError(f"{path.name} is too long for a name; give the photo a shorter one") from error
            else:
                if not self._plan.overwrite:
                    raise _there_already(path)

    def _begin(self, job: Job, sha256: str | None, manifest: Manifest) -> None:
        """Record that a photo is begun, and hand it to a worker."""
        new = tuple(name for name, path in zip(job.file_names, job.files, strict=True) if not os.path.lexists(path))
        begun = _Begun(job, sha256, manifest, Intent(uuid4().hex, job.file_names, new), time.monotonic())
        manifest.begin(Record(job.name, sha256, self._settings), begun.intent)
        options = self._plan.options
        if job.format is not None:
            options = replace(options, outputs=replace(options.outputs, format=job.format))
        limits = options.limits
        # Absolute, for workers that were started in another folder.
        arguments = (color_photo, job.source.absolute(), options, [path.absolute() for path in begun.targets])
        try:
            self._pool.start()
            pending = self._pool.submit(*arguments, model=options.model, timeout=limits.timeout, is_patient=True)
        except BusyError:  # the pool was closed
            self._stop.set()
            return
        self._begun[pending] = begun
        if self._on_begin is not None:
            self._on_begin(job)

    def _collected(self) -> Iterator[Outcome]:
        """The outcomes of photos whose workers have answered; waits briefly for one."""
        # Without a limit, Windows would not let Ctrl-C through.
        wait(self._begun, _POLL_SECONDS, FIRST_COMPLETED)
        for pending in [pending for pending in self._begun if pending.done()]:
            begun = self._begun.pop(pending)
            try:
                outcome = self._finished(pending, begun)
            except CancelledError:  # the pool was closed
                self._stop.set()
                return
            finally:
                _remove(begun.targets)
            yield self._ended(begun.job, outcome)

    def _finished(self, pending: Pending, begun: _Begun) -> Outcome:
        """How a photo ended, with its results in their places and a record of it."""
        job, seconds = begun.job, round(time.monotonic() - begun.since, 3)
        record = Record(job.name, begun.sha256, self._settings, seconds=seconds)
        try:
            told = pending.result()
            seconds = round(sum(told["seconds"].values()), 3)
            remarks = tuple(told["remarks"])
            record = replace(record, faces=len(told["faces"]), seconds=seconds, remarks=remarks)
            digests = tuple(made["sha256"] for made in told["outputs"])
            begun.manifest.begin(record, replace(begun.intent, digests=digests))
            self._put(begun)
        except InColorError:
            begun.manifest.append(record)
            return Outcome(job.source, "in color", seconds=seconds)
        except StartError:
            raise
        except (PhotochromError, FaultError, OSError) as error:
            reason = _reason(error)
            if not begun.intent.replaces:  # otherwise old and new files cannot be told apart
                begun.manifest.append(replace(record, faces=0, remarks=(), error=reason))
            return Outcome(job.source, "failed", seconds=seconds, error=reason)
        begun.manifest.append(replace(record, outputs=job.file_names))
        return Outcome(job.source, "colored", job.files, record.faces, seconds, remarks=record.remarks)

    def _put(self, begun: _Begun) -> None:
        """Put the results in their places; after a failure, none that is new is left."""
        self._require_free(begun.job)
        put: list[Path] = []
        try:
            for target, path in zip(begun.targets, begun.job.files, strict=True):
                if self._plan.keep_date:
                    _keep_date(begun.job.source, target)
                put_in_place(target, path, may_replace=self._plan.overwrite)
                put.append(path)
        except OSError as error:
            new = {begun.manifest.path.parent / name for name in begun.intent.new}
            _remove([path for path in put if path in new])
            if isinstance(error, FileExistsError):
                raise _there_already(path) from None
            raise


def _targets(intent: Intent, folder: Path) -> tuple[Path, ...]:
    """The hidden temporary files of results, in the same folders."""
    paths = [folder / name for name in intent.outputs]
    return tuple(path.with_name(f".writing-{intent.id}-{number}{path.suffix}") for number, path in enumerate(paths))


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()


def _there_already(path: Path) -> PhotoError:
    return PhotoError(f"{path} is there already; --overwrite replaces it, --out puts results elsewhere")


def _keep_date(source: Path, result: Path) -> None:
    with contextlib.suppress(OSError):  # the file system may know no such dates
        dates = source.stat()
        os.utime(result, ns=(dates.st_atime_ns, dates.st_mtime_ns))


def _reason(error: Exception) -> str:
    """One line without the photo's name, which callers add."""
    if isinstance(error, FaultError):
        return f"cannot be colored ({error}); please report this"
    if isinstance(error, OSError):
        return f"its results {unwritten(error)}"
    return str(error)


def _settings(options: Options) -> dict[str, Any]:
    """The settings that results depend on."""
    settings = options.as_json()
    del settings["limits"], settings["signer"]
    if options.signer is not None:  # what it is called and where it lies is nobody's business
        settings["signer"] = digest_of(Path(options.signer.certificate))
    names = filter(None, (options.model.whole, options.model.faces))
    # As JSON reads it back: lists instead of tuples.
    return dict(json.loads(json.dumps({**settings, "networks": {name: _fingerprint(name) for name in names}})))


def _fingerprint(model: str) -> str:
    """A digest that distinguishes networks of the same name, such as those of two releases."""
    path = network_file(model)
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({reason_of(error)}); name another --model") from error

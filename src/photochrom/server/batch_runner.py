"""Colors batches with the server's workers."""

import contextlib
import logging
import threading
from collections.abc import Sequence
from contextlib import closing

from photochrom.album import Job, Outcome, Plan, run
from photochrom.errors import CheckpointError, ConfigError, PhotoError, StartError, reason_of
from photochrom.server.batches import IN_COLOR, BatchPhoto, BatchStore
from photochrom.server.meters import Meters
from photochrom.workers import Pool, place_of

_SWEEP_SECONDS = 60.0
_PASSING = (OSError, PhotoError, StartError)
"""What may be over at the next attempt: a full disk, or want of memory."""

_log = logging.getLogger("photochrom.server")


class BatchRunner:
    """Colors batches with the server's workers, the oldest batch first."""

    def __init__(self, store: BatchStore, pool: Pool, meters: Meters, workers: int) -> None:
        self._store = store
        self._pool = pool
        self._meters = meters
        self._workers = workers
        self._change = threading.Condition()
        self._news = 0
        self._running: tuple[str, threading.Event] | None = None
        self._is_closing = False
        self._thread = threading.Thread(target=self._work, name="photochrom-batches", daemon=True)

    def start(self) -> None:
        """Start, with the batches that the last server left unfinished."""
        self._thread.start()

    def wake(self) -> None:
        """Signal that there is a new batch."""
        with self._change:
            self._news += 1
            self._change.notify_all()

    def delete(self, batch: str) -> None:
        """Delete a batch, and cancel its work."""
        self._store.delete(batch)
        with self._change:
            if self._running is not None and self._running[0] == batch:
                self._running[1].set()

    def close(self) -> None:
        """Stop. Photos at work are canceled and wait for the next server."""
        with self._change:
            self._is_closing = True
            if self._running is not None:
                self._running[1].set()
            self._change.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        while not self._is_closing:
            seen = self._news
            with contextlib.suppress(OSError):
                self._store.sweep()  # first, because it makes room on a full disk
            for batch in self._store.unfinished():
                try:
                    self._color(batch)
                except Exception as error:  # the thread must go on with other batches
                    if batch in self._store.unfinished():  # and was not deleted meanwhile
                        _log.error("a batch failed, and is tried again: %s", _told(error))
            with self._change:
                self._change.wait_for(lambda: self._news != seen or self._is_closing, _SWEEP_SECONDS)  # noqa: B023

    def _color(self, batch: str) -> None:
        stop = threading.Event()
        with self._change:
            if self._is_closing:
                return
            self._running = batch, stop
        try:
            jobs = self._colored(batch, stop)
            if not stop.is_set():
                self._store.finish(batch, jobs)
        finally:
            with self._change:
                self._running = None
            with contextlib.suppress(OSError):
                self._store.sweep()  # files that a worker wrote after the batch was deleted

    def _colored(self, batch: str, stop: threading.Event) -> Sequence[Job]:
        """Color a batch; returns its jobs, none if it cannot be planned."""
        try:
            plan = self._store.plan(batch)
        except ConfigError as error:
            self._give_up(batch, f"{error}; send it again", keeps_colored=False)
            return ()
        try:
            self._run(batch, plan, stop)
        except _PASSING:
            raise
        except Exception as error:  # a network that is gone, or a fault of ours: another attempt would end as this one
            if stop.is_set():
                raise
            self._give_up(batch, "the server cannot color it; see the server's log", keeps_colored=True)
            _log.error("a batch failed: %s", _told(error))
        return plan.jobs

    def _run(self, batch: str, plan: Plan, stop: threading.Event) -> None:
        names = [photo.name for photo in self._store.get(batch).photos]
        numbers = {job.source: number for number, job in enumerate(plan.jobs)}

        def begun(job: Job) -> None:
            number = numbers[job.source]
            self._store.note(batch, number, BatchPhoto(names[number], "at work"))

        with closing(run(plan, self._workers, pool=self._pool, stop=stop, on_begin=begun)) as outcomes:
            for outcome in outcomes:
                number = numbers[outcome.source]
                self._store.note(batch, number, _ended(names[number], outcome))
                if outcome.status != "done":
                    self._meters.count("batch", outcome.faces if outcome.status == "colored" else None)

    def _give_up(self, batch: str, reason: str, *, keeps_colored: bool) -> None:
        """Note why the photos of a batch fail."""
        for number, photo in enumerate(self._store.get(batch).photos):
            if not keeps_colored or photo.state in ("waiting", "at work"):
                self._store.note(batch, number, BatchPhoto(photo.name, "failed", error=reason))


def _told(error: Exception) -> str:
    """What the log says of a failure: neither paths, in which the id of a batch stands, nor anything of its photos."""
    cause = error.__cause__ if isinstance(error, PhotoError) else error
    if isinstance(cause, OSError):
        return reason_of(cause)
    return str(error) if isinstance(error, StartError | CheckpointError) else place_of(error)


def _ended(name: str, outcome: Outcome) -> BatchPhoto:
    if outcome.status == "failed":
        return BatchPhoto(name, "failed", error=outcome.error)
    if outcome.status == "in color":
        return BatchPhoto(name, "in color", error=IN_COLOR)
    return BatchPhoto(name, "colored", outcome.faces, remarks=outcome.remarks)

"""Processes that color photos side by side; one that dies takes only its own photo with it."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from photochrom.album._coloring import Answer, ColoringJob, Options
from photochrom.errors import PhotoError

__all__ = ["color_photos", "default_jobs"]

_WORKER_BYTES = 10**9
"""What a process takes for a photo of 24 megapixels in 16 bits, with room to spare: 0.3 GB, and 8 to 25 MB for each."""

_MOST_UNBOUNDED = 2
"""Processes where it is not known how much memory there is."""

_POLL_SECONDS = 0.2
_GRACE_SECONDS = 5.0

_COMMAND = (sys.executable, "-P", "-c", "from photochrom.album._coloring import main; main()")
"""-P: a folder of photos that somebody else made is no place to import modules from."""

_KILLED = (-9, 137)


def default_jobs(photos: int) -> int:
    """How many processes suit this machine: one a core, as far as there is memory for them.

    Args:
        photos: How many there are to color.
    """
    memory = _available_memory()
    fitting = _MOST_UNBOUNDED if memory is None else memory // _WORKER_BYTES
    return max(1, min(_cores(), fitting, photos))


def color_photos(
    jobs: Sequence[ColoringJob], options: Options, processes: int
) -> Generator[tuple[int, Answer], None, None]:
    """Color photos in processes of their own.

    Closing the iterator ends the processes; photos at work are then given up, and nothing of them is left.

    Args:
        jobs: What to color; begun in this order.
        options: How.
        processes: How many work side by side; those that are killed are replaced.

    Yields:
        A job's place in `jobs` and how it ended, as they end.

    Raises:
        PhotoError: A process cannot start, as for want of a model or of memory.
    """
    if not jobs:
        return
    pool = _Pool(jobs, options, max(1, min(processes, len(jobs))))
    try:
        for _ in jobs:
            yield pool.next_answer()
    finally:
        pool.end()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _available_memory() -> int | None:
    """Bytes that can be used without taking them from other programs; None if that is not told."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
        return min(kilobytes * 1024, *_group_limits())
    except (OSError, StopIteration, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, ValueError, OSError):
        return None


def _group_limits() -> Iterator[int]:
    """What a container is allowed to take, as Linux tells it."""
    yield sys.maxsize
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.is_file() and used.is_file() and (text := limit.read_text().strip()) != "max":
        yield max(0, int(text) - int(used.read_text()))


class _WorkerEnded(Exception):  # noqa: N818 - told as a photo's failure, not raised to users
    """A process ended before it gave an answer; the text says how."""


class _Worker:
    """One process."""

    def __init__(self, options: Options, threads: int) -> None:
        self._order = {"options": options.as_json(), "threads": threads}
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8"
        )

    def load(self) -> None:
        """Wait until it has loaded its networks.

        Raises:
            PhotoError: It cannot.
        """
        try:
            failure = self._ask(self._order)["failure"]
        except _WorkerEnded as ended:
            raise PhotoError(f"the process that colors {ended}, while it loaded its networks") from ended
        if failure is not None:
            raise PhotoError(failure)

    def color(self, job: ColoringJob) -> Answer:
        """How a photo ended, even if the process ended with it.

        Raises:
            _WorkerEnded: It did.
        """
        return Answer(**self._ask(job.as_json()))

    def dismiss(self) -> None:
        """Have it end now, even in the midst of a photo, of which it leaves nothing."""
        with contextlib.suppress(OSError):
            self._pipes()[0].close()

    def kill(self) -> None:
        """End it by force."""
        self._process.kill()

    def close(self) -> None:
        """Wait until it has ended."""
        self.dismiss()
        self._process.wait()
        self._pipes()[1].close()

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        """Those of orders and of answers."""
        orders, answers = self._process.stdin, self._process.stdout
        if orders is None or answers is None:
            raise RuntimeError("a process without pipes")
        return orders, answers

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        orders, answers = self._pipes()
        try:
            orders.write(json.dumps(order) + "\n")
            orders.flush()
            line = answers.readline()
        except (OSError, ValueError):  # it is gone already, or dismissed
            line = ""
        if not line.endswith("\n"):
            raise _WorkerEnded(_end(self._process.wait()))
        answer: dict[str, Any] = json.loads(line)
        return answer


def _end(status: int) -> str:
    if status in _KILLED:
        return "was killed, most likely for want of memory; give fewer --jobs, or a smaller photo"
    return f"died of signal {-status}" if status < 0 else f"ended with status {status}"


class _Pool:
    """Threads that each hand photos to a process of its own, and hire another when that dies."""

    def __init__(self, jobs: Sequence[ColoringJob], options: Options, processes: int) -> None:
        self._jobs = iter(enumerate(jobs))
        self._options = options
        self._cores_each = max(1, _cores() // processes)
        self._answers: queue.SimpleQueue[tuple[int, Answer] | Exception] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._is_ending = False
        self._workers: set[_Worker] = set()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(processes)]
        for thread in self._threads:
            thread.start()

    def next_answer(self) -> tuple[int, Answer]:
        """The place of a job and how it ended, as soon as one ends.

        Raises:
            PhotoError: A process cannot start.
        """
        while True:
            try:
                # Without a limit, Windows would not let Ctrl-C through.
                answer = self._answers.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            if isinstance(answer, Exception):
                raise answer
            return answer

    def end(self) -> None:
        """End all processes, and wait until they have."""
        with self._lock:
            self._is_ending = True
        self._signal(_Worker.dismiss)
        deadline = time.monotonic() + _GRACE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._signal(_Worker.kill)
        for thread in self._threads:
            thread.join()

    def _signal(self, send: Callable[[_Worker], None]) -> None:
        with self._lock:
            for worker in self._workers:
                send(worker)

    def _work(self) -> None:
        worker: _Worker | None = None
        try:
            while (task := self._next()) is not None:
                number, job = task
                if worker is None and (worker := self._hired()) is None:
                    return
                try:
                    answer = worker.color(job)
                except _WorkerEnded as ended:
                    self._part_with(worker)
                    worker = None
                    answer = Answer("failed", error=f"the process that colored it {ended}")
                self._answers.put((number, answer))
        except Exception as error:  # raised anew where answers are waited for
            self._answers.put(error)
        finally:
            if worker is not None:
                self._part_with(worker)

    def _next(self) -> tuple[int, ColoringJob] | None:
        with self._lock:
            return None if self._is_ending else next(self._jobs, None)

    def _hired(self) -> _Worker | None:
        """A process that is ready; None if none shall start any more.

        Raises:
            PhotoError: It cannot start.
        """
        with self._lock:
            if self._is_ending:
                return None
            worker = _Worker(self._options, self._cores_each)
            self._workers.add(worker)
        try:
            worker.load()
        except PhotoError:
            self._part_with(worker)
            raise
        return worker

    def _part_with(self, worker: _Worker) -> None:
        worker.close()
        with self._lock:
            self._workers.discard(worker)

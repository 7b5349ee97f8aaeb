"""A worker process, seen from the pool."""

import contextlib
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import IO, Any, Protocol

from photochrom import errors
from photochrom.coloring import Model
from photochrom.process import thread_limits
from photochrom.workers._task import FaultError
from photochrom.workers._wire import read_plain, write_frames

_START_SECONDS = 60.0
_GRACE_SECONDS = 1.0
_BASE_SECONDS = 60.0
_SECONDS_A_MEGAPIXEL = 3.0
"""For the default deadline: about forty times the usual time on one core."""

_MOST_MEGAPIXELS = 10_000.0
_KILLED = (-9, 137)

_COMMAND = (sys.executable, "-P", "-c", "from photochrom.workers._task import main; main()")
"""-P: modules must not be imported from the current folder, which may be a folder of photos."""


class EndedError(Exception):
    """A worker ended before it answered.

    Attributes:
        how: How it ended, such as `ended with status 3`.
        advice: What to do about it.
        overdue: The deadline in seconds, if it was ended because of that.
    """

    def __init__(self, how: str, advice: str, overdue: float | None = None) -> None:
        super().__init__(how)
        self.how = how
        self.advice = advice
        self.overdue = overdue


class Hired(Protocol):
    """What the pool asks of a worker, which may be a process on another machine."""

    is_loaded: bool

    def load(self) -> str:
        """See `Worker.load`."""

    def ask(self, question: bytes, seconds: float | None) -> Any:
        """See `Worker.ask`."""

    def kill(self) -> None:
        """See `Worker.kill`."""

    def close(self) -> None:
        """See `Worker.close`."""


Hire = Callable[[Model, int, str], Hired]
"""Starts a worker with networks, a number of cores and a provider."""


class _Deadline:
    """Ends a worker after a time, which can be extended once the size of the photo is known."""

    def __init__(self, worker: "Worker", seconds: float) -> None:
        self._worker = worker
        self._began = time.monotonic()
        self.seconds = seconds
        self.is_over = False
        self._timer = self._started()

    def _started(self) -> threading.Timer:
        left = self._began + self.seconds - time.monotonic()
        timer = threading.Timer(max(0.0, left), self._end)
        timer.daemon = True
        timer.start()
        return timer

    def extend(self, seconds: float) -> None:
        """Allow more time, from the beginning on."""
        self._timer.cancel()
        self.seconds = seconds
        self._timer = self._started()

    def cancel(self) -> None:
        """Let the worker live."""
        self._timer.cancel()

    def _end(self) -> None:
        self.is_over = True
        self._worker.kill()


class Worker:
    """One worker process, seen from the pool.

    Questions are pickled. Answers are plain data, which cannot execute anything here.
    """

    def __init__(self, model: Model, threads: int, provider: str) -> None:
        environment = {**os.environ, **thread_limits(threads)}
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
        self._setup = pickle.dumps((model, threads, provider))
        self.is_loaded = False

    def load(self) -> str:
        """Wait until it has loaded its networks.

        Returns:
            The remark of its `Colorizer`.

        Raises:
            EndedError: It ended.
            PhotochromError: The networks cannot be loaded.
        """
        remark = self._told(self._setup, _START_SECONDS, lambda _: None)
        self.is_loaded = True
        return str(remark)

    def ask(self, question: bytes, seconds: float | None) -> Any:
        """The answer to a question.

        Args:
            question: A pickled task.
            seconds: The deadline; None allows a time that grows with the size of the photo.

        Raises:
            EndedError: It ended before it answered.
            PhotochromError: As the task raised it.
            FaultError: The task has a fault.
        """

        def allowed(megapixels: float) -> float | None:
            return None if seconds is not None else _BASE_SECONDS + _SECONDS_A_MEGAPIXEL * megapixels

        return self._told(question, _BASE_SECONDS if seconds is None else seconds, allowed)

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()

    def close(self) -> None:
        """End it and wait: an idle worker ends by itself when its questions are closed."""
        questions, answers = self._pipes()
        with contextlib.suppress(OSError):  # unsent data
            questions.close()
        try:
            self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
        answers.close()

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        """Those of questions and of answers."""
        questions, answers = self._process.stdin, self._process.stdout
        if questions is None or answers is None:
            raise RuntimeError("a process without pipes")
        return questions, answers

    def _told(self, question: bytes, seconds: float, allowed: Callable[[float], float | None]) -> Any:
        questions, answers = self._pipes()
        deadline = _Deadline(self, seconds)
        try:
            write_frames(questions, question)
            while "megapixels" in (told := read_plain(answers)):
                longer = allowed(min(float(told["megapixels"]), _MOST_MEGAPIXELS))
                if longer is not None:
                    deadline.extend(longer)
            failure = (str(told["error"]), str(told["text"])) if "error" in told else None
            answer = None if failure else told["answer"]
        except Exception as error:  # it ended, or says what no worker of ours says
            how, advice = self._how_it_ends()
            self.close()
            raise EndedError(how, advice, deadline.seconds if deadline.is_over else None) from error
        finally:
            deadline.cancel()
        if failure is not None:
            raise raised(*failure)
        return answer

    def _how_it_ends(self) -> tuple[str, str]:
        """How it ends, and what to do about it: while it loads its networks, no photo can be the reason."""
        other = "save the photo with another program" if self.is_loaded else "reinstall photochrom"
        try:
            status = self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            return "gave no answer that can be read", other
        if status in _KILLED:
            less = "make the photo smaller" if self.is_loaded else "close other programs"
            return "was killed, most likely for want of memory", f"{less}, or color fewer at once"
        return f"died of signal {-status}" if status < 0 else f"ended with status {status}", other


def raised(name: str, text: str) -> Exception:
    """The exception that a worker tells of."""
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, errors.PhotochromError):
        return kind(text)
    return FaultError(text)  # also for whatever else a worker names that somebody took over

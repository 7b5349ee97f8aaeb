"""Processes that color photos side by side, one core each; one that dies or is slow takes only its own photo with it.

Processes, not threads: a picture that makes a decoder crash or never end can be given up without the server.
"""

import contextlib
import functools
import multiprocessing
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Generic, TypeVar

import cv2

from photochrom.album import Options
from photochrom.coloring import Colorizer
from photochrom.errors import PhotochromError, PhotoError
from photochrom.process import return_freed_pages
from photochrom.server.settings import Settings

__all__ = ["BusyError", "LostError", "Order", "SlowError", "Task", "Workbench", "WorkbenchError"]

Answer = TypeVar("Answer")
Task = Callable[[Colorizer, bytes, Options], Answer]
"""What a process does with the content of a photo; a function of a module, such as `photochrom.server.tasks.color`."""

_START_SECONDS = 60.0

_context = multiprocessing.get_context("spawn")  # a fork would inherit threads that hold locks


class BusyError(PhotochromError):
    """So many photos wait that no other is taken."""


class SlowError(PhotoError):
    """A photo took too long."""


class LostError(PhotoError):
    """The process that colored a photo died of it."""


class WorkbenchError(Exception):
    """A fault of ours while a photo was colored; the text tells where, and nothing of the photo."""


@dataclass(eq=False)
class Order(Generic[Answer]):
    """A photo that shall be colored.

    Attributes:
        task: What is done with it.
        read: Gives its content when its turn comes, so that what waits need not lie in memory.
        options: How.
        answer: What becomes of it. From a coroutine, `await asyncio.wrap_future(order.answer)`; else `.result()`.
    """

    task: Task[Answer]
    read: Callable[[], bytes]
    options: Options
    answer: Future[Answer] = field(default_factory=Future)


class _Worker:
    """One process, which has loaded its networks."""

    def __init__(self, settings: Settings) -> None:
        """Start it.

        Raises:
            PhotochromError: It cannot load the networks, or dies of them.
        """
        self._connection, theirs = _context.Pipe()
        keyless = replace(settings, api_key=None, insecure=True)  # what decodes photos need not know the key
        self._process = _context.Process(target=_serve, args=(theirs, keyless), daemon=True)
        self._process.start()
        theirs.close()
        self._hear(_START_SECONDS, "the networks took longer than {seconds:g} seconds to load; try again")

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.is_alive()

    def ask(self, question: Any, seconds: float) -> Any:
        """What it answers; when it does not, it is ended.

        Raises:
            SlowError: It said nothing for so long.
            LostError: It died.
        """
        with contextlib.suppress(OSError):  # it is heard below that it is gone
            self._connection.send(question)
        return self._hear(seconds, "the photo took longer than {seconds:g} seconds; make it smaller")

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()

    def close(self) -> None:
        """End it, and wait until it has."""
        self.kill()
        self._process.join()
        self._connection.close()

    def _hear(self, seconds: float, too_slow: str) -> Any:
        try:
            if not self._connection.poll(seconds):
                raise SlowError(too_slow.format(seconds=seconds))
            answer, error = self._connection.recv()
        except (OSError, EOFError) as ended:
            self.close()
            raise LostError("the process that colored the photo died; make the photo smaller") from ended
        except SlowError:
            self.close()
            raise
        if error is not None:
            raise error
        return answer


class Workbench:
    """Where photos are colored: hands orders to processes, in the order in which they come.

    Example:
        `workbench.submit(guess, lambda: content, Options()).answer.result()`, with `photochrom.server.tasks.guess`,
        gives a list of `Result`, which `adjusted` changes without the networks.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: deque[Order[Any]] = deque()
        self._at_work: dict[Order[Any], _Worker] = {}
        self._cancelled: set[Order[Any]] = set()
        self._change = threading.Condition()
        self._is_closing = False
        self._threads: list[threading.Thread] = []

    @property
    def waiting(self) -> int:
        """How many photos wait."""
        return len(self._waiting)

    @property
    def at_work(self) -> int:
        """How many photos are being colored."""
        return len(self._at_work)

    def start(self) -> None:
        """Hire the processes; returns when the first one is ready, while the others still load.

        Raises:
            PhotochromError: It cannot start, as for want of a model.
        """
        first = _Worker(self._settings)
        for worker in (first, *[None] * (self._settings.workers - 1)):
            thread = threading.Thread(target=self._work, args=(worker,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def submit(
        self, task: Task[Answer], read: Callable[[], bytes], options: Options, *, is_patient: bool = False
    ) -> Order[Answer]:
        """Have a photo colored.

        Args:
            task: What to do with it.
            read: Gives its content; called from another thread.
            options: How.
            is_patient: Whether it may wait beyond the queue's end.

        Returns:
            An order whose `answer` comes. Its exceptions: `PhotochromError`, `WorkbenchError` for a fault of ours,
            `CancelledError` when it was given up.

        Raises:
            BusyError: The queue is full.
        """
        order = Order(task, read, options)
        with self._change:
            if self._is_closing or (not is_patient and len(self._waiting) >= self._settings.queue):
                raise BusyError("too many photos wait already; try again in a moment")
            self._waiting.append(order)
            self._change.notify()
        return order

    def cancel(self, order: Order[Any]) -> None:
        """Give an order up, whether it waits or is at work; one that is done stays so."""
        with self._change:
            if order in self._waiting:
                self._waiting.remove(order)
                order.answer.cancel()
            elif order in self._at_work:
                self._cancelled.add(order)
                self._at_work[order].kill()

    def close(self) -> None:
        """Give up all orders, and end the processes."""
        with self._change:
            self._is_closing = True
            orders = [*self._waiting, *self._at_work]
            self._change.notify_all()
        for order in orders:
            self.cancel(order)
        for thread in self._threads:
            thread.join()

    def _work(self, worker: _Worker | None) -> None:
        """Hand order after order to a process; hire another one when it has ended."""
        if worker is None:
            with contextlib.suppress(PhotochromError):  # told with the next order
                worker = _Worker(self._settings)
        while (order := self._next()) is not None:
            try:
                if worker is None or not worker.is_alive:
                    worker = _Worker(self._settings)
                order.answer.set_result(self._answer(worker, order))
            except (PhotochromError, WorkbenchError, CancelledError) as error:
                order.answer.set_exception(error)
            except Exception as error:  # as of a file that is gone: no order may end the thread
                order.answer.set_exception(WorkbenchError(type(error).__name__))
        if worker is not None:
            worker.close()

    def _next(self) -> Order[Any] | None:
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._is_closing)
            while self._waiting and not self._is_closing:
                order = self._waiting.popleft()
                if order.answer.set_running_or_notify_cancel():
                    return order
        return None

    def _answer(self, worker: _Worker, order: Order[Answer]) -> Answer:
        question = (order.task, order.read(), order.options)
        with self._change:
            self._at_work[order] = worker
        try:
            answer: Answer = worker.ask(question, self._settings.seconds_a_photo)
        finally:
            with self._change:
                del self._at_work[order]
                is_cancelled = order in self._cancelled
                self._cancelled.discard(order)
            if is_cancelled:
                worker.close()
                raise CancelledError
        return answer


def _serve(connection: Connection, settings: Settings) -> None:
    """Answer questions until there are no more: what runs in the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the server says what happens then
    cv2.setNumThreads(1)
    return_freed_pages()
    colorizer_for = functools.cache(lambda model: Colorizer(model, face_model=settings.face_model))
    try:
        colorizer_for(settings.model)
    except PhotochromError as error:
        connection.send((None, error))
        return
    connection.send((None, None))
    with contextlib.suppress(EOFError, OSError):  # the server is gone
        while True:
            task, content, options = connection.recv()
            connection.send(_outcome(task, colorizer_for, content, options))


def _outcome(
    task: Task[Answer], colorizer_for: Callable[[str], Colorizer], content: bytes, options: Options
) -> tuple[Answer | None, Exception | None]:
    """What a task gives, and what it raises."""
    try:
        return task(colorizer_for(options.model), content, options), None
    except PhotochromError as error:
        return None, error
    except MemoryError:
        return None, PhotoError("not enough memory to color the photo; make it smaller")
    except Exception as error:
        places = traceback.extract_tb(error.__traceback__)[-3:]
        where = " < ".join(f"{place.name} at {Path(place.filename).name}:{place.lineno}" for place in reversed(places))
        return None, WorkbenchError(f"{type(error).__name__} in {where}")

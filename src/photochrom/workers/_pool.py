"""The pool: hands tasks to workers, and starts another worker when one has ended."""

import contextlib
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any, NamedTuple

from photochrom.coloring import Model, require_provider
from photochrom.errors import (
    BusyError,
    CheckpointError,
    LostError,
    PhotochromError,
    SlowError,
    StartError,
    reason_of,
)
from photochrom.shipped import network_file
from photochrom.workers._task import FaultError, place_of
from photochrom.workers._worker import EndedError, Hire, Hired, Worker

_ATTEMPTS = 2


class Deferred(NamedTuple):
    """An argument of a task that is read when its turn comes, so that waiting tasks take no memory."""

    read: Callable[[], Any]


class Pending(Future[Any]):
    """The result of a task, as a future; `asyncio.wrap_future` makes it awaitable.

    Its result is plain data: None, numbers, text, bytes, lists and dictionaries. Its exceptions: `PhotochromError`;
    `FaultError` for a fault in our code; `CancelledError` when it was cancelled or the pool was closed.
    """

    def __init__(
        self, pool: "Pool", question: Callable[[], bytes], timeout: float | None, then: Callable[[Any], Any]
    ) -> None:
        super().__init__()
        self._pool = pool
        self.question = question
        self.then = then
        self.timeout = timeout
        self.is_given_up = False

    def cancel(self) -> bool:
        """Cancel the task, whether it waits or is at work; if it is done, do nothing and return False."""
        return self._pool.give_up(self)

    def cancel_waiting(self) -> bool:
        """Cancel the task if no worker has begun it; returns whether that could be done."""
        was_waiting = self._pool.forget(self)
        is_cancelled = super().cancel()
        if was_waiting:
            self.set_running_or_notify_cancel()  # no worker will do it
        return is_cancelled


class Pool:
    """Worker processes that are handed tasks in the order in which they come.

    A task is a function of a module, `task(colorizer, *args)`, which returns plain data. A photo whose worker dies gets
    a second attempt in a new worker, and then one clear line. A photo that takes too long is given up. Workers end with
    the pool, and with the process that holds it even when that is killed.

    Example:
        ```python
        with Pool(Model(), workers=2) as pool:
            colored = pool.submit(photochrom.album.color_photo, content, Options()).result()
        ```
    """

    def __init__(
        self,
        model: Model | None = None,
        *,
        workers: int = 1,
        threads: int = 1,
        longest_queue: int | None = None,
        timeout: float | None = None,
        provider: str = "cpu",
        on_remark: Callable[[str], object] | None = None,
        hire: Hire = Worker,
    ) -> None:
        """Prepare the pool; `start` starts the processes.

        Args:
            model: The networks that each worker loads at once; the shipped ones if not given.
            threads: The number of cores that each may use.
            longest_queue: Maximum number of waiting tasks; more are refused. None sets no limit.
            timeout: Seconds for each photo; None allows a time that grows with its size.
            provider: What the networks run on, one of `photochrom.coloring.PROVIDERS`.
            on_remark: Called once, from a thread of the pool, if there is something to say about that.
            hire: Starts a worker.

        Raises:
            ConfigError: There is no such provider.
        """
        require_provider(provider)
        self._hire, self._provider, self._on_remark = hire, provider, on_remark
        self._model = model or Model()
        self._count = workers
        self._threads_each = threads
        self._longest_queue = longest_queue
        self._timeout = timeout
        self._waiting: deque[Pending] = deque()
        self._at_work: dict[Pending, Hired | None] = {}
        self._workers: set[Hired] = set()
        self._change = threading.Condition()
        self._is_closing = False
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> "Pool":
        """Start the pool."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    @property
    def waiting(self) -> int:
        """The number of tasks that wait."""
        return len(self._waiting)

    @property
    def at_work(self) -> int:
        """The number of tasks at work."""
        return len(self._at_work)

    def start(self) -> None:
        """Start the workers if they are not running; returns at once, while they load their networks."""
        if self._threads:
            return
        for name in filter(None, (self._model.whole, self._model.faces)):
            if not network_file(name).is_file():
                raise CheckpointError(f"{network_file(name)}: no such file; name another model")
        for number in range(self._count):
            thread = threading.Thread(target=self._work, name=f"photochrom-worker-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def submit(
        self,
        task: Callable[..., Any],
        *args: Any,
        model: Model | None = None,
        timeout: float | None = None,
        is_patient: bool = False,
        then: Callable[[Any], Any] = lambda answer: answer,
    ) -> Pending:
        """Queue a task.

        Args:
            task: A function of a module; called with a `Colorizer` and the arguments.
            *args: What else the task is called with; a `Deferred` is read when the task's turn comes.
            model: The networks of the colorizer; the pool's if not given.
            is_patient: Whether it may wait beyond the end of the queue.
            then: Makes the result of the worker's answer, in a thread of the pool.

        Raises:
            BusyError: The queue is full, or the pool is closed.
        """

        def question() -> bytes:
            read = [arg.read() if isinstance(arg, Deferred) else arg for arg in args]
            return pickle.dumps((task, read, model or self._model))

        pending = Pending(self, question, timeout or self._timeout, then)
        with self._change:
            is_full = self._longest_queue is not None and len(self._waiting) >= self._longest_queue
            if self._is_closing or (is_full and not is_patient):
                raise BusyError("too many photos wait already; try again in a moment")
            self._waiting.append(pending)
            self._change.notify()
        return pending

    def give_up(self, pending: Pending) -> bool:
        """Cancel a task; see `Pending.cancel`."""
        with self._change:
            if pending in self._at_work:
                pending.is_given_up = True
                worker = self._at_work[pending]
                if worker is not None:
                    worker.kill()
                return True
        return pending.cancel_waiting()

    def forget(self, pending: Pending) -> bool:
        """Take a task out of the queue; returns whether it was there."""
        with self._change:
            if pending not in self._waiting:
                return False
            self._waiting.remove(pending)
            return True

    def close(self) -> None:
        """Cancel all tasks, end the workers, and return when they have ended."""
        with self._change:
            self._is_closing = True
            tasks = [*self._waiting, *self._at_work]
            for worker in self._workers:
                if not worker.is_loaded:  # it has no task to cancel
                    worker.kill()
            self._change.notify_all()
        for pending in tasks:
            self.give_up(pending)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        """Hand tasks to one worker, and replace it when it has ended."""
        if hasattr(signal, "pthread_sigmask"):
            # Ctrl-C reaches all processes of a terminal, but only the first one handles it. Workers inherit this mask
            # from the thread that starts them.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        worker: Hired | None = None
        with contextlib.suppress(Exception):  # raised again with the next task, which tells it; the thread must live
            worker = self._started()
        while (pending := self._next()) is not None:
            worker = self._carry_out(pending, worker)
        if worker is not None:
            self._part_with(worker)

    def _next(self) -> Pending | None:
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._is_closing)
            while self._waiting and not self._is_closing:
                pending = self._waiting.popleft()
                if pending.set_running_or_notify_cancel():
                    self._at_work[pending] = None
                    return pending
        return None

    def _carry_out(self, pending: Pending, worker: Hired | None) -> Hired | None:
        """Do a task; returns the worker for the next one: the same, a new one, or none."""
        answer: Any = None
        failure: BaseException | None = None
        try:
            question = pending.question()
            for attempts_left in reversed(range(_ATTEMPTS)):
                worker = worker or self._started()
                self._assign(pending, worker)
                try:
                    answer = pending.then(worker.ask(question, pending.timeout))
                    break
                except EndedError as ended:
                    self._part_with(worker)
                    worker = None
                    _raise_unless_it_can_be_tried_again(ended, pending, attempts_left)
        except (PhotochromError, FaultError, CancelledError) as error:
            failure = error
        except Exception as error:  # such as a deleted file; no task may end the thread
            failure = FaultError(place_of(error))
        with self._change:
            assigned = self._at_work.pop(pending)
        if failure is None:
            pending.set_result(answer)
        else:
            pending.set_exception(failure)
        if worker is not None and worker is assigned and pending.is_given_up:  # killed, though it had answered
            self._part_with(worker)
            return None
        return worker

    def _assign(self, pending: Pending, worker: Hired) -> None:
        """Record which worker is at a task, so that it can be canceled."""
        with self._change:
            if pending.is_given_up:
                raise CancelledError
            self._at_work[pending] = worker

    def _started(self) -> Hired:
        """A worker that has loaded its networks.

        Raises:
            StartError: It cannot start.
            CancelledError: The pool is being closed.
        """
        worker = self._hired()
        try:
            remark = worker.load()
        except Exception as error:
            self._part_with(worker)
            if self._is_closing:
                raise CancelledError from None
            if isinstance(error, EndedError):
                raise _start_error(error) from None
            if isinstance(error, PhotochromError):
                raise StartError(str(error)) from error
            raise
        self._tell(remark)
        return worker

    def _hired(self) -> Hired:
        with self._change:
            if self._is_closing:
                raise CancelledError
            try:
                worker = self._hire(self._model, self._threads_each, self._provider)
            except OSError as error:
                told = f"a worker process cannot be started ({reason_of(error)})"
                raise StartError(f"{told}; close other programs, or color fewer at once") from error
            self._workers.add(worker)
        return worker

    def _tell(self, remark: str) -> None:
        """Hand on the first remark of a worker."""
        with self._change:
            on_remark = self._on_remark if remark else None
            if on_remark is not None:
                self._on_remark = None
        if on_remark is not None:
            # It may print to a terminal that is gone, where the worker is as good as any.
            with contextlib.suppress(OSError, ValueError):
                on_remark(remark)

    def _part_with(self, worker: Hired) -> None:
        worker.close()
        with self._change:
            self._workers.discard(worker)


def _start_error(ended: EndedError) -> StartError:
    if ended.overdue is not None:
        return StartError(f"the networks took longer than {ended.overdue:g} seconds to load; try again")
    return StartError(f"while loading its networks, a worker process {ended.how}; {ended.advice}")


def _raise_unless_it_can_be_tried_again(ended: EndedError, pending: Pending, attempts_left: int) -> None:
    if pending.is_given_up:
        raise CancelledError from ended
    if ended.overdue is not None:
        raise SlowError(
            f"took longer than {ended.overdue:g} seconds and was given up; make it smaller, or allow more time"
        ) from ended
    if attempts_left == 0:
        raise LostError(f"the process that colored it {ended.how}; {ended.advice}") from ended

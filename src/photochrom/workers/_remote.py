"""Workers on the nodes of a Ray cluster: for each an actor, which holds a worker process of its node."""

import contextlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from photochrom.cluster import import_ray
from photochrom.coloring import Model
from photochrom.errors import StartError
from photochrom.workers._worker import EndedError, Hire, Worker, raised

_ROOM_SECONDS = 30.0
"""How long a worker waits for a free core before it shares one: after a node was lost, there are fewer than workers."""

_START_SECONDS = 120.0
"""How long it may take to start where it shares a core."""

_MORE_PLACES = 3


def hire_on_cluster(gpus: float, shared: Sequence[Path]) -> Hire:
    """What a `Pool` starts workers by on the cluster that this process is connected to.

    A photo is colored by the same worker process as on one machine, so that deadlines, torn files and lost processes
    end as there. Where a node is lost, its photo is colored again on another.

    Args:
        gpus: Of each worker; a fraction lets several share one.
        shared: Absolute paths that must be there on each node.
    """
    return lambda model, threads, provider: _RemoteWorker((model, threads, provider), threads, gpus, shared)


class _LostError(EndedError):
    """An actor ended, with its node or by itself."""

    def __init__(self) -> None:
        super().__init__("was lost with its node, or killed", "see whether the nodes of the cluster are up")


class _RemoteWorker:
    """A worker on some node, seen from the pool."""

    def __init__(self, setup: tuple[Model, int, str], cpus: int, gpus: float, shared: Sequence[Path]) -> None:
        self.is_loaded = False
        self._arguments = (*setup, shared)
        self._cpus = cpus
        self._gpus = gpus
        self._change = threading.Lock()
        self._is_killed = False
        self._actor: Any = None

    def load(self) -> str:
        """See `Worker.load`."""
        for cpus in (self._cpus, *[0] * _MORE_PLACES):
            self._place(cpus)
            loading = self._actor.load.remote()
            ready, _ = import_ray().wait([loading], timeout=_ROOM_SECONDS if cpus else _START_SECONDS)
            with contextlib.suppress(_LostError):  # it was put on a node that was just lost
                if ready:
                    remark = str(self._told(loading))
                    self.is_loaded = True
                    return remark
        raise _LostError

    def _place(self, cpus: int) -> None:
        """Start an actor on some node, in place of the one before."""
        with self._change:
            if self._is_killed:
                raise _LostError
            if self._actor is not None:
                import_ray().kill(self._actor)
            placed = import_ray().remote(_Actor).options(num_cpus=cpus, num_gpus=self._gpus)
            self._actor = placed.remote(*self._arguments)

    def ask(self, question: bytes, seconds: float | None) -> Any:
        """See `Worker.ask`."""
        return self._told(self._actor.ask.remote(question, seconds))

    def kill(self) -> None:
        """End it with its process, whatever it does."""
        with self._change:
            self._is_killed = True
            if self._actor is not None:
                import_ray().kill(self._actor)

    def close(self) -> None:
        """End it."""
        self.kill()

    def _told(self, reference: Any) -> Any:
        from ray.exceptions import RayError

        try:
            answer, ended, failure = import_ray().get(reference)
        except RayError as error:
            raise _LostError from error
        if ended is not None:
            raise EndedError(*ended)
        if failure is not None:
            raise raised(*failure)
        return answer


class _Actor:
    """A worker process on a node, which the actor's process starts and asks. It never decodes a photo itself."""

    def __init__(self, model: Model, threads: int, provider: str, shared: Sequence[Path]) -> None:
        self._setup = model, threads, provider
        self._shared = shared
        self._worker: Worker

    def load(self) -> tuple[Any, Any, Any]:
        """What `Worker.load` gives or raises."""
        for path in self._shared:
            if not path.exists():
                told = f"{path}: a node of the cluster does not see it; all nodes must share it"
                return None, None, (StartError.__name__, told)
        self._worker = Worker(*self._setup)
        return _outcome(self._worker.load)

    def ask(self, question: bytes, seconds: float | None) -> tuple[Any, Any, Any]:
        """What `Worker.ask` gives or raises."""
        return _outcome(lambda: self._worker.ask(question, seconds))


def _outcome(act: Callable[[], Any]) -> tuple[Any, Any, Any]:
    """An answer; or how the worker ended; or the name and text of an error. Exceptions of ours cannot be pickled."""
    try:
        return act(), None, None
    except EndedError as ended:
        return None, (ended.how, ended.advice, ended.overdue), None
    except Exception as error:
        return None, None, (type(error).__name__, str(error))

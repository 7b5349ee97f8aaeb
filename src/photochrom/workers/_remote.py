"""Workers on the nodes of a Ray cluster: for each an actor, which holds a worker process of its node."""

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


def hire_on_cluster(gpus: float, shared: Sequence[Path]) -> Hire:
    """What a `Pool` starts workers by on the cluster that this process is connected to.

    A photo is colored by the same worker process as on one machine, so that deadlines, torn files and lost processes
    end as there. Where a node is lost, its photo is colored again on another.

    Args:
        gpus: Of each worker; a fraction lets several share one.
        shared: Absolute paths that must be there on each node.
    """
    return lambda model, threads, provider: _RemoteWorker((model, threads, provider), threads, gpus, shared)


class _RemoteWorker:
    """A worker on some node, seen from the pool."""

    def __init__(self, setup: tuple[Model, int, str], cpus: int, gpus: float, shared: Sequence[Path]) -> None:
        self.is_loaded = False
        self._arguments = (*setup, shared)
        self._gpus = gpus
        self._change = threading.Lock()
        self._is_killed = False
        self._actor = self._placed(cpus)

    def _placed(self, cpus: int) -> Any:
        return import_ray().remote(_Actor).options(num_cpus=cpus, num_gpus=self._gpus).remote(*self._arguments)

    def load(self) -> str:
        """See `Worker.load`."""
        loading = self._actor.load.remote()
        ready, _ = import_ray().wait([loading], timeout=_ROOM_SECONDS)
        if not ready:
            with self._change:
                if not self._is_killed:
                    import_ray().kill(self._actor)
                    self._actor = self._placed(0)
            loading = self._actor.load.remote()
        remark = self._told(loading)
        self.is_loaded = True
        return str(remark)

    def ask(self, question: bytes, seconds: float | None) -> Any:
        """See `Worker.ask`."""
        return self._told(self._actor.ask.remote(question, seconds))

    def kill(self) -> None:
        """End it with its process, whatever it does."""
        with self._change:
            self._is_killed = True
            import_ray().kill(self._actor)

    def close(self) -> None:
        """End it."""
        self.kill()

    def _told(self, reference: Any) -> Any:
        from ray.exceptions import RayError

        try:
            answer, ended, failure = import_ray().get(reference)
        except RayError as error:
            raise EndedError("was lost with its node, or killed", None) from error
        if ended is not None:
            raise EndedError(*ended)
        if failure is not None:
            raise raised(*failure)
        return answer


class _Actor:
    """A worker process on a node, which the actor's process starts and asks. It never decodes a photo itself."""

    def __init__(self, model: Model, threads: int, provider: str, shared: Sequence[Path]) -> None:
        self._shared = shared
        self._worker = Worker(model, threads, provider)

    def load(self) -> tuple[Any, Any, Any]:
        """What `Worker.load` gives or raises."""
        for path in self._shared:
            if not path.exists():
                told = f"{path}: a node of the cluster does not see it; all nodes must share it"
                return None, None, (StartError.__name__, told)
        return _outcome(self._worker.load)

    def ask(self, question: bytes, seconds: float | None) -> tuple[Any, Any, Any]:
        """What `Worker.ask` gives or raises."""
        return _outcome(lambda: self._worker.ask(question, seconds))


def _outcome(act: Callable[[], Any]) -> tuple[Any, Any, Any]:
    """An answer; or how the worker ended; or the name and text of an error. Exceptions of ours cannot be pickled."""
    try:
        return act(), None, None
    except EndedError as ended:
        return None, (str(ended), ended.overdue), None
    except Exception as error:
        return None, None, (type(error).__name__, str(error))

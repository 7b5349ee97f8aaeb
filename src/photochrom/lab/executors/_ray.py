"""Trainings as tasks on a Ray cluster.

Plain tasks with retries, not Ray Tune: Tune would bring a search, checkpoints, stopping rules and a ledger of its own.
The run folder is all of that already, so the same search runs here and there.
"""

import logging
import os
import socket
from pathlib import Path
from types import TracebackType
from typing import Any

from photochrom.errors import ConfigError, PhotochromError
from photochrom.lab.executors._job import TrainingJob, TrainingOutcome
from photochrom.lab.tracking import fit_tracked
from photochrom.lab.training import RunFolder, TrainingConfig

_CONNECT_SECONDS = 5.0
_RETRIES = 3
"""How often Ray starts a task again whose process or node died."""


class RayExecutor:
    """A Ray task for each training.

    All nodes must see the folder of the runs at the same path: there lies what a training resumes from, when Ray starts
    it again on another node.

    Args:
        slots: Tasks at a time; 0 for as many as the cluster has room for.
        device: See `photochrom.lab.training.fit`.
        address: Of a cluster, such as `10.0.0.1:6379`, or `auto` for the one that this machine is part of; empty to
            start one on this machine.
        cpus: Cores of each training, which are also its threads.
        gpus: GPUs of each training; a fraction lets several share one.
        mlflow: See `fit_tracked`; all nodes must reach it.
    """

    def __init__(
        self,
        slots: int = 0,
        device: str = "auto",
        address: str = "",
        cpus: int = 1,
        gpus: float = 0,
        mlflow: str = "",
    ) -> None:
        self._wanted_slots = slots
        self._device = device
        self._mlflow = mlflow
        self._address = address
        self._resources = {"num_cpus": cpus, "num_gpus": gpus}
        self._working: dict[TrainingJob, Any] = {}
        self._is_owner = False

    @property
    def slots(self) -> int:
        """As many tasks as wanted, or as the cluster has room for now, which changes with its nodes."""
        if self._wanted_slots:
            return self._wanted_slots
        there = _ray().cluster_resources()
        room = [int(there.get("CPU", 0) / self._resources["num_cpus"])]
        if self._resources["num_gpus"]:
            room.append(int(there.get("GPU", 0) / self._resources["num_gpus"]))
        return max(1, *room)

    def __enter__(self) -> "RayExecutor":
        """Connect to the cluster, or start one.

        Raises:
            ConfigError: There is no cluster at the address.
        """
        ray = _ray()
        if ray.is_initialized():
            return self
        options = {"address": self._address} if self._address else {"address": "local", "include_dashboard": False}
        _require_reachable(self._address)
        try:
            ray.init(**options, logging_level=logging.ERROR, log_to_driver=False)
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ConfigError(f"no Ray cluster at {self._address or 'this machine'}: {reason}") from error
        self._is_owner = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all tasks and leave the cluster."""
        for job in list(self._working):
            self.stop(job)
        if self._is_owner:
            _ray().shutdown()

    def start(self, job: TrainingJob) -> None:
        """Hand a training to the cluster."""
        job.folder.path.mkdir(parents=True, exist_ok=True)
        task = _ray().remote(_train).options(**self._resources, max_retries=_RETRIES, name=job.name)
        options = {"device": self._device, "threads": self._resources["num_cpus"], "mlflow": self._mlflow}
        self._working[job] = task.remote(job.config.model_dump_json(), str(job.folder.path.resolve()), options)

    def stop(self, job: TrainingJob) -> None:
        """End a training with its process, and wait until it is over."""
        ray, reference = _ray(), self._working.pop(job)
        ray.cancel(reference, force=True)
        ray.wait([reference])

    def ended(self) -> list[TrainingOutcome]:
        """The trainings that ended since the last call."""
        if not self._working:
            return []
        references = {reference: job for job, reference in self._working.items()}
        ready, _ = _ray().wait(list(references), num_returns=len(references), timeout=0)
        return [self._outcome(references[reference]) for reference in ready]

    def _outcome(self, job: TrainingJob) -> TrainingOutcome:
        from ray.exceptions import RayError, RayTaskError

        try:
            error: str = _ray().get(self._working.pop(job))
        except RayTaskError as failed:  # what `_train` does not expect
            return TrainingOutcome(job, str(failed).strip().splitlines()[-1])
        except RayError as died:
            reason = next((line for line in str(died).splitlines() if line.strip()), type(died).__name__)
            return TrainingOutcome(job, f"lost by Ray ({reason.strip()})", has_died=True)
        if not error and not job.folder.is_finished():
            error = f"{job.folder.path}: trained on a node that does not see this folder; all nodes must share it"
        return TrainingOutcome(job, error)


def _require_reachable(address: str) -> None:
    """Check that somebody listens at HOST:PORT; Ray itself would try for minutes.

    Raises:
        ConfigError: Nobody does.
    """
    host, colon, port = address.rpartition(":")
    if not colon or "/" in host:  # auto, or ray://HOST:PORT
        return
    try:
        with socket.socket() as probe:
            probe.settimeout(_CONNECT_SECONDS)
            probe.connect((host, int(port)))
    except (OSError, ValueError, OverflowError) as error:
        raise ConfigError(f"no Ray cluster at {address}: {error}") from error


def _ray() -> Any:
    """Ray, with its usage reports switched off before it is imported."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    return ray


def _train(config: str, path: str, options: dict[str, Any]) -> str:
    """Train on a node of the cluster; gives the error, empty if there is none."""
    folder = Path(path)
    if not folder.is_dir():
        return f"{folder}: a node of the cluster does not see this folder; all nodes must share it"
    try:
        fit_tracked(TrainingConfig.model_validate_json(config), RunFolder(folder), **options)
    except (PhotochromError, OSError) as error:
        return str(error)
    return ""

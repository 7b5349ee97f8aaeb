"""Trainings as tasks on a Ray cluster.

Plain tasks with retries, not Ray Tune: Tune would bring a search, checkpoints, stopping rules and a ledger of its own.
The run folder is all of that already, so the same search runs here and there.
"""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from photochrom.cluster import connected, import_ray, room
from photochrom.errors import PhotochromError, reason_of
from photochrom.lab.executors._job import TrainingJob, TrainingOutcome
from photochrom.lab.tracking import fit_tracked
from photochrom.lab.training import RunFolder, TrainingConfig

_RETRIES = 3
"""How often Ray starts a task again whose process or node died."""


class RayExecutor:
    """A Ray task for each training.

    All nodes must see the folder of the runs at the same path: there lies what a training resumes from, when Ray starts
    it again on another node.

    That Ray is not installed is told when this is made, before there is anything on disk.

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
        import_ray()
        self._wanted_slots = slots
        self._device = device
        self._mlflow = mlflow
        self._address = address
        self._resources: dict[str, Any] = {"num_cpus": cpus, "num_gpus": gpus}
        self._working: dict[TrainingJob, Any] = {}
        self._on_exit = ExitStack()

    @property
    def slots(self) -> int:
        """As many tasks as wanted, or as the cluster has room for now, which changes with its nodes."""
        return self._wanted_slots or room(self._resources["num_cpus"], self._resources["num_gpus"])

    def __enter__(self) -> "RayExecutor":
        """Connect to the cluster, or start one.

        Raises:
            ConfigError: There is no cluster at the address.
        """
        self._on_exit.enter_context(connected(self._address))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all tasks and leave the cluster."""
        with self._on_exit:
            for job in list(self._working):
                self.stop(job)

    def start(self, job: TrainingJob) -> None:
        """Hand a training to the cluster."""
        job.folder.path.mkdir(parents=True, exist_ok=True)
        task = import_ray().remote(_train).options(**self._resources, max_retries=_RETRIES, name=job.name)
        options = {"device": self._device, "threads": self._resources["num_cpus"], "mlflow": self._mlflow}
        self._working[job] = task.remote(job.config.model_dump_json(), str(job.folder.path.resolve()), options)

    def stop(self, job: TrainingJob) -> None:
        """End a training with its process, and wait until it is over."""
        ray, reference = import_ray(), self._working.pop(job)
        ray.cancel(reference, force=True)
        ray.wait([reference])

    def ended(self) -> list[TrainingOutcome]:
        """The trainings that ended since the last call."""
        if not self._working:
            return []
        references = {reference: job for job, reference in self._working.items()}
        ready, _ = import_ray().wait(list(references), num_returns=len(references), timeout=0)
        return [self._outcome(references[reference]) for reference in ready]

    def _outcome(self, job: TrainingJob) -> TrainingOutcome:
        from ray.exceptions import RayError, RayTaskError

        try:
            error: str = import_ray().get(self._working.pop(job))
        except RayTaskError as failed:  # what `_train` does not expect
            return TrainingOutcome(job, str(failed).strip().splitlines()[-1])
        except RayError as died:
            return TrainingOutcome(job, f"lost by Ray ({reason_of(died)})", has_died=True)
        if not error and not job.folder.is_finished():
            error = f"{job.folder.path}: trained on a node that does not see this folder; all nodes must share it"
        return TrainingOutcome(job, error)


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

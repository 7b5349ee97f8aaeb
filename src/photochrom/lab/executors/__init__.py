"""Where trainings run: processes on this machine, or the nodes of a Ray cluster."""

from photochrom.lab.executors._job import (
    POLL_SECONDS,
    Executor,
    ProgressCallback,
    TrainingJob,
    TrainingOutcome,
    run_jobs,
)
from photochrom.lab.executors._local import LocalExecutor
from photochrom.lab.executors._ray import RayExecutor

__all__ = [
    "POLL_SECONDS",
    "Executor",
    "LocalExecutor",
    "ProgressCallback",
    "RayExecutor",
    "TrainingJob",
    "TrainingOutcome",
    "run_jobs",
]

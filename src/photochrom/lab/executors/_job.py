"""A training to run, its end, what runs it, and the queue of many."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from photochrom.lab.training import RunFolder, TrainingConfig

POLL_SECONDS = 0.2


@dataclass(frozen=True, eq=False)
class TrainingJob:
    """One training: what to train and where.

    Attributes:
        name: Also its path in the folder of all runs, such as `experiment/run-seed-N`.
        config: Its settings.
        folder: Its folder.
    """

    name: str
    config: TrainingConfig
    folder: RunFolder


@dataclass(frozen=True)
class TrainingOutcome:
    """The end of a job.

    Attributes:
        job: The job.
        error: One line; empty if it succeeded.
        has_died: Whether its process was killed, so that starting it again may succeed.
    """

    job: TrainingJob
    error: str = ""
    has_died: bool = False


ProgressCallback = Callable[[Sequence[TrainingJob], Sequence[TrainingOutcome]], None]
"""Called with the running jobs and the outcomes so far."""


class Executor(Protocol):
    """Trains jobs outside this process; a context manager that ends what still runs when it is left.

    Every executor calls `photochrom.lab.training.fit` on the job's folder, so a job that was interrupted resumes, and
    the same settings give the same figures everywhere.
    """

    @property
    def slots(self) -> int:
        """How many jobs to start at a time."""

    def start(self, job: TrainingJob) -> None:
        """Begin a job, or go on with it; returns at once."""

    def stop(self, job: TrainingJob) -> None:
        """End a job that was started; it has no outcome afterwards."""

    def ended(self) -> list[TrainingOutcome]:
        """The jobs that ended since the last call; does not wait."""

    def __enter__(self) -> "Executor":
        """Get ready to start jobs."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """End all jobs."""


def run_jobs(
    jobs: Sequence[TrainingJob], executor: Executor, on_progress: ProgressCallback | None = None
) -> list[TrainingOutcome]:
    """Train the jobs that are not finished, several at a time.

    Args:
        jobs: The jobs in order; finished ones are skipped, interrupted ones are resumed.
        executor: What trains them.
        on_progress: Called a few times a second.

    Returns:
        One outcome for each job.
    """
    outcomes = [TrainingOutcome(job) for job in jobs if job.folder.is_finished()]
    waiting = [job for job in jobs if not job.folder.is_finished()]
    working: list[TrainingJob] = []
    with executor:
        while waiting or working:
            while waiting and len(working) < executor.slots:
                working.append(waiting.pop(0))
                executor.start(working[-1])
            for outcome in executor.ended():
                outcomes.append(outcome)
                working.remove(outcome.job)
            if on_progress is not None:
                on_progress(working, outcomes)
            time.sleep(POLL_SECONDS)
    return outcomes

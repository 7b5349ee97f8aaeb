"""Many trainings side by side, each in its own process, so that a crash ends only one."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from photochrom.errors import ConfigError
from photochrom.files import write_whole
from photochrom.lab import models
from photochrom.lab.datasets import open_dataset
from photochrom.lab.experiments._catalogue import get_experiment, of_the_study
from photochrom.lab.experiments._experiment import Run
from photochrom.lab.training import RunFolder, TrainingConfig

_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class TrainingJob:
    """One run of an experiment with one seed.

    Attributes:
        name: `experiment/run-seed-N`, also its path in the folder of all runs.
    """

    name: str
    config: TrainingConfig
    folder: RunFolder


@dataclass(frozen=True)
class TrainingOutcome:
    """The end of a job; `error` is empty if it succeeded."""

    job: TrainingJob
    error: str = ""


def plan(words: Sequence[str], seeds: int, runs: Path, data: str = "auto") -> list[TrainingJob]:
    """The jobs of some experiments, ordered by seed and then by size, the largest network first.

    Args:
        words: Names of experiments, or `all` for those of the study; and settings to change in every run, as
            `NAME=VALUE`.
        data: A data set for the runs that do not name their own.

    Raises:
        ConfigError: No experiment is named, or an experiment or a setting does not exist, or a run with other settings
            lies in a job's folder.
        DataError: The pictures are not at hand.
    """
    names, assignments = _names_and_assignments(words)
    common = open_dataset(data)

    def data_of(run: Run) -> str:
        dataset = common if run.config.data == "auto" else open_dataset(run.config.data)
        dataset.require_at_hand()
        return dataset.name

    def job_of(name: str, run: Run, seed: int) -> TrainingJob:
        key = f"{name}/{run.name}-seed-{seed}"
        config = run.config.varied(data=data_of(run), seed=seed).assigned(assignments)
        return TrainingJob(key, config, RunFolder(runs / key))

    jobs: list[TrainingJob] = []
    for seed in range(seeds):
        of_seed = [job_of(name, run, seed) for name in names for run in get_experiment(name).runs]
        # Long jobs first, so that all cores are busy until the end.
        jobs += sorted(of_seed, key=_parameter_count, reverse=True)
    for job in jobs:
        job.folder.require_same_settings(job.config)
    return jobs


def _names_and_assignments(words: Sequence[str]) -> tuple[list[str], list[str]]:
    assignments = [word for word in words if "=" in word]
    for name in ("data", "seed"):
        if any(assignment.startswith(f"{name}=") for assignment in assignments):
            raise ConfigError(f"{name} is set for all runs by an option of its own: see --help")
    names = list(dict.fromkeys(word for word in words if "=" not in word))
    if not names:
        raise ConfigError("name an experiment, or all; 'photochrom experiment list' lists them")
    return of_the_study() if "all" in names else names, assignments


def _parameter_count(job: TrainingJob) -> int:
    return models.create(job.config.model, job.config.hyperparameters).parameter_count()


def run_jobs(
    jobs: Sequence[TrainingJob],
    parallel: int,
    device: str = "auto",
    on_progress: Callable[[Sequence[TrainingJob], Sequence[TrainingOutcome]], None] | None = None,
) -> list[TrainingOutcome]:
    """Train the jobs that are not finished, several at a time.

    Args:
        jobs: The jobs in order; finished ones are skipped, interrupted ones are resumed.
        on_progress: Called about twice a second with the running jobs and the outcomes so far.

    Returns:
        One outcome for each job. The output of a failed job is in `log.txt` in its folder.
    """
    outcomes = [TrainingOutcome(job) for job in jobs if job.folder.is_finished()]
    waiting = [job for job in jobs if not job.folder.is_finished()]
    working: dict[subprocess.Popen[bytes], TrainingJob] = {}
    handled = signal.signal(signal.SIGTERM, _raise_exit)
    try:
        while waiting or working:
            while waiting and len(working) < parallel:
                job = waiting.pop(0)
                working[_start(job, device)] = job
            ended = [process for process in working if process.poll() is not None]
            outcomes += [_outcome(working.pop(process), process.returncode) for process in ended]
            if on_progress is not None:
                on_progress(list(working.values()), outcomes)
            time.sleep(_POLL_SECONDS)
    finally:
        for process in working:
            process.terminate()
        for process in working:
            process.wait()
        signal.signal(signal.SIGTERM, handled)
    return outcomes


def _raise_exit(signal_number: int, _: object) -> None:
    """Turn a request to end into an exception, so that `finally` ends the trainings."""
    sys.exit(128 + signal_number)


def _start(job: TrainingJob, device: str) -> subprocess.Popen[bytes]:
    config_file = job.folder.path / "requested.json"
    write_whole(config_file, job.config.model_dump_json(indent=2) + "\n")
    command = [sys.executable, "-m", "photochrom.cli", "train", "--config", str(config_file)]
    command += ["--run", str(job.folder.path), "--device", device, "--quiet", "--end-with-parent"]
    with (job.folder.path / "log.txt").open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - our own command
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )


def _outcome(job: TrainingJob, status: int) -> TrainingOutcome:
    if status == 0 and job.folder.is_finished():
        return TrainingOutcome(job)
    log = (job.folder.path / "log.txt").read_text(errors="replace").strip().splitlines()
    if status < 0:
        return TrainingOutcome(job, f"killed by signal {-status}; the same command goes on where it was")
    return TrainingOutcome(job, log[-1] if log else f"ended with status {status}")

"""The trainings that experiments ask for."""

from collections.abc import Sequence
from pathlib import Path

from photochrom.errors import ConfigError
from photochrom.lab import models
from photochrom.lab.datasets import open_dataset
from photochrom.lab.executors import TrainingJob
from photochrom.lab.experiments._catalogue import get_experiment, of_the_study
from photochrom.lab.experiments._experiment import Run
from photochrom.lab.training import RunFolder


def plan(words: Sequence[str], seeds: int, runs: Path, data: str = "auto") -> list[TrainingJob]:
    """The jobs of some experiments, ordered by seed and then by size, the largest network first.

    Args:
        words: Names or YAML files of experiments, or `all` for those of the study; and settings to change in every
            run, as `NAME=VALUE`.
        seeds: The number of seeds of each run, from the experiment's first on.
        data: A data set for the runs that do not name their own.

    Returns:
        All jobs, including finished ones.

    Raises:
        ConfigError: No experiment is named, or an experiment or a setting does not exist, or two runs would lie in one
            folder, or a run with other settings lies in a job's folder.
        DataError: The pictures are not at hand.
    """
    names, assignments = _names_and_assignments(words)
    common = open_dataset(data)

    def data_of(run: Run) -> str:
        dataset = common if run.config.data == "auto" else open_dataset(run.config.data)
        dataset.require_at_hand()
        return dataset.name

    def job_of(name: str, run: Run, seed: int) -> TrainingJob:
        key = f"{Path(name).stem}/{run.name}-seed-{seed}"
        config = run.config.varied(data=data_of(run), seed=seed).assigned(assignments)
        return TrainingJob(key, config, RunFolder(runs / key))

    jobs: list[TrainingJob] = []
    experiments = {name: get_experiment(name) for name in names}
    for place in range(seeds):
        of_seed = [job_of(name, run, one.first_seed + place) for name, one in experiments.items() for run in one.runs]
        # Long jobs first, so that all cores are busy until the end.
        jobs += sorted(of_seed, key=_parameter_count, reverse=True)
    _require_folders_apart(jobs)
    for job in jobs:
        job.folder.require_same_settings(job.config)
    return jobs


def _names_and_assignments(words: Sequence[str]) -> tuple[list[str], list[str]]:
    assignments = [word for word in words if "=" in word]
    for name in ("data", "seed"):
        if any(assignment.startswith(f"{name}=") for assignment in assignments):
            raise ConfigError(f"{name} is set for all runs by an option of its own: see --help")
    named = [word for word in words if "=" not in word]
    if not named:
        raise ConfigError("name an experiment, or all; 'photochrom experiment list' lists them")
    names = [name for word in named for name in (of_the_study() if word == "all" else [word])]
    return list(dict.fromkeys(names)), assignments


def _require_folders_apart(jobs: Sequence[TrainingJob]) -> None:
    seen: set[str] = set()
    for job in jobs:
        if job.name in seen:
            raise ConfigError(f"{job.folder.path}: two experiments have this folder; rename one, or name it only once")
        seen.add(job.name)


def _parameter_count(job: TrainingJob) -> int:
    return models.create(job.config.model, job.config.hyperparameters).parameter_count()

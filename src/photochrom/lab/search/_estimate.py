"""What a search would try, and how long it would take."""

import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

from photochrom.lab import models
from photochrom.lab.executors import TrainingJob
from photochrom.lab.search._plan import SearchPlan
from photochrom.lab.search._rules import STARTUP_TRIALS, get_sampler
from photochrom.lab.training import RunFolder, TrainingConfig, fit


@dataclass(frozen=True)
class Estimate:
    """What a search would try.

    Attributes:
        values: The values of the first trials, by name; those of later trials depend on results.
        epoch_seconds: What one epoch took, of the trial whose number of parameters is the median.
        measured: The number of that trial.
        longest_seconds: What all trials take one after the other, if no rule ends any early.
    """

    values: list[dict[str, Any]]
    epoch_seconds: float
    measured: int
    longest_seconds: float


def estimated(plan: SearchPlan, device: str = "auto") -> Estimate:
    """The first trials of a search, and its time from one epoch that is trained now; nothing is kept.

    Raises:
        ConfigError: The plan is wrong.
        DataError: The pictures cannot be read.
    """
    plan.check()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=get_sampler(plan.sampler, plan.space, plan.seed), direction=plan.direction)
    count = min(plan.trials, STARTUP_TRIALS) if plan.sampler == "tpe" else plan.trials
    values = [plan.space.suggested(study.ask()) for _ in range(count)]
    jobs = [plan.job(number, chosen) for number, chosen in enumerate(values)]
    middle = statistics.median_low([_parameters(job) for job in jobs])
    measured = next(number for number, job in enumerate(jobs) if _parameters(job) == middle)
    seconds = _epoch_seconds(jobs[measured].config, device)
    return Estimate(values, seconds, measured, seconds * plan.base.max_epochs * plan.trials)


def _parameters(job: TrainingJob) -> int:
    return models.create(job.config.model, job.config.hyperparameters).parameter_count()


def _epoch_seconds(config: TrainingConfig, device: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        return fit(config.varied(max_epochs=1), RunFolder(Path(folder)), device=device).seconds

"""Catalogue: one experiment per file."""

from photochrom.lab.experiments._catalogue import available, base_config, get_experiment, get_run, of_the_study
from photochrom.lab.experiments._experiment import Experiment, Published, Run
from photochrom.lab.experiments._runner import TrainingJob, TrainingOutcome, plan, run_jobs

__all__ = [
    "Experiment",
    "Published",
    "Run",
    "TrainingJob",
    "TrainingOutcome",
    "available",
    "base_config",
    "get_experiment",
    "get_run",
    "of_the_study",
    "plan",
    "run_jobs",
]

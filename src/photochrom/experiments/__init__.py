"""Catalogue: one question of the study per file."""

from photochrom.experiments._catalogue import available, base_config, get_experiment, get_run, register
from photochrom.experiments._experiment import BASELINE, PREFERENCE, Experiment, Published, Run
from photochrom.experiments._runner import Job, Outcome, plan, run_jobs

__all__ = [
    "BASELINE",
    "PREFERENCE",
    "Experiment",
    "Job",
    "Outcome",
    "Published",
    "Run",
    "available",
    "base_config",
    "get_experiment",
    "get_run",
    "plan",
    "register",
    "run_jobs",
]

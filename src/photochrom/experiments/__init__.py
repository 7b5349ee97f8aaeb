"""Catalogue: one question of the study per file."""

from photochrom.experiments._catalogue import available, get_experiment, get_run, register
from photochrom.experiments._experiment import Experiment, Published, Run
from photochrom.experiments._runner import Job, Outcome, plan, run_jobs

__all__ = [
    "Experiment",
    "Job",
    "Outcome",
    "Published",
    "Run",
    "available",
    "get_experiment",
    "get_run",
    "plan",
    "register",
    "run_jobs",
]

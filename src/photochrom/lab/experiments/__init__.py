"""Catalogue: one experiment per file."""

from photochrom.lab.experiments._catalogue import available, base_config, get_experiment, get_run, of_the_study
from photochrom.lab.experiments._experiment import Experiment, Published, Run
from photochrom.lab.experiments._plan import plan

__all__ = [
    "Experiment",
    "Published",
    "Run",
    "available",
    "base_config",
    "get_experiment",
    "get_run",
    "of_the_study",
    "plan",
]

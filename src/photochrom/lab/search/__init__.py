"""Searches: many trainings whose settings Optuna chooses."""

from photochrom.lab.search._estimate import Estimate, estimated
from photochrom.lab.search._plan import OBJECTIVES, SearchPlan
from photochrom.lab.search._results import SearchResults, experiment_file, results_of, write_results
from photochrom.lab.search._rules import PRUNERS, SAMPLERS
from photochrom.lab.search._search import Search
from photochrom.lab.search._space import Range, Space, read_space

__all__ = [
    "OBJECTIVES",
    "PRUNERS",
    "SAMPLERS",
    "Estimate",
    "Range",
    "Search",
    "SearchPlan",
    "SearchResults",
    "Space",
    "estimated",
    "experiment_file",
    "read_space",
    "results_of",
    "write_results",
]

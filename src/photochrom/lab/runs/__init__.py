"""Finished runs: their figures over seeds, the difference between two, and curves."""

from photochrom.lab.runs._difference import Difference, Spread, difference_between, pooled_spread
from photochrom.lab.runs._drawing import STYLE, TRAINING_COLOR, VALIDATION_COLOR, compared_curves, draw_course, svg
from photochrom.lab.runs._results import Measured, SeedGroup, SeedResult, find_group, find_groups

__all__ = [
    "STYLE",
    "TRAINING_COLOR",
    "VALIDATION_COLOR",
    "Difference",
    "Measured",
    "SeedGroup",
    "SeedResult",
    "Spread",
    "compared_curves",
    "difference_between",
    "draw_course",
    "find_group",
    "find_groups",
    "pooled_spread",
    "svg",
]

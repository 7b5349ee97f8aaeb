"""Catalogue: one source of gray/color pairs per file."""

from photochrom.datasets._catalogue import available, open_dataset, open_split
from photochrom.datasets._check import CheckReport, check
from photochrom.datasets._pairs import SPLITS, Dataset, Pairs, ProgressCallback, Split, pairs_from_color

__all__ = [
    "SPLITS",
    "CheckReport",
    "Dataset",
    "Pairs",
    "ProgressCallback",
    "Split",
    "available",
    "check",
    "open_dataset",
    "open_split",
    "pairs_from_color",
]

"""Catalogue: one source of gray/colour pairs per file."""

from photochrom.datasets._catalogue import available, open_dataset, open_split, register
from photochrom.datasets._check import CheckReport, check
from photochrom.datasets._pairs import SPLITS, Dataset, Pairs, ProgressCallback, Split

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
    "register",
]

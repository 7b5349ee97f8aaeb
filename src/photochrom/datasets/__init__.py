"""Catalogue: one source of gray/colour pairs per file."""

from photochrom.datasets._catalogue import available, open_dataset, register
from photochrom.datasets._pairs import SPLITS, Dataset, Pairs, Split

__all__ = ["SPLITS", "Dataset", "Pairs", "Split", "available", "open_dataset", "register"]

"""Catalogue: one source of gray/color pairs per file."""

from photochrom.lab.datasets._add import add
from photochrom.lab.datasets._catalogue import available, describe, open_dataset
from photochrom.lab.datasets._check import CheckReport, check
from photochrom.lab.datasets._packed import Packed, pack
from photochrom.lab.datasets._pairs import SPLITS, UNLABELED, Dataset, Pairs, ProgressCallback, Split, pairs_from_color
from photochrom.lab.datasets._pictures import is_gray, read_rgb
from photochrom.lab.datasets._published import Addition, PictureCollection

__all__ = [
    "SPLITS",
    "UNLABELED",
    "Addition",
    "CheckReport",
    "Dataset",
    "Packed",
    "Pairs",
    "PictureCollection",
    "ProgressCallback",
    "Split",
    "add",
    "available",
    "check",
    "describe",
    "is_gray",
    "open_dataset",
    "pack",
    "pairs_from_color",
    "read_rgb",
]

"""A check of a data set before training."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from photochrom.errors import DataError
from photochrom.lab.datasets._near_duplicates import near_duplicates
from photochrom.lab.datasets._pairs import SPLITS, Dataset, Pairs

_GRAY_SPREAD = 3
"""A color picture counts as gray if the channels of no pixel differ by more; JPEG alone can make this difference."""


@dataclass(frozen=True)
class CheckReport:
    """What a check of every picture of a data set found.

    Attributes:
        splits: The pairs of each split that exists.
        missing: The reason why a split could not be read, by its name.
        gray: Names of color pictures without any color, by split.
        duplicates: Groups of names whose gray pictures are identical, across and within splits.
        near_duplicates: Pairs of names: a training picture, and one of another split that is nearly the same.
    """

    splits: dict[str, Pairs]
    missing: dict[str, str]
    gray: dict[str, list[str]]
    duplicates: list[list[str]]
    near_duplicates: list[list[str]]

    def rows(self) -> list[tuple[str, int, str, int, int]]:
        """One row for each split: name, pictures, size, gray pictures, and files left out."""
        return [
            (name, len(pairs), pairs.size, len(self.gray[name]), len(pairs.left_out))
            for name, pairs in self.splits.items()
        ]

    def remarks(self) -> list[str]:
        """One line for each finding; files left out were reported when they were read."""
        lines = [f"{name}: {reason}" for name, reason in self.missing.items()]
        lines += [f"gray: {', '.join(names)}" for names in self.gray.values() if names]
        lines += [f"the same picture: {', '.join(names)}" for names in self.duplicates]
        return lines + [f"nearly the same picture: {', '.join(names)}" for names in self.near_duplicates]


def check(dataset: Dataset) -> CheckReport:
    """Check every picture of a data set."""
    splits: dict[str, Pairs] = {}
    missing: dict[str, str] = {}
    for name in SPLITS:
        try:
            splits[name] = dataset.split(name)
        except DataError as error:
            missing[name] = str(error)
    if not splits:
        raise DataError(next(iter(missing.values())))
    return CheckReport(
        splits=splits,
        missing=missing,
        gray={name: _gray_pictures(pairs) for name, pairs in splits.items()},
        duplicates=_duplicates(splits),
        near_duplicates=_near_duplicates(splits),
    )


def _gray_pictures(pairs: Pairs) -> list[str]:
    if pairs.color is None:
        return []
    spread = pairs.color.max(axis=3) - pairs.color.min(axis=3)
    return [pairs.names[place] for place in np.flatnonzero(spread.max(axis=(1, 2)) <= _GRAY_SPREAD)]


def _duplicates(splits: dict[str, Pairs]) -> list[list[str]]:
    same: defaultdict[bytes, list[str]] = defaultdict(list)
    for pairs in splits.values():
        for name, gray in zip(pairs.names, pairs.gray, strict=True):
            same[hashlib.sha256(gray.tobytes()).digest()].append(name)
    return [names for names in same.values() if len(names) > 1]


def _near_duplicates(splits: dict[str, Pairs]) -> list[list[str]]:
    """Pairs between `train` and each other split, without identical ones, which are duplicates."""
    train = splits.get("train")
    return [
        [train.names[ours], pairs.names[theirs]]
        for name, pairs in splits.items()
        if train is not None and name != "train"
        for ours, theirs in near_duplicates(train.gray, pairs.gray).items()
        if not np.array_equal(train.gray[ours], pairs.gray[theirs])
    ]

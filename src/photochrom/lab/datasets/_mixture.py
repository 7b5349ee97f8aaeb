"""Several data sets as one to learn from."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from photochrom.errors import ConfigError, DataError
from photochrom.lab.datasets._near_duplicates import without_near_duplicates
from photochrom.lab.datasets._pairs import (
    UNLABELED,
    Dataset,
    Pairs,
    ProgressCallback,
    Split,
    kept_back_of,
    require_split,
)

__all__ = ["Mixture"]


class Mixture(Dataset):
    """The training pictures of all parts, scored on those that the first part keeps back.

    Pictures of the later parts that are nearly the same as one of the first part's `val` or `test` are left out of
    `train`, so that nothing is scored that was learnt. Names of the later parts' pictures begin with their part's.

    Args:
        parts: Data sets whose pictures have one size.
        times: How often each part's pictures stand in `train`, so that a small set counts beside a large one; once
            each if not given. The first part's stand there once.

    Raises:
        ConfigError: A part is named twice, or is to stand there less than once, or the first more than once.
    """

    def __init__(self, parts: Sequence[Dataset], times: Sequence[int] | None = None) -> None:
        self.parts = tuple(parts)
        self.times = tuple(times or (1,) * len(parts))
        if len({part.name for part in parts}) < len(parts):
            raise ConfigError(f"{self.name}: names one data set twice")
        if self.times[0] != 1 or min(self.times) < 1:
            raise ConfigError(f"{self.name}: the first data set counts once, later ones at least once")

    @property
    def name(self) -> str:
        """The names of the parts, joined as `open_dataset` reads them."""
        factors = (f"{times}*" if times > 1 else "" for times in self.times)
        return "+".join(f"{factor}{part.name}" for factor, part in zip(factors, self.parts, strict=True))

    def require_at_hand(self) -> None:
        """See that all parts can be read without a download.

        Raises:
            DataError: One cannot.
        """
        for part in self.parts:
            part.require_at_hand()

    def prepare(self, progress: ProgressCallback | None = None) -> None:
        """Prepare every part."""
        for part in self.parts:
            part.prepare(progress)

    def split(self, split: Split) -> Pairs:
        """For `train` the pairs of all parts, one part after the other; else those of the first part alone.

        Raises:
            DataError: A part cannot be read, or the parts' pictures differ in size.
        """
        require_split(split)
        first, *others = self.parts
        if split != "train":
            return first.split(split)
        learnt, kept_back = [first.split("train")], kept_back_of(first)
        for part, times in zip(others, self.times[1:], strict=True):
            fresh = _fresh(part, first.name, kept_back)
            learnt += [fresh, *[replace(fresh, left_out=())] * (times - 1)]
        return _one_after_the_other(learnt)

    def scored_part(self) -> Dataset:
        """The first part."""
        return self.parts[0]

    def fingerprint(self) -> dict[str, Any]:
        """The name, and the fingerprints of the parts."""
        return {"name": self.name, "parts": [part.fingerprint() for part in self.parts]}


def _fresh(part: Dataset, first: str, kept_back: Pairs) -> Pairs:
    """What a part has to learn from and the first part does not keep back, named after the part."""
    pairs = part.split("train")
    ours, theirs = _size(pairs), _size(kept_back)
    if ours != theirs:
        raise DataError(f"a mixture needs pictures of one size, but {first} has {theirs} and {part.name} has {ours}")
    named = replace(pairs, names=tuple(f"{part.name}/{name}" for name in pairs.names))
    return without_near_duplicates(named, kept_back)


def _size(pairs: Pairs) -> str:
    return "x".join(map(str, reversed(pairs.gray.shape[1:])))


def _one_after_the_other(parts: Sequence[Pairs]) -> Pairs:
    labels = tuple(label for pairs in parts for label in pairs.labels or (UNLABELED,) * len(pairs))
    return Pairs(
        names=tuple(name for pairs in parts for name in pairs.names),
        gray=np.concatenate([pairs.gray for pairs in parts]),
        color=np.concatenate([pairs.truth for pairs in parts]),
        left_out=tuple(line for pairs in parts for line in pairs.left_out),
        labels=labels if any(pairs.labels for pairs in parts) else None,
    )

"""Several data sets as one to learn from."""

import hashlib
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

    Pictures of the later parts that are nearly the same as one of any part's `val` or `test` are left out of `train`,
    so that no part is scored on what was learnt. Names of the later parts' pictures begin with their part's.

    Args:
        parts: Data sets whose pictures have one size.
        times: How often each part's pictures stand in `train`, so that a small set counts beside a large one; once
            each if not given. Below 1 it is the share of the pictures that stand there at all, chosen by their names.
            The first part's stand there once.

    Raises:
        ConfigError: A part is named twice or has a factor that is neither whole nor a share, or the first has one.
    """

    def __init__(self, parts: Sequence[Dataset], times: Sequence[float] | None = None) -> None:
        self.parts = tuple(parts)
        self.times = tuple(times or (1,) * len(parts))
        if len({part.name for part in parts}) < len(parts):
            raise ConfigError(f"{self.name}: names one data set twice")
        if self.times[0] != 1 or not all(map(_is_factor, self.times)):
            raise ConfigError(
                f"{self.name}: the first data set counts once; later ones a whole number or a share below 1"
            )

    @property
    def name(self) -> str:
        """The names of the parts, joined as `open_dataset` reads them."""
        factors = (f"{times:g}*" if times != 1 else "" for times in self.times)
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
        learnt, kept_back = [first.split("train")], [kept_back_of(part) for part in self.parts]
        for part, times in zip(others, self.times[1:], strict=True):
            fresh = _share(_fresh(part, first.name, kept_back), times)
            learnt += [fresh, *[replace(fresh, left_out=())] * (int(times) - 1)]
        return _one_after_the_other(learnt)

    def scored_part(self) -> Dataset:
        """The first part."""
        return self.parts[0]

    def fingerprint(self) -> dict[str, Any]:
        """The name, and the fingerprints of the parts."""
        return {"name": self.name, "parts": [part.fingerprint() for part in self.parts]}


def _is_factor(times: float) -> bool:
    return 0 < times < 1 or (times >= 1 and times == int(times))


def _fresh(part: Dataset, first: str, kept_back: Sequence[Pairs]) -> Pairs:
    """What a part has to learn from and no part keeps back, named after the part; `kept_back` begins with the first."""
    pairs = part.split("train")
    ours, theirs = _size(pairs), _size(kept_back[0])
    if ours != theirs:
        raise DataError(f"a mixture needs pictures of one size, but {first} has {theirs} and {part.name} has {ours}")
    named = replace(pairs, names=tuple(f"{part.name}/{name}" for name in pairs.names))
    for others in kept_back:
        named = without_near_duplicates(named, others)
    return named


def _share(pairs: Pairs, share: float) -> Pairs:
    """The pictures whose names fall into a share of all names; all of them from 1 on."""
    if share >= 1:
        return pairs
    chosen = [place for place, name in enumerate(pairs.names) if _place_of(name) < share]
    return replace(pairs.take(chosen), left_out=pairs.left_out)


def _place_of(name: str) -> float:
    """A number from 0 to 1 that a name stands for, spread evenly; of another kind than the one that splits use."""
    return int.from_bytes(hashlib.sha256(f"share of {name}".encode()).digest()[:8], "big") / 2**64


def _size(pairs: Pairs) -> str:
    return "x".join(map(str, reversed(pairs.gray.shape[1:])))


def _one_after_the_other(parts: Sequence[Pairs]) -> Pairs:
    labels = tuple(label for pairs in parts for label in pairs.labels or (UNLABELED,) * len(pairs))
    squares = np.ones(max(map(len, parts)), dtype=np.float32)
    aspects = [squares[: len(pairs)] if pairs.aspects is None else pairs.aspects for pairs in parts]
    return Pairs(
        names=tuple(name for pairs in parts for name in pairs.names),
        gray=np.concatenate([pairs.gray for pairs in parts]),
        color=np.concatenate([pairs.truth for pairs in parts]),
        left_out=tuple(line for pairs in parts for line in pairs.left_out),
        labels=labels if any(pairs.labels for pairs in parts) else None,
        aspects=np.concatenate(aspects) if any(pairs.aspects is not None for pairs in parts) else None,
    )

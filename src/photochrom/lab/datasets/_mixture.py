"""Several data sets mixed into one."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
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
    hash_fraction,
    kept_back_of,
    require_split,
)


class Mixture(Dataset):
    """The training pictures of all parts, with the validation and test pictures of the first part.

    Training pictures of the later parts that are nearly the same as one of any part's `val` or `test` are left out, so
    no part is scored on pictures that were trained on. The names of the later parts' pictures begin with the part's.

    Args:
        parts: Data sets whose pictures have the same size.
        times: How often each part's pictures are in `train`, so that a small set counts beside a large one; once if not
            given. A factor below 1 takes that share of the pictures, chosen by their names. The first factor must be 1.
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
        """Check that all parts can be read without a download."""
        for part in self.parts:
            part.require_at_hand()

    def prepare(self, progress: ProgressCallback | None = None) -> None:
        """Prepare every part."""
        for part in self.parts:
            part.prepare(progress)

    def split(self, split: Split) -> Pairs:
        """The pairs of all parts, one part after the other, for `train`; else those of the first part."""
        require_split(split)
        first, *others = self.parts
        if split != "train":
            return first.split(split)
        trained, kept_back = [first.split("train")], [kept_back_of(part) for part in self.parts]
        for part, times in zip(others, self.times[1:], strict=True):
            fresh = _share(_fresh(part, first.name, kept_back), times)
            trained += [fresh, *[replace(fresh, left_out=())] * (int(times) - 1)]
        return _one_after_the_other(trained)

    def folders(self) -> list[Path]:
        """Those of all parts."""
        return [folder for part in self.parts for folder in part.folders()]

    def scored_part(self) -> Dataset:
        """The first part."""
        return self.parts[0]

    def fingerprint(self) -> dict[str, Any]:
        """The name, and the fingerprints of the parts."""
        return {"name": self.name, "parts": [part.fingerprint() for part in self.parts]}


def _is_factor(times: float) -> bool:
    return 0 < times < 1 or (times >= 1 and times == int(times))


def _fresh(part: Dataset, first: str, kept_back: Sequence[Pairs]) -> Pairs:
    """The training pairs of a part without near-duplicates of `kept_back`; their names begin with the part's."""
    pairs = part.split("train")
    ours, size = pairs.size, kept_back[0].size
    if ours != size:
        raise DataError(f"a mixture needs pictures of one size, but {first} has {size} and {part.name} has {ours}")
    named = replace(pairs, names=tuple(f"{part.name}/{name}" for name in pairs.names))
    for others in kept_back:
        named = without_near_duplicates(named, others)
    return named


def _share(pairs: Pairs, share: float) -> Pairs:
    """A share of the pictures, chosen by their names; all of them from 1 on."""
    if share >= 1:
        return pairs
    # With a prefix, so that the choice does not depend on the split that a name falls into.
    chosen = [place for place, name in enumerate(pairs.names) if hash_fraction(f"share of {name}") < share]
    return replace(pairs.take(chosen), left_out=pairs.left_out)


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

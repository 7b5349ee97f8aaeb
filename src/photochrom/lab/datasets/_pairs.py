"""What every data set provides: pairs of a gray and a color picture, as uint8."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from PIL import Image

from photochrom.errors import DataError
from photochrom.tensors import AspectRatios, GrayPictures, RgbPictures

UNLABELED = "unknown"
"""The label of a picture without a label in a data set that labels others."""

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

ProgressCallback = Callable[[int, int], None]
"""Called with the amount done and the total."""


def require_split(name: str) -> None:
    """Check the name of a split."""
    if name not in SPLITS:
        raise DataError(f"no split is called {name!r}; there are: {', '.join(SPLITS)}")


@dataclass(frozen=True)
class Pairs:
    """Gray pictures and, where it is known, their color.

    Attributes:
        gray: Shape (count, height, width), uint8: luma as Pillow's `convert("L")` gives it.
        color: Shape (count, height, width, 3), uint8 RGB; None if the color is unknown.
        left_out: One line for each file that could not be used, with the reason.
        labels: The group of each picture, for figures by group; None if the data set has no labels.
        aspects: Width divided by height of each photo, if photos are stored squashed to squares; NaN where it is
            unknown. None if no picture is squashed.
    """

    names: tuple[str, ...]
    gray: GrayPictures
    color: RgbPictures | None
    left_out: tuple[str, ...] = ()
    labels: tuple[str, ...] | None = None
    aspects: AspectRatios | None = None

    def __len__(self) -> int:
        return len(self.names)

    @property
    def size(self) -> str:
        """Width and height of the pictures, such as `80x80`."""
        return "x".join(map(str, reversed(self.gray.shape[1:])))

    @property
    def truth(self) -> RgbPictures:
        """The color pictures."""
        if self.color is None:
            raise DataError("these pictures are gray only: there is no true color to learn from or to score against")
        return self.color

    def take(self, indices: Sequence[int]) -> "Pairs":
        """The pairs at the given indices, in that order."""
        return Pairs(
            names=tuple(self.names[index] for index in indices),
            gray=self.gray[list(indices)],
            color=None if self.color is None else self.color[list(indices)],
            labels=None if self.labels is None else tuple(self.labels[index] for index in indices),
            aspects=None if self.aspects is None else self.aspects[list(indices)],
        )


def pairs_from_color(names: Sequence[str], color: RgbPictures, left_out: Sequence[str] = ()) -> Pairs:
    """Pairs whose gray pictures are made from the color ones by Pillow's `convert("L")`, which is BT.601 luma."""
    gray = np.empty(color.shape[:3], dtype=np.uint8)
    for place, picture in enumerate(color):
        gray[place] = np.asarray(Image.fromarray(picture).convert("L"))
    return Pairs(tuple(names), gray, color, tuple(left_out))


class Dataset(ABC):
    """A source of pictures in three splits: train, val and test.

    Attributes:
        summary: A few words for `photochrom data list`.
        rights: The license of the pictures, or what they may be used for.
    """

    summary: ClassVar[str]
    rights: ClassVar[str]

    @property
    @abstractmethod
    def name(self) -> str:
        """The name in a run's configuration, by which the data set can be opened again."""

    def require_at_hand(self) -> None:  # noqa: B027 - most sets are
        """Check that the pictures can be read without a download."""

    def is_at_hand(self) -> bool:
        """Whether the pictures can be read without a download."""
        try:
            self.require_at_hand()
        except DataError:
            return False
        return True

    def prepare(self, progress: ProgressCallback | None = None) -> None:  # noqa: B027 - most sets need nothing
        """Find or download the pictures, verify and unpack them; does nothing if they are at hand.

        Args:
            progress: Called with the bytes received so far and their total.

        Raises:
            DataError: The pictures cannot be downloaded, or differ from what was published.
        """

    @abstractmethod
    def split(self, split: Split) -> Pairs:
        """The pairs of one split."""

    def blocks(self, split: Split) -> Iterator[Pairs]:
        """The pairs of one split, part by part; one part, unless the set can be read without being in memory."""
        yield self.split(split)

    def folders(self) -> list[Path]:
        """The folders of its files, into which nothing may be written; none if it has no files."""
        return []

    def scored_part(self) -> "Dataset":
        """The data set of `val` and `test`; its pictures come first in `train`."""
        return self

    def fingerprint(self) -> dict[str, Any]:
        """What identifies the pictures, for checkpoints and for resuming a run."""
        return {"name": self.name}


def hash_fraction(text: str) -> float:
    """A number in [0, 1) that depends on the text alone and is spread evenly."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def kept_back_of(dataset: Dataset) -> Pairs:
    """The gray pictures of `val` and `test`, which must not be trained on; a folder may have no `test`."""
    splits = [dataset.split("val")]
    with suppress(DataError):
        splits.append(dataset.split("test"))
    names = tuple(name for pairs in splits for name in pairs.names)
    return Pairs(names, np.concatenate([pairs.gray for pairs in splits]), None)

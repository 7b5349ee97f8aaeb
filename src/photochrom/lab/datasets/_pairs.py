"""What every data set gives: pairs of a gray and a color picture, held as uint8."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from PIL import Image

from photochrom.errors import DataError
from photochrom.tensors import AspectRatios, GrayPictures, RgbPictures

__all__ = [
    "SPLITS",
    "UNLABELED",
    "Dataset",
    "Pairs",
    "ProgressCallback",
    "Split",
    "kept_back_of",
    "pairs_from_color",
    "require_split",
]

UNLABELED = "unknown"
"""The label of a picture of which its data set says nothing, where it labels others."""

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

ProgressCallback = Callable[[int, int], None]
"""Called with how much is done and how much there is to do."""


def require_split(name: str) -> None:
    """Refuse what is no split.

    Raises:
        DataError: There is no such split.
    """
    if name not in SPLITS:
        raise DataError(f"no split is called {name!r}; there are: {', '.join(SPLITS)}")


@dataclass(frozen=True)
class Pairs:
    """Gray pictures and, where it is known, their color.

    Attributes:
        names: One name a picture, in the order of the pictures.
        gray: Shape (count, height, width), uint8: luma as Pillow's `convert("L")` gives it.
        color: Shape (count, height, width, 3), uint8 RGB; None where no truth exists.
        left_out: One line for each file that could not be used, saying which and why.
        labels: What the data set says of each picture, a group to report figures by; None where it says nothing.
        aspects: Width by height of what each picture shows, where pictures are stored squashed to squares; NaN where
            it is unknown. None if nothing is squashed.
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
    def truth(self) -> RgbPictures:
        """The color pictures.

        Raises:
            DataError: These pictures have no known color.
        """
        if self.color is None:
            raise DataError("these pictures are gray only: there is no true color to learn from or to score against")
        return self.color

    def take(self, indices: Sequence[int]) -> "Pairs":
        """The pairs at the given places, in that order."""
        return Pairs(
            names=tuple(self.names[index] for index in indices),
            gray=self.gray[list(indices)],
            color=None if self.color is None else self.color[list(indices)],
            labels=None if self.labels is None else tuple(self.labels[index] for index in indices),
            aspects=None if self.aspects is None else self.aspects[list(indices)],
        )


def pairs_from_color(names: Sequence[str], color: RgbPictures, left_out: Sequence[str] = ()) -> Pairs:
    """Pairs whose gray side is made from the color side by Pillow's `convert("L")`, which is BT.601 luma."""
    gray = np.empty(color.shape[:3], dtype=np.uint8)
    for place, picture in enumerate(color):
        gray[place] = np.asarray(Image.fromarray(picture).convert("L"))
    return Pairs(tuple(names), gray, color, tuple(left_out))


class Dataset(ABC):
    """A source of pictures in three splits: train, val and test.

    Attributes:
        summary: What it is, in a few words.
        rights: Under which license its pictures are, or who may use them for what.
    """

    summary: ClassVar[str]
    rights: ClassVar[str]

    @property
    @abstractmethod
    def name(self) -> str:
        """What to call this data set in a run's configuration, so that it can be opened again."""

    def require_at_hand(self) -> None:  # noqa: B027 - most sets are
        """See that the pictures can be read without a download.

        Raises:
            DataError: They cannot; the message says how to get them.
        """

    def is_at_hand(self) -> bool:
        """Whether the pictures can be read without a download."""
        try:
            self.require_at_hand()
        except DataError:
            return False
        return True

    def prepare(self, progress: ProgressCallback | None = None) -> None:  # noqa: B027 - most sets need nothing
        """Find or download the pictures, verify and unpack them; does nothing if that was done.

        Args:
            progress: Told the bytes received so far and those to come.

        Raises:
            DataError: They cannot be had, or are not what they should be.
        """

    @abstractmethod
    def split(self, split: Split) -> Pairs:
        """The pairs of one split.

        Raises:
            DataError: The split does not exist or holds no usable picture.
        """

    def scored_part(self) -> "Dataset":
        """The data set that `val` and `test` are of; its pictures are the first in `train`."""
        return self

    def fingerprint(self) -> dict[str, Any]:
        """What a checkpoint remembers of the data that it saw."""
        return {"name": self.name}


def kept_back_of(dataset: Dataset) -> Pairs:
    """The gray pictures of `val` and `test`, which nothing may be learnt from; a folder may do without `test`.

    Raises:
        DataError: The pictures cannot be read.
    """
    splits = [dataset.split("val")]
    with suppress(DataError):
        splits.append(dataset.split("test"))
    names = tuple(name for pairs in splits for name in pairs.names)
    return Pairs(names, np.concatenate([pairs.gray for pairs in splits]), None)

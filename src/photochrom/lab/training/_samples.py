"""Grids of pictures: rows of gray input, predictions and truth."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from photochrom.lab.datasets import Pairs
from photochrom.tensors import RgbPictures

_GAP = 4
_WHITE = 255


def sample_indices(count: int, samples: int = 8) -> list[int]:
    """Indices spread evenly over `count` pictures, the same for every run."""
    return [int(place) for place in np.linspace(0, count - 1, min(samples, count)).round()]


def grid(rows: Sequence[RgbPictures]) -> Image.Image:
    """Rows of pictures of one size on white.

    Args:
        rows: Each of shape (count, height, width, 3), uint8.
    """
    count, height, width, _ = rows[0].shape
    canvas = np.full((len(rows) * (height + _GAP) - _GAP, count * (width + _GAP) - _GAP, 3), _WHITE, dtype=np.uint8)
    for r, row in enumerate(rows):
        for c, picture in enumerate(row):
            top, left = r * (height + _GAP), c * (width + _GAP)
            canvas[top : top + height, left : left + width] = picture
    return Image.fromarray(canvas)


def comparison(pairs: Pairs, prediction: RgbPictures) -> Image.Image:
    """Rows of gray input, prediction and, if it is known, truth.

    Args:
        pairs: Gray pictures with or without their color.
        prediction: Shape (count, height, width, 3), uint8.
    """
    rows: list[npt.NDArray[np.uint8]] = [np.repeat(pairs.gray[..., None], 3, axis=3), prediction]
    if pairs.color is not None:
        rows.append(pairs.color)
    return grid(rows)

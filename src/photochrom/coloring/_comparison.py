"""Gray and color side by side, as pictures to look at."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from photochrom.coloring._resampling import resized
from photochrom.photo import Levels, Photo

__all__ = ["gray_panel", "panel", "side_by_side"]

_PANEL_SIDE = 1600
"""The longer side of each picture in a comparison, at most: it is looked at as a whole, on a screen."""


def panel(rgb: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A picture small enough for a comparison.

    Args:
        rgb: Shape (height, width, 3), uint8 or uint16.
    """
    return resized(rgb.transpose(2, 0, 1), *_panel_size(rgb)).transpose(1, 2, 0)


def gray_panel(luma: Levels) -> npt.NDArray[Any]:
    """The gray photo, as `panel` gives a colored one.

    Args:
        luma: Shape (height, width), uint8 or uint16.
    """
    return np.repeat(resized(luma, *_panel_size(luma))[..., None], 3, axis=2)


def _panel_size(picture: npt.NDArray[Any]) -> tuple[int, int]:
    """Height and width of a picture in a comparison."""
    height, width = picture.shape[:2]
    share = min(1.0, _PANEL_SIDE / max(height, width))
    return max(1, round(height * share)), max(1, round(width * share))


def side_by_side(panels: Sequence[npt.NDArray[Any]], photo: Photo) -> tuple[npt.NDArray[Any], Photo]:
    """Panels from left to right as one picture, and what it is to be written as.

    Args:
        panels: Of equal height.
        photo: The one that they show.
    """
    strip = np.concatenate(panels, axis=1)
    return strip, replace(photo, luma=strip[..., 0], alpha=None)

"""Gray and color side by side, as pictures to look at."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from photochrom.photo import Levels, Photo

__all__ = ["gray_panel", "panel", "side_by_side"]

_PANEL_SIDE = 1600
"""The longer side of each picture in a comparison, at most: it is looked at as a whole, on a screen."""


def panel(rgb: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A picture small enough for a comparison.

    Args:
        rgb: Shape (height, width, 3), uint8 or uint16.
    """
    height, width = rgb.shape[:2]
    share = min(1.0, _PANEL_SIDE / max(height, width))
    if share == 1.0:
        return rgb
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))


def gray_panel(luma: Levels) -> npt.NDArray[Any]:
    """The gray photo, as `panel` gives a colored one.

    Args:
        luma: Shape (height, width), uint8 or uint16.
    """
    return panel(np.repeat(luma[..., None], 3, axis=2))


def side_by_side(panels: Sequence[npt.NDArray[Any]], photo: Photo) -> tuple[npt.NDArray[Any], Photo]:
    """Panels from left to right as one picture, and what it is to be written as.

    Args:
        panels: Of equal height.
        photo: The one that they show.
    """
    strip = np.concatenate(panels, axis=1)
    return strip, replace(photo, luma=strip[..., 0], alpha=None)

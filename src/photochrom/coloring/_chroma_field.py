"""Chroma that follows luma: colors predicted at a small size are carried up to a photo of any size.

A network predicts roughly where each color lies; the photo itself shows exactly where the edges are. So chroma is kept
as a linear function of luma that changes slowly from place to place. This takes little memory, can be enlarged without
bleeding over edges, and can be strengthened or faded without running the network again.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt

from photochrom.color import BLUE_SPAN, GREEN_PER_BLUE, GREEN_PER_RED, RED_SPAN
from photochrom.coloring.resampling import box_mean, resized, resized_strips

__all__ = ["ChromaField", "follow_luma", "render", "signed_luma"]

FloatMap = Float32[Any, "..."]
"""Float values over a grid; docstrings give the shape."""

Pixels = UInt[Any, "..."]
"""uint8 or uint16."""

_SMOOTHEST_EDGE = 0.1
"""Smallest step of luma that counts as an edge, in signed values: 13 of 255 levels. Weaker steps count as grain."""

_PLACES_PER_RADIUS = 6
"""Places per radius at which coefficients are computed; they change slowly within a radius.

Against all places, no color of 14 photos moved by more than 2 of 255 levels with 6, or by more than 4 with 4."""


_FEW = 4
"""Picking out places pays as long as they are fewer than this part of all."""

_LEAST = np.float32(1e-3)
"""Levels; against a division by zero where a color is gray."""


@dataclass(frozen=True, eq=False)
class ChromaField:
    """Chroma as slope times luma plus offset, at each place of a grid over the photo.

    Attributes:
        coefficients: The slopes of Cb and Cr, then the offsets of Cb and Cr, for signed luma; shape
            (4, rows, columns). Maps with another number of channels can be kept in the same way.
    """

    coefficients: FloatMap

    def scaled(self, factor: float) -> "ChromaField":
        """The same hues with their vividness multiplied by a factor."""
        return self if factor == 1.0 else ChromaField(self.coefficients * np.float32(factor))

    def blended(self, other: "ChromaField", weights: FloatMap) -> "ChromaField":
        """A mixture of two fields: this one where the weights are 0, the other one where they are 1.

        Args:
            other: On the same grid.
            weights: Shape (rows, columns), range [0, 1].
        """
        return ChromaField(self.coefficients + weights * (other.coefficients - self.coefficients))

    def at(self, luma: FloatMap) -> FloatMap:
        """The chroma for a luma map on the same grid.

        Args:
            luma: Shape (rows, columns), signed.

        Returns:
            Cb and Cr; shape (2, rows, columns).
        """
        slopes, offsets = np.split(self.coefficients, 2)
        chroma: FloatMap = slopes * luma
        chroma += offsets
        return chroma


def follow_luma(chroma: FloatMap, luma: FloatMap, radius: int) -> ChromaField:
    """Let coarse chroma follow the edges of luma.

    Args:
        chroma: Cb and Cr on a coarse grid over the same picture; shape (2, any rows, any columns). Maps with another
            number of channels can follow luma too.
        luma: Shape (rows, columns), signed.
        radius: Maximum distance of a color from its place, in places of the luma map; about the width of a coarse place
            is right.

    Returns:
        A field on the grid of the luma.

    Reference:
        He and Sun, "Fast guided filter", 2015: coefficients are computed on a smaller grid and enlarged, and kept
        instead of the result. He, Sun and Tang, "Guided image filtering", 2010.
    """
    step = max(1, radius // _PLACES_PER_RADIUS)
    grid = tuple(max(1, round(side / step)) for side in luma.shape)
    wide = resized(chroma, *grid)
    # Luma is blurred as much as chroma: both mix the same sides of an edge, so luma shows how chroma was mixed.
    blurred = resized(resized(luma, *chroma.shape[-2:]), *grid)
    window = max(1, round(((2 * radius + 1) / step - 1) / 2))
    average = box_mean(blurred, window)
    variance = box_mean(blurred * blurred, window) - average**2
    covariance = box_mean(wide * blurred, window) - box_mean(wide, window) * average
    slope = box_mean(covariance / (np.maximum(variance, 0.0) + np.float32(_SMOOTHEST_EDGE**2)), window)
    # Where luma has no finer detail than the coarse grid, chroma stays as predicted.
    return ChromaField(resized(np.concatenate([slope, wide - slope * blurred]), *luma.shape))


def render(field: ChromaField, luma: Pixels) -> Pixels:
    """A photo in color: its own luma with the chroma of a field.

    Colors that RGB cannot show are faded until they fit, which keeps luma. Rounding changes it by less than one level.

    Args:
        field: On any grid over the photo.
        luma: Shape (height, width), uint8 or uint16.

    Returns:
        Red, green and blue; shape (height, width, 3), of the type of the luma.
    """
    rgb = np.empty((*luma.shape, 3), dtype=luma.dtype)
    white = float(np.iinfo(luma.dtype).max)
    for rows, coefficients in resized_strips(_blue_and_red(field, white / 2.0), *luma.shape):
        gray = luma[rows].astype(np.float32)
        color = _merged(gray, coefficients)
        _fade(color, gray, white)
        np.rint(color, out=color)
        for channel, levels in enumerate(color):  # one by one: numpy takes twice the time for all three at once
            rgb[rows, :, channel] = levels
    return rgb


def _blue_and_red(field: ChromaField, half: float) -> FloatMap:
    """The coefficients of how far blue and red lie from luma, for luma in levels.

    Args:
        half: Half of white, in levels.
    """
    slopes, offsets = np.split(field.coefficients, 2)
    spans = np.array([BLUE_SPAN, RED_SPAN], dtype=np.float32)[:, None, None]
    return np.concatenate([spans * slopes, (spans * np.float32(half)) * (offsets - slopes)])


def _merged(gray: FloatMap, coefficients: FloatMap) -> FloatMap:
    """Red, green and blue in levels, whether or not RGB can show them; shape (3, rows, columns).

    Args:
        gray: Luma in levels; shape (rows, columns).
        coefficients: As `_blue_and_red` gives them; overwritten, because another array would not stay in the cache.
    """
    color = np.empty((3, *gray.shape), dtype=np.float32)
    red, green, blue = color
    for channel, slope, offset in ((blue, *coefficients[::2]), (red, *coefficients[1::2])):
        np.multiply(slope, gray, out=channel)
        channel += offset
    np.multiply(blue, np.float32(GREEN_PER_BLUE), out=green)
    green += np.multiply(red, np.float32(GREEN_PER_RED), out=coefficients[0])
    color += gray
    return color


def _fade(color: FloatMap, gray: FloatMap, white: float) -> None:
    """Fade the colors that RGB cannot show towards gray until they fit, in place.

    It is what `fit_gamut` does, in a third of the time: in levels, without copies, and only where it is needed.

    Args:
        color: Red, green and blue in levels; shape (3, rows, columns).
        gray: Luma in levels; shape (rows, columns).
        white: In levels.
    """
    highest, lowest = color.max(axis=0), color.min(axis=0)
    outside = np.flatnonzero((highest > white) | (lowest < 0.0))
    if outside.size > gray.size // _FEW:
        _fit(color, gray, highest, lowest, white)
    elif outside.size:
        every = color.reshape(3, -1)
        picked = every[:, outside]
        _fit(picked, np.take(gray, outside), np.take(highest, outside), np.take(lowest, outside), white)
        every[:, outside] = picked


def _fit(color: FloatMap, gray: FloatMap, highest: FloatMap, lowest: FloatMap, white: float) -> None:
    """Fade colors as far as each needs it, in place; highest and lowest of each color are overwritten."""
    np.maximum(np.subtract(highest, gray, out=highest), _LEAST, out=highest)
    np.divide(np.float32(white) - gray, highest, out=highest)
    np.maximum(np.subtract(gray, lowest, out=lowest), _LEAST, out=lowest)
    np.divide(gray, lowest, out=lowest)
    share = np.minimum(highest, lowest, out=highest)
    np.minimum(share, np.float32(1.0), out=share)
    color -= gray
    color *= share
    color += gray


def signed_luma(luma: Pixels) -> FloatMap:
    """Luma as networks see it: float32, range [-1, 1].

    Args:
        luma: Any shape, uint8 or uint16.
    """
    return luma.astype(np.float32) / np.float32(np.iinfo(luma.dtype).max / 2.0) - np.float32(1.0)

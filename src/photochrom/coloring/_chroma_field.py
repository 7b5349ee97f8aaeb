"""Chroma that follows luma: colors predicted at a small size are carried up to a photo of any size.

A network predicts roughly where each color lies; the photo itself shows exactly where the edges are. So chroma is kept
as a linear function of luma that changes slowly from place to place. This takes little memory, can be enlarged without
bleeding over edges, and can be strengthened or faded without running the network again.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt

from photochrom.color import fit_gamut
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
    scale = np.float32(np.iinfo(luma.dtype).max / 2.0)
    for rows, coefficients in resized_strips(field.coefficients, *luma.shape):
        gray = signed_luma(luma[rows])
        chroma = ChromaField(coefficients).at(gray)
        color = fit_gamut(gray[None, None], chroma[None])[0]
        color += np.float32(1.0)
        color *= scale
        rgb[rows] = np.rint(color, out=color).transpose(1, 2, 0)
    return rgb


def signed_luma(luma: Pixels) -> FloatMap:
    """Luma as networks see it: float32, range [-1, 1].

    Args:
        luma: Any shape, uint8 or uint16.
    """
    return luma.astype(np.float32) / np.float32(np.iinfo(luma.dtype).max / 2.0) - np.float32(1.0)

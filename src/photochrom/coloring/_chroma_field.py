"""Chroma that follows luma: how colors predicted at a small size are carried up to a photo of any size.

A network says roughly which color lies where; the photo itself says exactly where its edges are. So chroma is kept as
a function of luma that is linear around each place and changes slowly from place to place: it takes little memory, can
be enlarged without bleeding over edges, and can be strengthened or faded without asking the network again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, UInt

from photochrom.color import fit_gamut

__all__ = ["ChromaField", "follow_luma", "render", "resized", "signed_luma"]

FloatMap = Float32[Any, "..."]
"""Values over a grid, with or without channels along a third axis; shapes are told where they are used."""

Pixels = UInt[Any, "..."]
"""uint8 or uint16."""

_SMOOTHEST_EDGE = 0.1
"""A luma step that counts as an edge, in signed values: 13 of 255 levels. Weaker ones are taken for grain."""

_STRIP_PIXELS = 1 << 18
"""Pixels rendered at once: few enough that their floats stay in a processor's cache, and memory stays small."""


@dataclass(frozen=True, eq=False)
class ChromaField:
    """Chroma as slope times luma plus offset, at each place of a grid over the photo.

    Attributes:
        coefficients: Slopes of Cb and Cr, then offsets of Cb and Cr, for signed luma; shape (rows, columns, 4). Other
            maps than chroma can be kept so too, with one slope and one offset a channel.
    """

    coefficients: FloatMap

    def scaled(self, factor: float) -> "ChromaField":
        """The same hues, this many times as vivid."""
        return ChromaField(self.coefficients * np.float32(factor))

    def blended(self, other: "ChromaField", weights: FloatMap) -> "ChromaField":
        """Another field where the weights are 1, this one where they are 0.

        Args:
            other: On the same grid.
            weights: Shape (rows, columns), range [0, 1].
        """
        return ChromaField(self.coefficients + weights[..., None] * (other.coefficients - self.coefficients))

    def at(self, luma: FloatMap) -> FloatMap:
        """The chroma of a luma map on this field's own grid.

        Args:
            luma: Shape (rows, columns), signed.

        Returns:
            Cb and Cr; shape (rows, columns, 2).
        """
        slopes, offsets = np.split(self.coefficients, 2, axis=2)
        return slopes * luma[..., None] + offsets


def follow_luma(chroma: FloatMap, luma: FloatMap, radius: int) -> ChromaField:
    """Let coarse chroma follow the edges of luma.

    Args:
        chroma: Cb and Cr on a coarse grid over the same picture; shape (any rows, any columns, 2). Maps with another
            number of channels will do as well.
        luma: Shape (rows, columns), signed.
        radius: How far colors may have strayed, in places of the luma map: about the width of a coarse place.

    Returns:
        A field on the grid of the luma.

    Reference:
        He, Sun and Tang, "Guided image filtering", 2010; its coefficients are kept instead of its result, as in He
        and Sun, "Fast guided filter", 2015.
    """
    wide = resized(chroma, *luma.shape)
    # Luma as blurred as the chroma: a place on an edge mixes both alike, so that one tells the mixture of the other.
    blurred = resized(resized(luma, *chroma.shape[:2]), *luma.shape)
    window = (2 * radius + 1, 2 * radius + 1)

    def mean(values: FloatMap) -> FloatMap:
        return cv2.blur(values, window, borderType=cv2.BORDER_REFLECT).reshape(values.shape)

    average = mean(blurred)[..., None]
    variance = mean(blurred * blurred)[..., None] - average**2
    covariance = mean(wide * blurred[..., None]) - mean(wide) * average
    slope = mean(covariance / (np.maximum(variance, 0.0) + np.float32(_SMOOTHEST_EDGE**2)))
    # Where luma shows nothing that the coarse grid did not, chroma is as it was predicted.
    return ChromaField(np.concatenate([slope, wide - slope * blurred[..., None]], axis=2))


def render(field: ChromaField, luma: Pixels) -> Pixels:
    """A photo in color: the luma that it has, with the chroma of a field.

    Colors that RGB cannot show are faded until they fit, so that luma stays: each value is rounded, which moves luma
    by less than one level.

    Args:
        field: On any grid over the photo.
        luma: Shape (height, width), uint8 or uint16.

    Returns:
        Red, green and blue; shape (height, width, 3), of the type of the luma.
    """
    height, width = luma.shape
    rgb = np.empty((height, width, 3), dtype=luma.dtype)
    scale = np.float32(np.iinfo(luma.dtype).max / 2.0)
    for rows in _strips(height, width):
        gray = signed_luma(luma[rows])
        coefficients = _enlarged_strip(field.coefficients, rows, height, width)
        chroma = ChromaField(coefficients).at(gray).transpose(2, 0, 1)[None]
        color = fit_gamut(gray[None, None], chroma)[0]
        levels = np.rint((color + np.float32(1.0)) * scale)
        rgb[rows] = levels.transpose(1, 2, 0)
    return rgb


def signed_luma(luma: Pixels) -> FloatMap:
    """Luma as networks see it: float32, range [-1, 1], of uint8 or uint16 values."""
    return luma.astype(np.float32) / np.float32(np.iinfo(luma.dtype).max / 2.0) - np.float32(1.0)


def _strips(height: int, width: int) -> Iterator[slice]:
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


def _enlarged_strip(coefficients: FloatMap, rows: slice, height: int, width: int) -> FloatMap:
    """Some rows of what `resized` would make of the whole map, linear between its places."""
    count = coefficients.shape[0]
    places = (np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5) * (count / height) - 0.5
    places = places.clip(0, count - 1)
    upper = np.floor(places).astype(np.intp)
    lower = np.minimum(upper + 1, count - 1)
    first = int(upper[0])
    # Made wide first: neighboring rows of the photo share the few rows of the map between which they lie.
    needed = coefficients[first : int(lower[-1]) + 1]
    wide = resized(needed, len(needed), width)
    share = (places - upper).astype(np.float32)[:, None, None]
    return wide[upper - first] * (1.0 - share) + wide[lower - first] * share


def resized(values: FloatMap, rows: int, columns: int) -> FloatMap:
    """A map at another size: linear between its places where it grows, their mean where it shrinks.

    Args:
        values: Shape (any rows, any columns), or with channels along a third axis.
        rows: Of the new map.
        columns: Of the new map.
    """
    if values.shape[:2] == (rows, columns):
        return values
    shrinks = rows < values.shape[0] and columns < values.shape[1]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    channels = values.reshape(*values.shape[:2], -1)
    count = channels.shape[2]
    parts = [  # OpenCV averages no more than four channels at once
        cv2.resize(channels[..., first : first + 4], (columns, rows), interpolation=way).reshape(rows, columns, -1)
        for first in range(0, count, 4)
    ]
    return np.concatenate(parts, axis=2).reshape(rows, columns, *values.shape[2:])

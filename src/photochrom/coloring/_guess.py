"""Guessed colors of a photo, combined from those of the whole photo and of square parts at a larger size."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photochrom.coloring._chroma_field import ChromaField, FloatMap, Pixels, follow_luma, signed_luma
from photochrom.coloring._faces import Framing
from photochrom.coloring.resampling import resized

_FULL = 0.62
"""Share of the way from a patch's middle to its edge within which only its own colors count; at the edge, none do."""


@dataclass(frozen=True, eq=False)
class Guess:
    """The colors of one photo and their confidence.

    Attributes:
        field: Its chroma.
        luma: The photo's luma on the field's grid; shape (rows, columns), signed.
        confidence: Probability that red and blue lie within the study's margin; shape (rows, columns), range [0, 1].
    """

    field: ChromaField
    luma: FloatMap
    confidence: FloatMap

    def turned(self, turns: int) -> "Guess":
        """The guess for the photo after quarter turns counterclockwise."""
        coefficients = np.rot90(self.field.coefficients, turns, axes=(1, 2))
        return Guess(ChromaField(coefficients), np.rot90(self.luma, turns), np.rot90(self.confidence, turns))

    def spread(self, luma: FloatMap, there: tuple[slice, slice], size: tuple[int, int]) -> "Guess":
        """The guess for a part of a photo as one for all of it; elsewhere there is neither color nor confidence.

        Args:
            luma: The whole photo's luma on the grid of the new guess; shape (rows, columns), signed.
            there: Rows and columns of the part, in pixels of the photo.
            size: Height and width of the photo.
        """
        rows, columns = map(_places, there, size, luma.shape)
        own = np.concatenate([self.field.coefficients, self.confidence[None]])
        maps = np.zeros((len(own), *luma.shape), np.float32)
        maps[:, rows, columns] = resized(own, rows.stop - rows.start, columns.stop - columns.start)
        return Guess(ChromaField(maps[:-1]), luma, maps[-1])


def _places(part: slice, side: int, count: int) -> slice:
    """Which of `count` places along a side a part of its pixels covers; at least one."""
    start, stop, _ = part.indices(side)
    first = round(start * count / side)
    return slice(first, max(first + 1, round(stop * count / side)))


@dataclass(frozen=True, eq=False)
class Patch:
    """A square part of a photo at the input size of a network.

    Attributes:
        square: Its place in the photo, in whole pixels; it may reach beyond the photo's edges.
        size: Height and width of the photo.
        gray: The network's input; shape (side, side), signed.
    """

    square: Framing
    size: tuple[int, int]
    gray: FloatMap

    @classmethod
    def cut(cls, luma: Pixels, square: Framing, side: int) -> "Patch":
        """Cut a part out of a photo; beyond its edges, the outermost pixels are repeated.

        Args:
            luma: The photo's luma; shape (height, width), uint8 or uint16.
            square: Place of the part, in pixels; it is rounded to whole pixels.
            side: Height and width of the network's input, in pixels.
        """
        left, top, extent = round(square.left), round(square.top), max(1, round(square.side))
        rows, columns = _inside(top, extent, luma.shape[0]), _inside(left, extent, luma.shape[1])
        share = min(1.0, side / extent)
        # Shrink first: a square that reaches far beyond the photo would not fit into memory at full size.
        shown = luma[rows, columns]
        seen = resized(shown, *(max(1, round(length * share)) for length in shown.shape))
        down = _continued(top - rows.start, extent, share, seen.shape[0])
        across = _continued(left - columns.start, extent, share, seen.shape[1])
        whole = signed_luma(seen[np.ix_(down, across)])
        return cls(Framing(left, top, extent), luma.shape, resized(whole, side, side))


def _inside(start: int, extent: int, limit: int) -> slice:
    """The rows or columns of a photo that a part shows; at least the nearest one."""
    first = min(max(0, start), limit - 1)
    return slice(first, max(first + 1, min(start + extent, limit)))


def _continued(offset: int, extent: int, share: float, count: int) -> npt.NDArray[np.intp]:
    """For each row or column of a part, the index of the shrunk row or column that it shows, of `count`."""
    return (np.arange(max(1, round(extent * share))) + round(offset * share)).clip(0, count - 1)


class Canvas:
    """Combines the colors of a photo: those of the whole photo first, then those of its parts on top.

    Attributes:
        luma: The photo's luma on the grid on which chroma follows luma; shape (rows, columns), signed.
    """

    def __init__(self, luma: FloatMap, chroma: FloatMap, confidence: FloatMap) -> None:
        """Start with the colors of the whole photo.

        Args:
            luma: See the attribute.
            chroma: Cb and Cr of the whole photo; shape (2, coarse rows, coarse columns).
            confidence: Shape (1, coarse rows, coarse columns), range [0, 1].
        """
        self.luma = luma
        self._maps = _following_maps(luma, chroma, confidence)

    def lay(self, patch: Patch, chroma: FloatMap, confidence: FloatMap) -> None:
        """Lay the colors of a part over the present ones, without a visible seam.

        Args:
            patch: The part.
            chroma: Its Cb and Cr; shape (2, coarse rows, coarse columns).
            confidence: Shape (1, coarse rows, coarse columns), range [0, 1].
        """
        side = len(patch.gray)
        maps = _following_maps(patch.gray, chroma, confidence)
        where, laid = self._placed(patch, np.concatenate([maps, _weights(side)[None]]))
        below = self._maps[:, *where]
        below += laid[-1] * (laid[:-1] - below)

    def guess(self) -> Guess:
        """The colors combined so far; parts that are laid later do not change them."""
        return Guess(ChromaField(self._maps[:-1].copy()), self.luma, self._maps[-1].copy())

    def _placed(self, patch: Patch, maps: FloatMap) -> tuple[tuple[slice, slice], FloatMap]:
        """The rows and columns of the canvas that a part covers, and the part's maps at that size."""
        (left, top, extent), (height, width), (rows, columns) = patch.square, patch.size, self.luma.shape
        first_row, last_row = round(top * rows / height), round((top + extent) * rows / height)
        first_column, last_column = round(left * columns / width), round((left + extent) * columns / width)
        scaled = resized(maps, max(1, last_row - first_row), max(1, last_column - first_column))
        vertical, seen_rows = _overlap(first_row, scaled.shape[1], rows)
        horizontal, seen_columns = _overlap(first_column, scaled.shape[2], columns)
        return (vertical, horizontal), scaled[:, seen_rows, seen_columns]


def _overlap(first: int, count: int, limit: int) -> tuple[slice, slice]:
    """Which of `limit` places `count` others cover that begin at `first`, and which of those others cover them."""
    start, stop = min(max(0, first), limit), max(0, min(first + count, limit))
    return slice(start, stop), slice(start - first, stop - first)


def _following_maps(luma: FloatMap, chroma: FloatMap, confidence: FloatMap) -> FloatMap:
    """The coefficients of chroma that follows luma, then its confidence; shape (5, rows, columns)."""
    cell = max(luma.shape) / max(chroma.shape[1:])
    field = follow_luma(chroma.astype(np.float32), luma, radius=max(1, round(cell)))
    return np.concatenate([field.coefficients, resized(confidence.astype(np.float32), *luma.shape)])


def _weights(side: int) -> FloatMap:
    """The weight of a part's own colors: 1 within a rounded square, 0 at the edges; shape (side, side)."""
    places = np.abs((np.arange(side, dtype=np.float32) + 0.5) / side * 2.0 - 1.0)
    distance = (places[:, None] ** 4 + places[None, :] ** 4) ** 0.25
    share = ((1.0 - distance) / (1.0 - _FULL)).clip(0.0, 1.0)
    weights: FloatMap = (share * share * (3.0 - 2.0 * share)).astype(np.float32)
    return weights

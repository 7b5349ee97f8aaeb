"""Resizing, blurring and local means of pictures and maps, with numpy only.

Each of these is a linear filter along the rows and one along the columns, and each place of a result depends on a few
neighboring places of its source. So a filter is a band of weights, which is applied to short blocks of places by small
matrix products. No sum is longer than a block, so rounding errors do not add up along a row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

_Indices = npt.NDArray[np.intp]
_Floats = npt.NDArray[np.float32]

_Block = tuple[slice, slice, _Floats]
"""Places of a result, the places of the source on which they depend, and the matrix between them."""

_STRIP_VALUES = 1 << 18
"""Number of values held as floats at a time: few enough to stay in a processor's cache."""

_BLOCK = 32
"""Minimum number of places, approximately, in one matrix product, of the source or of the result, whichever has more.
Shorter blocks take more calls, longer ones multiply more zeros."""


@dataclass(frozen=True, eq=False)
class _Filter:
    """A linear filter along one axis.

    Attributes:
        sources: The places of the source on which each place of the result depends; shape (length, taps).
        weights: The weight of each of them; same shape, float32.
    """

    sources: _Indices
    weights: _Floats

    def __len__(self) -> int:
        return len(self.sources)

    @cached_property
    def blocks(self) -> list[_Block]:
        """The filter as short matrices."""
        spread = self.sources.max(axis=1) - self.sources.min(axis=1) + 1
        step = (int(self.sources.max()) + 1) / len(self)
        length = max(1, round(max(_BLOCK, float(spread.mean())) / max(1.0, step)))
        return [self._block(start, min(start + length, len(self))) for start in range(0, len(self), length)]

    def _block(self, start: int, stop: int) -> _Block:
        sources = self.sources[start:stop]
        first, last = int(sources.min()), int(sources.max())
        matrix = np.zeros((stop - start, last - first + 1), dtype=np.float32)
        np.add.at(matrix, (np.arange(stop - start)[:, None], sources - first), self.weights[start:stop])
        return slice(start, stop), slice(first, last + 1), matrix


def resized(values: npt.NDArray[Any], rows: int, columns: int) -> npt.NDArray[Any]:
    """A picture or maps at another size.

    Where an axis shrinks, each place is the exact mean of the area that it covers; where it grows, values change
    linearly between the centers of places and stay constant beyond the outermost centers.

    Args:
        values: Shape (..., any rows, any columns), each at least 1; uint8, uint16 or float32.
        rows: Of the result, at least 1.
        columns: Of the result, at least 1.

    Returns:
        Shape (..., rows, columns), of the type of the values; whole numbers are rounded to the nearest. The values
        themselves if they have this size.

    Example:
        >>> resized(np.array([[0, 10, 20]], dtype=np.uint8), 1, 2).tolist()
        [[3, 17]]
    """
    if values.shape[-2:] == (rows, columns):
        return values
    return _filtered(values, _resizing(values.shape[-2], rows), _resizing(values.shape[-1], columns))


def resized_strips(maps: _Floats, rows: int, columns: int) -> Iterator[tuple[slice, _Floats]]:
    """The result of `resized`, a few rows at a time, for results that are too large for memory.

    Args:
        maps: Shape (channels, any rows, any columns).
        rows: Of the result.
        columns: Of the result.

    Yields:
        Rows of the result, from the top down, and the maps there; shape (channels, these rows, columns).
    """
    yield from _strips(maps, _resizing(maps.shape[-2], rows), _resizing(maps.shape[-1], columns))


def box_mean(values: _Floats, radius: int) -> _Floats:
    """The mean of the square window around each place; beyond the borders, values are reflected.

    Args:
        values: Shape (..., rows, columns).
        radius: Number of places from the center of the window to its edge; it may be larger than the map.

    Returns:
        Same shape.

    Example:
        >>> box_mean(np.float32([[0, 0, 3, 0]]), 1).tolist()
        [[0.0, 1.0, 1.0, 1.0]]
    """
    weights = np.full(2 * radius + 1, 1.0 / (2 * radius + 1))
    return _filtered(values, *(_convolution(length, weights) for length in values.shape[-2:]))


def gaussian_mean(values: npt.NDArray[Any], deviation: float) -> npt.NDArray[Any]:
    """A picture or maps blurred by a Gaussian, cut off at about 3 standard deviations.

    Args:
        values: Shape (..., rows, columns); uint8, uint16 or float32.
        deviation: Standard deviation, in places.

    Returns:
        Same shape and type; whole numbers are rounded to the nearest.
    """
    distances = np.arange(-round(3.0 * deviation), round(3.0 * deviation) + 1)
    weights = np.exp(-0.5 * (distances / deviation) ** 2)
    return _filtered(values, *(_convolution(length, weights / weights.sum()) for length in values.shape[-2:]))


def median(values: _Floats, radius: int) -> _Floats:
    """The median of the square window around each place; beyond the borders, the outermost values continue.

    Args:
        values: Shape (rows, columns).
        radius: Number of places from the center of the window to its edge.

    Returns:
        Same shape.
    """
    window = 2 * radius + 1
    padded = np.pad(values, radius, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (window, window))
    middle = window * window // 2
    return np.asarray(np.partition(windows.reshape(*values.shape, -1), middle, axis=2)[..., middle])


def _resizing(length: int, to: int) -> _Filter:
    """A filter that changes the length of an axis."""
    if to < length:
        edges = np.arange(to + 1) * (length / to)
        sources = np.floor(edges[:-1]).astype(np.intp)[:, None] + np.arange(-(-length // to) + 1)
        covered = np.minimum(edges[1:, None], sources + 1) - np.maximum(edges[:-1, None], sources)
        weights = np.clip(covered, 0.0, None) * (to / length)
    else:
        places = (np.arange(to) + 0.5) * (length / to) - 0.5
        lower = np.floor(places)
        sources = lower.astype(np.intp)[:, None] + np.arange(2)
        share = places - lower
        weights = np.stack([1.0 - share, share], axis=1)
    return _Filter(sources.clip(0, length - 1), weights.astype(np.float32))


def _convolution(length: int, weights: npt.NDArray[np.float64]) -> _Filter:
    """A filter that weighs the neighbors of each place; beyond the ends of the axis, they are reflected."""
    places = np.arange(length)[:, None] + np.arange(len(weights)) - len(weights) // 2
    folded = places % (2 * length)
    sources = np.minimum(folded, 2 * length - 1 - folded)
    return _Filter(sources, np.broadcast_to(weights.astype(np.float32), sources.shape))


def _filtered(values: npt.NDArray[Any], vertical: _Filter, horizontal: _Filter) -> npt.NDArray[Any]:
    """Values with a filter applied along each of the last two axes."""
    stack = values.reshape(-1, *values.shape[-2:])
    result = np.empty((len(stack), len(vertical), len(horizontal)), dtype=values.dtype)
    for rows, strip in _strips(stack, vertical, horizontal):
        result[:, rows] = strip if values.dtype == np.float32 else np.rint(strip, out=strip)
    return result.reshape(*values.shape[:-2], *result.shape[1:])


def _strips(stack: npt.NDArray[Any], vertical: _Filter, horizontal: _Filter) -> Iterator[tuple[slice, _Floats]]:
    """Apply two filters to maps, a few rows at a time; the filter for which that makes fewer values comes first.

    Args:
        stack: Shape (channels, rows, columns).

    Yields:
        Rows of the result, and the maps there; shape (channels, these rows, columns of the result).
    """
    channels, rows, columns = stack.shape
    blocks, across = vertical.blocks, [(to, of, matrix.T.copy()) for to, of, matrix in horizontal.blocks]
    block_values = channels * len(blocks[0][2]) * max(columns, len(horizontal))
    at_once = max(1, _STRIP_VALUES // block_values)
    for index in range(0, len(blocks), at_once):
        chosen = blocks[index : index + at_once]
        if len(vertical) > rows:
            top, bottom = min(of.start for _, of, _ in chosen), max(of.stop for _, of, _ in chosen)
            wide = _across(stack[:, top:bottom].astype(np.float32, copy=False), across)
            strip = _down(wide, [(to, slice(of.start - top, of.stop - top), matrix) for to, of, matrix in chosen])
        else:
            strip = _across(_down(stack, chosen), across)
        yield slice(chosen[0][0].start, chosen[-1][0].stop), strip


def _down(stack: npt.NDArray[Any], blocks: Sequence[_Block]) -> _Floats:
    """Some blocks of a filter along the columns; shape (channels, places of these blocks, columns)."""
    first, last = blocks[0][0].start, blocks[-1][0].stop
    result = np.empty((len(stack), last - first, stack.shape[2]), dtype=np.float32)
    for to, of, matrix in blocks:
        floats = stack[:, of].astype(np.float32, copy=False)
        np.matmul(matrix, floats, out=result[:, to.start - first : to.stop - first])
    return result


def _across(maps: _Floats, blocks: Sequence[_Block]) -> _Floats:
    """A filter along the rows, its matrices transposed and whole in memory: products with views take twice the time."""
    channels, rows, columns = maps.shape
    result = np.empty((channels, rows, blocks[-1][0].stop), dtype=np.float32)
    # One product for all channels: with one for each, the calls would cost more than the work.
    flat, flat_result = maps.reshape(-1, columns), result.reshape(-1, result.shape[2])
    for to, of, matrix in blocks:
        np.matmul(flat[:, of], matrix, out=flat_result[:, to])
    return result

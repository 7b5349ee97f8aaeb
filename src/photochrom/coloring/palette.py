"""Probabilities of whole colors: Cb and Cr together, as shares of a palette.

A coat may be red or blue. The probabilities of Cb alone and of Cr alone cannot say that it is no purple; those of a
palette can. The functions here take both numpy arrays and torch tensors.
"""

import numpy as np
from array_api_compat import array_namespace, device

from photochrom.color import merge
from photochrom.coloring.distribution import BIN_CENTERS, BIN_COUNT, BIN_WIDTH, require_variants
from photochrom.tensors import AnyArray, ChromaBatch, ChromaProbabilities, ColorProbabilities

__all__ = ["PALETTE", "PALETTE_STEP", "decided_chroma", "is_of_palette", "marginals", "variant_colors"]

_LEVEL = 2.0 / 255.0
"""One of 255 levels, as a difference of signed values."""

PALETTE_STEP = 10.0 * _LEVEL
"""Distance of neighboring colors in Cb and in Cr."""

_OUTERMOST = 9
"""Steps from gray to the outermost Cb and Cr; in the training photos, one value in two thousand lies beyond."""


def _palette() -> AnyArray:
    """The colors of a square grid that can be shown at some luma; shape (colors, 2)."""
    steps = np.arange(-_OUTERMOST, _OUTERMOST + 1, dtype=np.float32) * np.float32(PALETTE_STEP)
    colors = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    rgb = merge(np.zeros((len(colors), 1, 1, 1), np.float32), colors[:, :, None, None])
    return colors[np.ptp(rgb[:, :, 0, 0], axis=1) <= 2.0]


PALETTE = _palette()
"""Cb and Cr of each color; shape (colors, 2)."""


def _shares_of_bins() -> AnyArray:
    """The share of each color, as wide as a step, that lies in each bin of Cb and of Cr; shape (2, bins, colors)."""
    lower, upper = BIN_CENTERS[:, None] - BIN_WIDTH / 2.0, BIN_CENTERS[:, None] + BIN_WIDTH / 2.0
    overlaps = [
        np.minimum(upper, values + PALETTE_STEP / 2.0) - np.maximum(lower, values - PALETTE_STEP / 2.0)
        for values in PALETTE.T
    ]
    return (np.clip(np.stack(overlaps), 0.0, None) / PALETTE_STEP).astype(np.float32)


_SHARES_OF_BINS = _shares_of_bins()

_REACH = 16.0 * _LEVEL
"""How far the colors lie apart that are alike: the standard deviation of the weight of neighbors."""

_DECISIVENESS = 4
"""How strongly a group of alike colors wins over less likely ones; 1 gives the plain mean."""

_PREFERENCE = 8.0
"""How strongly variants prefer their hue: a color of 11 levels more chroma in that hue is twice as popular."""

_PREFERRED = np.array(
    [(0, 0), (-1, 1), (1, -1), (-1, -1), (1, 1), (0, 1), (1, 0), (0, -1), (-1, 0)], dtype=np.float32
) / np.float32(2.0**0.5)
"""The hue of each variant as Cb and Cr: none, orange, blue, green, purple, then those between and less of them."""


def _likeness() -> AnyArray:
    """How alike two colors are, from 0 to 1; shape (colors, colors)."""
    distance = np.square(PALETTE[:, None] - PALETTE).sum(axis=2) / _REACH**2
    return np.exp(-0.5 * distance).astype(np.float32)


_LIKENESS = _likeness()


def is_of_palette(probabilities: AnyArray) -> bool:
    """Whether probabilities are those of a palette's colors, not of the bins of Cb and of Cr."""
    return len(probabilities.shape) == 4


def _flat(probabilities: ColorProbabilities) -> AnyArray:
    """Shape (batch, colors, places)."""
    batch, colors, rows, columns = probabilities.shape
    return array_namespace(probabilities).reshape(probabilities, (batch, colors, rows * columns))


def _like(constant: AnyArray, array: AnyArray) -> AnyArray:
    """A constant of this module with the array library, number type and device of an array."""
    return array_namespace(array).asarray(constant, dtype=array.dtype, device=device(array))


def marginals(probabilities: ColorProbabilities) -> ChromaProbabilities:
    """The probabilities of the bins of Cb alone and of Cr alone, as `photochrom.coloring.distribution` reads them.

    Args:
        probabilities: Shape (batch, colors, rows, columns); the colors of a place sum to 1.

    Returns:
        Shape (batch, 2, bins, rows, columns).
    """
    xp = array_namespace(probabilities)
    batch, colors, rows, columns = probabilities.shape
    shares = xp.reshape(_like(_SHARES_OF_BINS, probabilities), (2 * BIN_COUNT, colors))
    return xp.reshape(xp.matmul(shares, _flat(probabilities)), (batch, 2, BIN_COUNT, rows, columns))


def decided_chroma(probabilities: ColorProbabilities) -> ChromaBatch:
    """The mean of the likeliest group of alike colors, and of other groups the less, the less likely they are.

    The mean of all colors lies between those that are likely, where no color may be: a red or blue coat becomes a pale
    purple. The likeliest color alone jumps from place to place. Here each color counts by its probability times
    the popularity of what is like it.

    Args:
        probabilities: Shape (batch, colors, rows, columns); the colors of a place sum to 1.

    Returns:
        Shape (batch, 2, rows, columns), range [-1, 1].
    """
    flat = _flat(probabilities)
    return _by_popularity(probabilities, flat, array_namespace(flat).matmul(_like(_LIKENESS, flat), flat))


def variant_colors(probabilities: ColorProbabilities, count: int) -> list[ChromaBatch]:
    """Several guesses: the decided one, then those of somebody who prefers a hue where several colors are likely.

    Clothes have several likely colors, skin has one. So a preference changes clothes and keeps skin.

    Args:
        probabilities: Shape (batch, colors, rows, columns); the colors of a place sum to 1.
        count: Number of guesses, from 1 to `MAX_VARIANTS` of `photochrom.coloring.distribution`.

    Returns:
        `count` guesses of shape (batch, 2, rows, columns), range [-1, 1].

    Raises:
        ConfigError: The count is out of range.
    """
    require_variants(count)
    flat = _flat(probabilities)
    popularity = array_namespace(flat).matmul(_like(_LIKENESS, flat), flat)
    appeals = [_like(np.exp(_PREFERENCE * (PALETTE @ hue))[:, None], flat) for hue in _PREFERRED[:count]]
    return [_by_popularity(probabilities, flat, popularity * appeal) for appeal in appeals]


def _by_popularity(probabilities: ColorProbabilities, flat: AnyArray, popularity: AnyArray) -> ChromaBatch:
    """The mean of all colors, each weighted by its probability and by how popular the colors like it are.

    Args:
        flat: The probabilities; shape (batch, colors, places).
        popularity: Same shape, positive.
    """
    xp = array_namespace(flat)
    batch, _, rows, columns = probabilities.shape
    highest = xp.max(popularity, axis=1, keepdims=True)
    weights = flat * xp.matmul(_like(_LIKENESS, flat), (popularity / highest) ** (_DECISIVENESS - 1))
    chroma = xp.matmul(_like(PALETTE.T, flat), weights) / xp.sum(weights, axis=1, keepdims=True)
    return xp.reshape(chroma, (batch, 2, rows, columns))

"""Probabilities of whole colors: Cb and Cr together, as shares of a palette.

A coat may be red or blue. The probabilities of Cb alone and of Cr alone cannot say that it is no purple; those of a
palette can. The functions here take both numpy arrays and torch tensors.
"""

import numpy as np
from array_api_compat import array_namespace

from photochrom.color import merge
from photochrom.coloring.distribution import (
    BIN_CENTERS,
    BIN_COUNT,
    BIN_WIDTH,
    LEVEL,
    VARIANT_SHARES,
    constant_like,
    livelier,
    require_variants,
)
from photochrom.tensors import AnyArray, ChromaBatch, ChromaProbabilities, ColorProbabilities

__all__ = ["PALETTE", "PALETTE_STEP", "decided_chroma", "is_of_palette", "marginals", "variant_colors"]

PALETTE_STEP = 10.0 * LEVEL
"""Distance of neighboring colors in Cb and in Cr."""

_OUTERMOST = 9
"""Steps from gray to the outermost Cb and Cr; of the training photos, one value in 1,700 lies beyond."""


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

_REACH = 16.0 * LEVEL
"""How far the colors lie apart that are alike: the standard deviation of the weight of neighbors."""

_NEIGHBORHOOD = 0.16
"""How far around a place colors make each other popular: the standard deviation of the weight of other places, as a
share of the picture's shorter side."""

_LIVELINESS = 0.4
"""How much longer the mean of the likeliest colors is made, as a share of the spread of what is probable: where that is
uncertain, it is still a compromise."""

_PREFERENCE = 10.0
"""How strongly variants prefer their hue: a color with 9 levels more of that hue is twice as popular."""


def _preferred_hues() -> AnyArray:
    """The hue of each variant as Cb and Cr, of length 1 but for the first, none; shape (variants, 2)."""
    moves = np.array(VARIANT_SHARES, dtype=np.float32) - np.float32(0.5)
    return moves / np.maximum(np.linalg.norm(moves, axis=1, keepdims=True), np.float32(1e-6))


_PREFERRED_HUES = _preferred_hues()


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


def marginals(probabilities: ColorProbabilities) -> ChromaProbabilities:
    """The probabilities of the bins of Cb alone and of Cr alone, as `photochrom.coloring.distribution` reads them.

    Args:
        probabilities: Shape (batch, colors, rows, columns); the colors of a place sum to 1.

    Returns:
        Shape (batch, 2, bins, rows, columns).
    """
    xp = array_namespace(probabilities)
    batch, colors, rows, columns = probabilities.shape
    shares = xp.reshape(constant_like(_SHARES_OF_BINS, probabilities), (2 * BIN_COUNT, colors))
    return xp.reshape(xp.matmul(shares, _flat(probabilities)), (batch, 2, BIN_COUNT, rows, columns))


def decided_chroma(probabilities: ColorProbabilities) -> ChromaBatch:
    """The mean of the likeliest group of alike colors, and of other groups the less, the less likely they are.

    The mean of all colors lies between those that are likely, where no color may be: a red or blue coat becomes a pale
    purple. The likeliest color alone jumps from place to place. Here each color counts by its probability times the
    probability, in a wide neighborhood, of all that are like it, so that a coat has one color and no patches. Where the
    colors of a place differ, their mean is made longer.

    Args:
        probabilities: Shape (batch, colors, rows, columns); the colors of a place sum to 1.

    Returns:
        Shape (batch, 2, rows, columns), range [-1, 1].
    """
    (guess,) = variant_colors(probabilities, 1)
    return guess


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
    xp, (batch, _, rows, columns) = array_namespace(probabilities), probabilities.shape
    flat, likeness, palette = (
        _flat(probabilities),
        constant_like(_LIKENESS, probabilities),
        constant_like(PALETTE, probabilities),
    )
    popularity, spread = _in_neighborhood(xp.matmul(likeness, flat), rows, columns), _spread(flat)
    guesses = []
    for hue in _PREFERRED_HUES[:count]:
        appeal = xp.exp(_PREFERENCE * (palette @ constant_like(hue, palette)))
        weights = flat * xp.matmul(likeness, appeal[:, None] * popularity)
        mean = xp.matmul(palette.T, weights) / xp.sum(weights, axis=1, keepdims=True)
        guesses.append(xp.reshape(livelier(mean, spread, _LIVELINESS), (batch, 2, rows, columns)))
    return guesses


def _in_neighborhood(popularity: AnyArray, rows: int, columns: int) -> AnyArray:
    """The popularity of colors averaged over the neighborhood of each place; shape (batch, colors, places)."""
    xp, reach = array_namespace(popularity), _NEIGHBORHOOD * min(rows, columns)
    down, across = (constant_like(_bells(count, reach), popularity) for count in (rows, columns))
    grid = xp.reshape(popularity, (*popularity.shape[:2], rows, columns))
    return xp.reshape(down @ grid @ across.T, popularity.shape)


def _bells(count: int, reach: float) -> AnyArray:
    """The weight of each place of a row in the average around each one; shape (count, count), each row sums to 1."""
    places = np.arange(count, dtype=np.float32)
    weights = np.exp(-0.5 * ((places[:, None] - places) / reach) ** 2)
    return weights / weights.sum(axis=1, keepdims=True)


def _spread(flat: AnyArray) -> AnyArray:
    """The standard deviation of the colors that are probable at each place; above 0.

    Args:
        flat: Probabilities; shape (batch, colors, places).

    Returns:
        Shape (batch, 1, places).
    """
    xp, palette = array_namespace(flat), constant_like(PALETTE, flat)
    square = xp.matmul(xp.sum(palette**2, axis=1)[None], flat)
    strength = xp.sum(xp.matmul(palette.T, flat) ** 2, axis=1, keepdims=True)
    return xp.sqrt(xp.clip(square - strength, 1e-10, None))

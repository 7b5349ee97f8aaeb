"""Decoding a distribution of chroma: guesses of several kinds, and their confidence.

A gray picture does not show which colors it had. So a network gives the probabilities of a row of bins, at each place,
for Cb and for Cr. The functions here choose one color from them, for both numpy arrays and torch tensors.
"""

import numpy as np
from array_api_compat import array_namespace, device

from photochrom.color import BLUE_SPAN, RED_SPAN, STUDY_MARGIN
from photochrom.errors import ConfigError
from photochrom.tensors import AnyArray, ChromaBatch, ChromaProbabilities, GrayBatch, Probabilities

__all__ = [
    "BIN_CENTERS",
    "BIN_COUNT",
    "BIN_WIDTH",
    "LEVEL",
    "MAX_VARIANTS",
    "NATURAL_VIVIDNESS",
    "cautious_chroma",
    "constant_like",
    "likeliest_chroma",
    "livelier",
    "mean_chroma",
    "natural_chroma",
    "probabilities_from_logits",
    "probability_within",
    "quantile_chroma",
    "require_variants",
    "variant_chroma",
]

LEVEL = 2.0 / 255.0
"""One of 255 levels, as a difference of signed values."""

BIN_WIDTH = 4.0 * LEVEL
_OUTERMOST = 24
BIN_COUNT = 2 * _OUTERMOST + 1
"""Bins of 4 levels, from -96 to 96. In the study's faces, one value in a thousand lies beyond +-57."""

BIN_CENTERS = np.arange(-_OUTERMOST, _OUTERMOST + 1, dtype=np.float32) * np.float32(BIN_WIDTH)
_CANDIDATES = np.arange(-48, 49, dtype=np.float32) * np.float32(2.0 * LEVEL)
"""The values among which `likeliest_chroma` chooses: every second level."""

NATURAL_VIVIDNESS = 1.15
"""Vividness of natural guesses divided by that of the likeliest."""

_LIVELINESS = 0.3
"""How much longer than the mean a cautious guess is, as a share of the spread of what is probable."""

_LIVELIEST = 0.5
"""How much longer any guess can be at most, as a share of the mean."""

_CAUTION = 0.02
"""How fast a cautious guess fades where its mean says little: by half where the spread is seven times the mean. Chosen
with the two above on whole photos, by error and colorfulness; see docs/log.md."""

_SHARPNESS = 60.0
"""How strongly the best candidate wins over its neighbors. Candidates of similar probability are averaged, for smooth
hues."""

_NEIGHBORHOOD = 14.0 * LEVEL
"""Maximum distance of neighbors: the width over which all colors of one bin lie within the margin. Candidates of
another peak do not count: what lies between two likely colors may be unlikely."""


_REACHES = tuple(STUDY_MARGIN * LEVEL / span for span in (BLUE_SPAN, RED_SPAN))
"""Maximum error of Cb with which blue lies within the study's margin, and of Cr with which red does."""


def _window_shares(reach: float) -> AnyArray:
    """For each candidate, the share of each bin whose colors lie within reach of it.

    Args:
        reach: Maximum distance of chroma from the truth.

    Returns:
        Shape (candidates, bins), range [0, 1].
    """
    lower, upper = BIN_CENTERS - BIN_WIDTH / 2.0, BIN_CENTERS + BIN_WIDTH / 2.0
    candidates = _CANDIDATES[:, None]
    overlap = np.minimum(upper, candidates + reach) - np.maximum(lower, candidates - reach)
    return (np.clip(overlap, 0.0, None) / BIN_WIDTH).astype(np.float32)


_WINDOWS = np.stack([_window_shares(reach) for reach in _REACHES])
"""Multiplied with the probabilities of the bins, this gives the probability that the truth lies within reach of each
candidate; for Cb judged by blue, for Cr by red. Shape (2, candidates, bins)."""


def constant_like(constant: AnyArray, array: AnyArray) -> AnyArray:
    """A constant with the array library, number type and device of an array."""
    return array_namespace(array).asarray(constant, dtype=array.dtype, device=device(array))


def _along_bins(values: AnyArray, array: AnyArray) -> AnyArray:
    """Values of bins or candidates, in a shape that fits probabilities, converted by `constant_like`."""
    return array_namespace(array).reshape(constant_like(values, array), (1, 1, -1, 1, 1))


def probabilities_from_logits(logits: AnyArray) -> Probabilities:
    """The probabilities for a network's logits, by softmax.

    Args:
        logits: Shape (..., bins, rows, columns), any range.

    Returns:
        Same shape, range [0, 1]; the bins of a place sum to 1.
    """
    xp = array_namespace(logits)
    powers = xp.exp(logits - xp.max(logits, axis=-3, keepdims=True))
    return powers / xp.sum(powers, axis=-3, keepdims=True)


def mean_chroma(probabilities: ChromaProbabilities) -> ChromaBatch:
    """The mean of the distribution: the guess with the smallest mean squared error; rather gray.

    Args:
        probabilities: Shape (batch, 2, bins, height, width).

    Returns:
        Shape (batch, 2, height, width), range [-1, 1].
    """
    return array_namespace(probabilities).sum(probabilities * _along_bins(BIN_CENTERS, probabilities), axis=2)


def likeliest_chroma(probabilities: ChromaProbabilities) -> ChromaBatch:
    """The guess that most probably lies within the study's margin of the truth: Cb judged by blue, Cr by red.

    Green depends on both, but too weakly to matter.

    Args:
        probabilities: Shape (batch, 2, bins, height, width).

    Returns:
        Shape (batch, 2, height, width), range [-1, 1].
    """
    xp = array_namespace(probabilities)
    hits, candidates = _hit_probabilities(probabilities), _along_bins(_CANDIDATES, probabilities)
    highest = xp.max(hits, axis=2, keepdims=True)
    best = constant_like(_CANDIDATES, probabilities)[xp.argmax(hits, axis=2)][:, :, None]
    is_neighbor = xp.astype(xp.abs(candidates - best) <= _NEIGHBORHOOD, probabilities.dtype)
    weights = xp.exp(_SHARPNESS * (hits - highest)) * is_neighbor
    # Dividing once at the end spares a pass over all candidates.
    return xp.sum(weights * candidates, axis=2) / xp.sum(weights, axis=2)


def _hit_probabilities(probabilities: ChromaProbabilities) -> AnyArray:
    """Probability that the truth lies within reach of each candidate; shape (batch, 2, candidates, height, width)."""
    xp = array_namespace(probabilities)
    batch, _, bins, height, width = probabilities.shape
    windows = constant_like(_WINDOWS, probabilities)
    flat = xp.matmul(windows, xp.reshape(probabilities, (batch, 2, bins, height * width)))
    return xp.reshape(flat, (batch, 2, -1, height, width))


def natural_chroma(probabilities: ChromaProbabilities) -> ChromaBatch:
    """The likeliest guess, made as vivid as true pictures are on average.

    A compromise between several tints is grayer than each of them. On the study's validation faces, the likeliest guess
    of the shipped `face` has 0.83 of the true colorfulness and this one 0.96, at the cost of larger errors.

    Args:
        probabilities: Shape (batch, 2, bins, height, width).

    Returns:
        Shape (batch, 2, height, width), range [-1, 1].
    """
    return likeliest_chroma(probabilities) * NATURAL_VIVIDNESS


def cautious_chroma(probabilities: ChromaProbabilities) -> ChromaBatch:
    """The mean, more vivid where it is a compromise, and faded towards gray where it says little.

    The mean of several tints is paler than each. To make it longer costs least where the truth is uncertain anyway, for
    there the error hardly grows; what is certain, such as skin and grass, is as vivid as it should be. But where the
    mean is short beside the spread, as on backgrounds and clothes, it is that of all colors of the training pictures,
    which is orange, and a wrong color is worse than none. Unlike the likeliest guess, the mean changes smoothly from
    place to place and gives no blotches.

    Args:
        probabilities: Shape (batch, 2, bins, height, width).

    Returns:
        Shape (batch, 2, height, width), range [-1, 1].
    """
    xp = array_namespace(probabilities)
    mean = mean_chroma(probabilities)
    square = xp.sum(probabilities * _along_bins(BIN_CENTERS**2, probabilities), axis=2)
    strength = xp.sum(mean**2, axis=1, keepdims=True)
    variance = xp.clip(xp.sum(square, axis=1, keepdims=True) - strength, 1e-10, None)
    return livelier(mean, xp.sqrt(variance), _LIVELINESS) * strength / (strength + _CAUTION * variance)


def livelier(mean: AnyArray, spread: AnyArray, liveliness: float) -> AnyArray:
    """A mean of several tints made longer, as it is paler than each; at most by half.

    Args:
        mean: Shape (batch, 2, ...).
        spread: The standard deviation of what is probable; shape (batch, 1, ...), above 0.
        liveliness: How much longer, as a share of the spread.

    Returns:
        The shape of the mean.
    """
    xp = array_namespace(mean)
    length = xp.sqrt(xp.sum(mean**2, axis=1, keepdims=True))
    return mean * (1.0 + liveliness * spread / (length + liveliness / _LIVELIEST * spread))


def quantile_chroma(probabilities: ChromaProbabilities, blue: float, red: float) -> ChromaBatch:
    """A quantile of the distribution at each place: the value below which the truth lies with a given probability.

    One pair of quantiles for the whole picture gives a coherent tint. Guesses differ little where the network is
    certain, such as on skin, and more where it is not, such as on clothes.

    Args:
        probabilities: Shape (batch, 2, bins, height, width).
        blue: Probability for Cb, between 0 and 1; 0.5 gives the median.
        red: Probability for Cr, between 0 and 1.

    Returns:
        Shape (batch, 2, height, width), range [-1, 1].
    """
    xp = array_namespace(probabilities)
    shares = xp.reshape(constant_like(np.asarray([blue, red], dtype=np.float32), probabilities), (1, 2, 1, 1, 1))
    below = xp.cumulative_sum(probabilities, axis=2) - probabilities
    # The share of each bin that lies below the quantile: 1 for lower bins, 0 for higher ones.
    filled = xp.clip((shares - below) / xp.clip(probabilities, 1e-6, None), 0.0, 1.0)
    lowest = float(BIN_CENTERS[0]) - BIN_WIDTH / 2.0
    return lowest + BIN_WIDTH * xp.sum(filled, axis=2)


def require_variants(count: int) -> None:
    """Check a number of variants.

    Raises:
        ConfigError: It is not from 1 to `MAX_VARIANTS`.
    """
    if not 1 <= count <= MAX_VARIANTS:
        raise ConfigError(f"there can be 1 to {MAX_VARIANTS} variants, not {count}")


def variant_chroma(probabilities: ChromaProbabilities, count: int) -> list[ChromaBatch]:
    """Several guesses, which differ where the network is uncertain: the median, then warmer and cooler pairs.

    Args:
        probabilities: Shape (batch, 2, bins, height, width).
        count: Number of guesses, from 1 to `MAX_VARIANTS`.

    Returns:
        `count` guesses of shape (batch, 2, height, width), range [-1, 1].

    Raises:
        ConfigError: The count is out of range.
    """
    require_variants(count)
    return [quantile_chroma(probabilities, blue, red) for blue, red in VARIANT_SHARES[:count]]


def probability_within(probabilities: ChromaProbabilities, chroma: ChromaBatch) -> GrayBatch:
    """The confidence of a guess: the mean probability that its red and its blue lie within the study's margin.

    Args:
        probabilities: Shape (batch, 2, bins, height, width).
        chroma: The guess; shape (batch, 2, height, width).

    Returns:
        Shape (batch, 1, height, width), range [0, 1].
    """
    xp = array_namespace(probabilities)
    reach = xp.reshape(constant_like(np.asarray(_REACHES), probabilities), (1, 2, 1, 1, 1))
    distance = xp.abs(_along_bins(BIN_CENTERS, probabilities) - chroma[:, :, None])
    inside = xp.clip((reach + BIN_WIDTH / 2.0 - distance) / BIN_WIDTH, 0.0, 1.0)
    return xp.mean(xp.sum(probabilities * inside, axis=2), axis=1, keepdims=True)


VARIANT_SHARES = (
    (0.5, 0.5),
    (0.3, 0.68),
    (0.7, 0.32),
    (0.4, 0.78),
    (0.6, 0.22),
    (0.18, 0.6),
    (0.82, 0.4),
    (0.66, 0.62),
    (0.34, 0.38),
)
"""Quantiles of Cb and Cr of each variant: the median, then what is warmer, cooler, rosier, more like teal, yellower,
bluer, more purple and greener. Light varies more between warm and cool than between green and pink, so blue and red
mostly move in opposite directions."""

MAX_VARIANTS = len(VARIANT_SHARES)

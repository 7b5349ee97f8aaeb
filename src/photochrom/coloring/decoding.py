"""From the probabilities that a network gives to colors, whatever kind of probabilities they are.

The functions here take both numpy arrays and torch tensors, except for `color_from_probabilities`.
"""

from collections.abc import Callable, Sequence

import numpy as np
from array_api_compat import array_namespace

from photochrom.color import fit_gamut
from photochrom.coloring import distribution
from photochrom.coloring.distribution import cautious_chroma, likeliest_chroma, mean_chroma, natural_chroma
from photochrom.coloring.palette import decided_chroma, is_of_palette, marginals, variant_colors
from photochrom.errors import ConfigError
from photochrom.tensors import (
    AnyArray,
    ChromaBatch,
    ChromaProbabilities,
    ColorProbabilities,
    GrayBatch,
    Probabilities,
    RgbBatch,
)

DECODINGS: dict[str, Callable[[ChromaProbabilities], ChromaBatch]] = {
    "within": likeliest_chroma,
    "mean": mean_chroma,
    "natural": natural_chroma,
    "cautious": cautious_chroma,
}
"""The decodings of any probabilities by name."""

PALETTE_DECODINGS: dict[str, Callable[[ColorProbabilities], ChromaBatch]] = {"decided": decided_chroma}
"""Those of a palette's probabilities alone."""


def require_decoding(name: str, known: Sequence[str]) -> None:
    """Check that a network knows a decoding.

    Args:
        known: The names of its decodings.

    Raises:
        ConfigError: It does not.
    """
    if name not in known:
        raise ConfigError(f"no decoding is called {name!r}; there are: {', '.join(known)}")


def decode_chroma(probabilities: Probabilities, decoding: str) -> ChromaBatch:
    """The guess of a decoding.

    Args:
        probabilities: Shape (batch, 2, bins, rows, columns), or (batch, colors, rows, columns) for a palette's.
        decoding: A key of `DECODINGS` or, for a palette's, of `PALETTE_DECODINGS`.

    Returns:
        Shape (batch, 2, rows, columns), range [-1, 1].

    Raises:
        ConfigError: There is no such decoding of these probabilities.
    """
    palette_decodings = PALETTE_DECODINGS if is_of_palette(probabilities) else {}
    if decoding in palette_decodings:
        return palette_decodings[decoding](probabilities)
    require_decoding(decoding, (*DECODINGS, *palette_decodings))
    return DECODINGS[decoding](of_bins(probabilities))


def variant_chroma(probabilities: Probabilities, decoding: str, count: int) -> list[ChromaBatch]:
    """The guess of a decoding, then others, which differ from it where several colors are likely.

    They are warmer, cooler, rosier and so on; see `photochrom.coloring.distribution.VARIANT_SHARES`.

    Args:
        probabilities: As for `decode_chroma`.
        decoding: As there.
        count: Number of guesses, from 1 to `MAX_VARIANTS` of `photochrom.coloring.distribution`.

    Returns:
        `count` guesses of shape (batch, 2, rows, columns); all but the first may leave [-1, 1].

    Raises:
        ConfigError: The count is out of range, or there is no such decoding of these probabilities.
    """
    if count == 1:
        return [decode_chroma(probabilities, decoding)]
    of_palette = is_of_palette(probabilities)
    plain, *others = (variant_colors if of_palette else distribution.variant_chroma)(probabilities, count)
    # Of a palette's colors, the first variant is what `decided` gives.
    best = plain if of_palette and decoding == "decided" else decode_chroma(probabilities, decoding)
    return [best, *(best + (other - plain) for other in others)]


def of_bins(probabilities: Probabilities) -> ChromaProbabilities:
    """The probabilities of the bins of Cb and of Cr; those of a palette become their marginals."""
    return marginals(probabilities) if is_of_palette(probabilities) else probabilities


def probability_within(probabilities: Probabilities, chroma: ChromaBatch) -> GrayBatch:
    """The confidence of a guess, as `photochrom.coloring.distribution.probability_within` gives it.

    Args:
        probabilities: As for `decode_chroma`.
        chroma: The guess; shape (batch, 2, rows, columns).

    Returns:
        Shape (batch, 1, rows, columns), range [0, 1].
    """
    return distribution.probability_within(of_bins(probabilities), chroma)


def as_observed(stated: AnyArray, steepness: float, modesty: float) -> AnyArray:
    """How often guesses of a stated confidence are right on unseen photos.

    Args:
        stated: Any shape; what lies outside of [0, 1] counts as its nearest end.
        steepness: How far confidence is moved from even odds: the power to which odds are raised. 1 changes nothing.
        modesty: What the odds of being wrong are multiplied with. 1 changes nothing.

    Returns:
        Same shape, range [0, 1]; 0 and 1 stay, and no two values change places.

    Reference:
        Platt, "Probabilistic outputs for support vector machines", 1999: a line through the logarithms of odds.
    """
    stated = array_namespace(stated).clip(stated, 0.0, 1.0)
    right, wrong = stated**steepness, modesty * (1.0 - stated) ** steepness
    return right / (right + wrong)


def color_from_probabilities(gray: GrayBatch, probabilities: Probabilities, decoding: str, stride: int) -> RgbBatch:
    """The color pictures for probabilities, as the network itself decodes them; for numpy arrays.

    Args:
        gray: The network's input; shape (batch, 1, height, width), signed.
        probabilities: As for `decode_chroma`; rows and columns are height and width divided by the stride, rounded up.
        decoding: As there.
        stride: Width of the picture divided by that of the probabilities, as in the metadata.

    Returns:
        Shape (batch, 3, height, width), signed; the luma is that of the gray.

    Raises:
        ConfigError: There is no such decoding.
    """
    height, width = gray.shape[-2:]
    enlarged = _enlarged(decode_chroma(probabilities, decoding), stride)
    return fit_gamut(gray, enlarged[..., :height, :width])


def _enlarged(chroma: ChromaBatch, factor: int) -> AnyArray:
    """Chroma at a multiple of its size, linear between the centers of its places; shape (batch, 2, height, width)."""
    rows, columns = (_linear_weights(count, factor) for count in chroma.shape[-2:])
    return rows @ chroma @ columns.T


def _linear_weights(count: int, factor: int) -> AnyArray:
    """The weight of each value at each place between them; shape (count * factor, count), float32."""
    places = (np.arange(count * factor, dtype=np.float32) + 0.5) / factor - 0.5
    distance = np.abs(places.clip(0, count - 1)[:, None] - np.arange(count, dtype=np.float32))
    return np.clip(1.0 - distance, 0.0, None).astype(np.float32)

"""Hints: known colors, spread from their places over the regions around them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from photochrom.color import rgb_to_chroma, to_signed
from photochrom.coloring._chroma_field import ChromaField, FloatMap, follow_luma
from photochrom.coloring._options import Hint
from photochrom.coloring._regions import LONGEST_SIDE, distance_from, small_luma
from photochrom.errors import ConfigError

_REACH = 0.8
"""Distance over which a color fades in an even region, as a share of the photo's longer side."""

_LUMA_REACH = 0.6
"""Changes of luma on the way, all together, over which it fades, in signed values: 76 of 255 levels. Folds in cloth do
not end a region, an outline does."""

_LUMA_DIFFERENCE = 0.4
"""Difference of luma from the hint's own place over which it fades, in signed values: 51 of 255 levels."""


def require_inside(hints: Sequence[Hint], size: tuple[int, int]) -> None:
    """Check that hints lie inside a photo.

    Args:
        hints: In pixels of the upright photo.
        size: Height and width of the photo.

    Raises:
        ConfigError: A hint lies outside the photo.
    """
    height, width = size
    for hint in hints:
        if not (0 <= hint.x < width and 0 <= hint.y < height):
            raise ConfigError(f"the hint at {hint.x:g},{hint.y:g} lies outside the photo, which is {width}x{height}")


@dataclass(frozen=True, eq=False)
class HintLayer:
    """The colors of hints, and where they apply.

    Attributes:
        field: Chroma of the hints.
        weights: 1 where the hints apply, 0 where they do not; shape (rows, columns).
    """

    field: ChromaField
    weights: FloatMap

    def upon(self, field: ChromaField) -> ChromaField:
        """A field with the hints' colors in their regions, unchanged elsewhere."""
        return field.blended(self.field, self.weights)


def hint_layer(luma: FloatMap, hints: Sequence[Hint], size: tuple[int, int]) -> HintLayer | None:
    """Spread the colors of hints over their regions, but not across edges.

    Args:
        luma: The photo's luma on the grid of its chroma; shape (rows, columns), signed.
        hints: In pixels of the photo, all inside it. Their order does not matter; each is exact at its own place.
        size: Height and width of the photo.

    Returns:
        None if there are no hints.
    """
    if not hints:
        return None
    small = small_luma(luma)
    distances = np.stack([_distance(small, hint, size) for hint in hints])
    nearness = 1.0 / (distances + 1e-3) ** 2
    chroma = np.einsum("hrc,hk->krc", nearness / nearness.sum(axis=0), np.stack([_chroma_of(hint) for hint in hints]))
    influence = np.exp(-(distances.min(axis=0) ** 2))
    maps = np.concatenate([chroma, influence[None]]).astype(np.float32)
    followed = follow_luma(maps, luma, radius=max(1, round(max(luma.shape) / LONGEST_SIDE))).at(luma)
    hinted = np.concatenate([np.zeros_like(followed[:2]), followed[:2]])
    return HintLayer(ChromaField(hinted), followed[2].clip(0.0, 1.0))


def _distance(luma: FloatMap, hint: Hint, size: tuple[int, int]) -> FloatMap:
    """Distance of each place from a hint in a photo of a size; at 1, a third of its color is left."""
    row, column = (int(at * count / side) for at, count, side in zip((hint.y, hint.x), luma.shape, size, strict=True))
    start = np.zeros(luma.shape, dtype=bool)
    start[row, column] = True
    distance = distance_from(luma, start, reach=_REACH * max(luma.shape), luma_reach=_LUMA_REACH)
    # A much lighter or darker place belongs to another region, even if luma changes gently on the way to it.
    return distance + np.abs(luma - luma[row, column]) / _LUMA_DIFFERENCE


def _chroma_of(hint: Hint) -> FloatMap:
    """Cb and Cr; shape (2,)."""
    rgb = to_signed(np.asarray(hint.color, dtype=np.uint8)).reshape(1, 3, 1, 1)
    chroma: FloatMap = rgb_to_chroma(rgb).reshape(2)
    return chroma

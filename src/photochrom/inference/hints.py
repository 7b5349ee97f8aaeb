"""What a user knows of the colors: a place and its color, spread over the region around it."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from photochrom.color import rgb_to_chroma, to_signed
from photochrom.errors import ConfigError
from photochrom.inference.chroma_field import ChromaField, FloatMap, follow_luma

__all__ = ["Hint", "apply_hints", "parse_hint"]

_LONGEST_SIDE = 320
"""Of the map on which regions are found: fine enough for a face in a group, and quick."""

_REACH = 0.35
"""How far a color spreads over an even region, as a share of the photo's longer side."""

_LUMA_REACH = 0.22
"""How much luma may change on the way, in signed values: 28 of 255 levels."""

_GRAIN = 5
"""Places over which luma is evened out before its changes are counted."""

_SWEEPS = 64
"""At most, over the whole map; a region as winding as a spiral needs more than one, a common one three."""


@dataclass(frozen=True)
class Hint:
    """A place whose color the user knows.

    Attributes:
        x: Pixels from the left of the upright photo.
        y: Pixels from its top.
        color: Red, green and blue, each from 0 to 255. Its hue is taken; how light it is, the photo says.
    """

    x: float
    y: float
    color: tuple[int, int, int]


def parse_hint(text: str) -> Hint:
    """A hint as users write it.

    Args:
        text: Such as `120,80,#7a4b2c`: x, y and the color.

    Raises:
        ConfigError: It is written otherwise.

    Example:
        >>> parse_hint("120,80,#ff0080")
        Hint(x=120.0, y=80.0, color=(255, 0, 128))
    """
    x, _, rest = text.partition(",")
    y, _, color = (part.strip() for part in rest.partition(","))
    try:
        if len(color) != 7 or not color.startswith("#"):
            raise ValueError(color)
        red, green, blue = bytes.fromhex(color[1:])
        hint = Hint(float(x), float(y), (red, green, blue))
    except ValueError as error:
        raise ConfigError(f"a hint is written x,y,#rrggbb, such as 120,80,#7a4b2c; not {text!r}") from error
    return hint


def apply_hints(field: ChromaField, luma: FloatMap, hints: Sequence[Hint], size: tuple[int, int]) -> ChromaField:
    """Give the regions of hints their colors; elsewhere, and beyond edges, the field stays.

    Args:
        field: Of the photo.
        luma: On the field's grid; shape (rows, columns), signed.
        hints: Later ones are as strong as earlier ones; each is exact at its own place.
        size: Height and width of the photo, in whose pixels hints are given.

    Raises:
        ConfigError: A hint lies outside the photo.
    """
    if not hints:
        return field
    small = _small(luma)
    distances = np.stack([_distance(small, *_place(hint, size, small)) for hint in hints])
    nearness = 1.0 / (distances + 1e-3) ** 2
    chroma = np.einsum("hrc,hk->rck", nearness / nearness.sum(axis=0), np.stack([_chroma_of(hint) for hint in hints]))
    influence = np.exp(-(distances.min(axis=0) ** 4))
    maps = np.concatenate([chroma, influence[..., None]], axis=2).astype(np.float32)
    followed = follow_luma(maps, luma, radius=max(1, round(max(luma.shape) / _LONGEST_SIDE))).at(luma)
    hinted = np.concatenate([np.zeros_like(followed[..., :2]), followed[..., :2]], axis=2)
    return field.blended(ChromaField(hinted), followed[..., 2].clip(0.0, 1.0))


def _small(luma: FloatMap) -> FloatMap:
    """Luma on the map on which regions are found, without its grain."""
    rows, columns = luma.shape
    share = min(1.0, _LONGEST_SIDE / max(rows, columns))
    shrunk = cv2.resize(
        luma, (max(1, round(columns * share)), max(1, round(rows * share))), interpolation=cv2.INTER_AREA
    )
    return cv2.medianBlur(shrunk, _GRAIN)


def _place(hint: Hint, size: tuple[int, int], small: FloatMap) -> tuple[int, int]:
    """Row and column of a hint on the map on which regions are found."""
    height, width = size
    if not (0 <= hint.x < width and 0 <= hint.y < height):
        raise ConfigError(f"the hint at {hint.x:g},{hint.y:g} lies outside the photo, which is {width}x{height}")
    return int(hint.y * small.shape[0] / height), int(hint.x * small.shape[1] / width)


def _chroma_of(hint: Hint) -> FloatMap:
    """Cb and Cr; shape (2,)."""
    rgb = to_signed(np.asarray(hint.color, dtype=np.uint8)).reshape(1, 3, 1, 1)
    chroma: FloatMap = rgb_to_chroma(rgb).reshape(2)
    return chroma


def _distance(luma: FloatMap, row: int, column: int) -> FloatMap:
    """How far each place is from one of them, along the way on which luma changes least; 1 is at the end of its reach.

    Args:
        luma: Shape (rows, columns), signed.
        row: Of the place.
        column: Of the place.

    Returns:
        Shape (rows, columns).

    Reference:
        Criminisi, Sharp and Blake, "GeoS: geodesic image segmentation", 2008, for distances by sweeps.
    """
    step = 1.0 / (_REACH * max(luma.shape))
    down = step + np.abs(np.diff(luma, axis=0)) / _LUMA_REACH
    across = step + np.abs(np.diff(luma, axis=1)) / _LUMA_REACH
    distance = np.full(luma.shape, np.inf, dtype=np.float32)
    distance[row, column] = 0.0
    for _ in range(_SWEEPS):
        before = distance.copy()
        _sweep(distance, down)
        _sweep(distance[::-1], down[::-1])
        _sweep(distance.T, across.T)
        _sweep(distance.T[::-1], across.T[::-1])
        if np.array_equal(distance, before):
            break
    # What is far lighter or darker than the place belongs to another region, even when the way to it is gentle.
    distance += np.abs(luma - luma[row, column]) / _LUMA_REACH
    return distance


def _sweep(distance: FloatMap, cost: FloatMap) -> None:
    """Shorten distances, in place, by ways that come from the row before."""
    for row in range(1, len(distance)):
        np.minimum(distance[row], distance[row - 1] + cost[row - 1], out=distance[row])

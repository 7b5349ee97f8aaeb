"""Telling photos without colors from photos with them: a sepia print or a colored scan is no color photo."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from photochrom.color import BLUE_SPAN, RED_SPAN

__all__ = ["TINT_LIMIT", "Coloring", "judge_coloring"]

Coloring = Literal["gray", "tinted", "color"]

TINT_LIMIT = 4.5
"""How far, in levels of 255, a quarter of a photo's chroma must at least lie from one smooth tint to count as color.

Chosen and measured on the same 1,240 pictures: 160 portraits of museums, 400 of members of Congress, 600 face crops
of 200x200 and 80 of 80x80 pixels. Each was also made gray, and given two of nine tones (sepias, cyanotype, selenium,
split, faded, mild) with a random choice of uneven tint, colored grain, stains, misaligned channels and JPEG of quality
30 to 95, drawn anew for the measurement.

- 0.7 % of the 2,480 toned pictures were called color: 4 % of those with both stains and an uneven tint, 0.1 % of all
  others. None of the 1,240 gray ones was called anything else.
- 3 % of the museums' portraits, none of Congress's, and 15 % of the face crops, which skin fills, were called tinted
  though they have colors (of the crops, some have none). That does less harm: they are colored anew.
"""

_GRAY_LIMIT = 3.0
"""Chroma that nobody sees, in levels of 255: what JPEG and a scanner's noise leave of none."""

_SIDE = 16
"""The judged picture is so small that grain and JPEG blocks are averaged away, but not the colors of things."""

_LEAST_SIDE = 4
_DEGREE = 3
_REWEIGHTINGS = 3

Levels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]


def judge_coloring(rgb: Levels, visible: Levels | None = None) -> Coloring:
    """Whether a photo is gray, has one tint, or shows colors.

    Colors of things do not follow from how light they are; a tint does. So chroma is fitted by a cubic of luma and,
    for prints that yellowed from one side, a slope across the picture. What the fit leaves over is color.

    Args:
        rgb: Shape (height, width, 3), uint8; a copy of the photo scaled down to some 100 pixels is enough.
        visible: Alpha of the same height and width; what is mostly transparent does not count.

    Returns:
        `gray`, `tinted` or `color`. See `TINT_LIMIT` for how often this errs.
    """
    small = _shrink(rgb)
    shown = np.ones(small.shape[:2], dtype=bool) if visible is None else _shrink(visible) >= 128
    if np.count_nonzero(shown) < _SIDE:  # too few places to fit anything to
        shown = np.ones_like(shown)
    luma = small @ np.array([0.299, 0.587, 0.114])
    chroma = np.stack([(small[..., 2] - luma) / BLUE_SPAN, (small[..., 0] - luma) / RED_SPAN], axis=-1)[shown]
    if np.hypot(chroma[:, 0], chroma[:, 1]).max() <= _GRAY_LIMIT:
        return "gray"
    leftover = _distance_from_tint(chroma, _tint_terms(luma)[shown])
    return "tinted" if np.quantile(leftover, 0.75) <= TINT_LIMIT else "color"


def _shrink(levels: Levels) -> Floats:
    """The whole picture at the judged size, each place the mean of its area; a smaller picture stays as it is."""
    height, width = levels.shape[:2]
    scale = _SIDE / max(height, width)
    if scale >= 1.0:
        return levels.astype(np.float64)
    rows = _area_weights(height, max(_LEAST_SIDE, round(height * scale)))
    columns = _area_weights(width, max(_LEAST_SIDE, round(width * scale)))
    across = np.tensordot(rows, levels.astype(np.float64), axes=1)
    return np.moveaxis(np.tensordot(columns, across, axes=(1, 1)), 0, 1)


def _area_weights(before: int, after: int) -> Floats:
    """How much each of some old rows counts in each new one; shape (after, before), each row sums to 1."""
    edges = np.linspace(0.0, before, after + 1)
    old = np.arange(before)
    overlap = np.minimum(edges[1:, None], old + 1) - np.maximum(edges[:-1, None], old)
    return np.asarray(np.maximum(overlap, 0.0) * (after / before))


def _tint_terms(luma: Floats) -> Floats:
    """What a tint may depend on: powers of luma, and the place; shape (height, width, terms)."""
    height, width = luma.shape
    down, across = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    signed = luma / 127.5 - 1.0
    return np.stack([*(signed**power for power in range(_DEGREE + 1)), down, across], axis=-1)


def _distance_from_tint(chroma: Floats, terms: Floats) -> Floats:
    """How far each place's chroma lies from the best tint; places far off, such as a stain, weigh less in the fit."""
    weights = np.ones(len(chroma))
    distance = np.zeros(len(chroma))
    for _ in range(_REWEIGHTINGS):
        roots = np.sqrt(weights)[:, None]
        tint = np.linalg.lstsq(terms * roots, chroma * roots, rcond=None)[0]
        distance = np.hypot(*(chroma - terms @ tint).T)
        weights = 1.0 / np.maximum(1.0, distance / max(1e-3, 1.5 * float(np.median(distance))))
    return distance

"""Regions of a photo: places that are joined by ways on which luma changes little."""

import numpy as np
import numpy.typing as npt

from photochrom.coloring._chroma_field import FloatMap
from photochrom.coloring.resampling import median, resized

LONGEST_SIDE = 320
"""Maximum side of the map on which regions are found: fine enough for a face in a group, and fast."""

_GRAIN = 2
"""Radius, in places, of the median that removes grain before changes of luma are counted."""

_SWEEPS = 64
"""Maximum number of passes over the map. Usual regions need 10 to 20; only winding ones, such as spirals, need more."""

_FAR = 2.0
"""Distances from here on are not used: the passes end when no smaller distance changes."""


def small_luma(luma: FloatMap) -> FloatMap:
    """The map of luma on which regions are found, without grain.

    Args:
        luma: Shape (rows, columns), signed.
    """
    rows, columns = luma.shape
    share = min(1.0, LONGEST_SIDE / max(rows, columns))
    return median(resized(luma, max(1, round(rows * share)), max(1, round(columns * share))), _GRAIN)


def distance_from(luma: FloatMap, start: npt.NDArray[np.bool_], *, reach: float, luma_reach: float) -> FloatMap:
    """Distance of each place from the starting places, along the way on which luma changes least.

    Args:
        luma: Shape (rows, columns), signed.
        start: True at the starting places, of which there is at least one; shape (rows, columns).
        reach: Number of places that make a distance of 1 where luma is even.
        luma_reach: Change of luma, in signed values, that adds 1 to the distance.

    Returns:
        Shape (rows, columns); 0 at the starting places. Distances above 2 may be too long.

    Reference:
        Criminisi, Sharp and Blake, "GeoS: geodesic image segmentation", 2008, for distances by sweeps.
    """
    down = 1.0 / reach + np.abs(np.diff(luma, axis=0)) / luma_reach
    across = 1.0 / reach + np.abs(np.diff(luma, axis=1)) / luma_reach
    distance = np.where(start, np.float32(0.0), np.float32(np.inf))
    for _ in range(_SWEEPS):
        before = distance.copy()
        _sweep(distance, down)
        _sweep(distance[::-1], down[::-1])
        _sweep(distance.T, across.T)
        _sweep(distance.T[::-1], across.T[::-1])
        if np.array_equal(np.minimum(distance, _FAR), np.minimum(before, _FAR)):
            break
    return distance


def _sweep(distance: FloatMap, cost: FloatMap) -> None:
    """Shorten distances, in place, by ways that lead through the row before."""
    for row in range(1, len(distance)):
        np.minimum(distance[row], distance[row - 1] + cost[row - 1], out=distance[row])

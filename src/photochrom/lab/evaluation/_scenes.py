"""Fog and bleeding: whether colors stay within the things that a photo shows.

An unsure network paints clouds of color that follow nothing in the photo. Error and colorfulness hardly show them, so
they are measured separately, at the size of a photo seen as a whole. Stray edges and patchiness are shares: they are
the same for a pale and a vivid version of a guess.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from photochrom.coloring.resampling import resized
from photochrom.lab.metrics import FloatArray

_SIDE = 160
"""Photos are shrunk to as many pixels as a square of this side: finer chroma is grain and traces of compression."""

_LUMA_EDGE = 2.0
"""Minimum change of L* between neighboring pixels of the shrunk photo that is an edge. In photos of three test sets, a
third of the pixels has no edge near it, and an eighth of the true chroma edges lies there."""

_NEAR = np.ones((3, 3), np.uint8)

_PLACE_SCALE, _PLACE_SMOOTHING, _SMALLEST_PLACE = 100.0, 0.8, 40
"""Of the segmentation: with these, a photo has 40 to 100 places, and the largest covers a fifth of it."""

_NEUTRAL = 6.0
"""Chroma below which a thing looks gray, such as asphalt, walls and white shirts."""

_INVISIBLE = 0.05
"""Chroma, or change of chroma, that a gray picture of 8 bits has from rounding; it counts as 0."""


@dataclass(frozen=True)
class Scene:
    """The edges, the things and the gray parts of a true photo.

    Attributes:
        size: Height and width of the shrunk photo.
        has_luma_edge: Whether an edge of luma is near each pixel; shape (height, width).
        places: The number of the place that each pixel belongs to; shape (height, width).
        is_neutral: Whether each pixel has no color; shape (height, width).
    """

    size: tuple[int, int]
    has_luma_edge: npt.NDArray[np.bool_]
    places: npt.NDArray[np.int64]
    is_neutral: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, truth: FloatArray) -> "Scene":
        """Find the edges, the things and the gray parts of a true photo.

        Args:
            truth: CIELAB; shape (height, width, 3), float32.

        Reference:
            Felzenszwalb and Huttenlocher, "Efficient graph-based image segmentation", 2004.
        """
        from scipy.ndimage import binary_dilation
        from skimage.segmentation import felzenszwalb

        height, width = truth.shape[:2]
        size = smaller_size((height, width), _SIDE / (height * width) ** 0.5)
        seen = shrunk(truth, size)
        edges = _change(seen[..., :1]) >= _LUMA_EDGE
        places = felzenszwalb(seen / 100.0, scale=_PLACE_SCALE, sigma=_PLACE_SMOOTHING, min_size=_SMALLEST_PLACE)
        neutral = np.hypot(seen[..., 1], seen[..., 2]) < _NEUTRAL
        return cls(size, binary_dilation(edges, _NEAR), np.asarray(places, np.int64), neutral)

    def seen(self, values: FloatArray) -> FloatArray:
        """A map of the photo at the size of the scene."""
        return shrunk(values, self.size)


def fog_values(scene: Scene, lab: FloatArray, where: npt.NDArray[np.bool_]) -> dict[str, float]:
    """Measure the fog in one part of a photo.

    Args:
        scene: Of the true photo.
        lab: CIELAB of the true or the colored photo, as `Scene.seen` gives it; shape (height, width, 3).
        where: A mask of the part; shape (height, width).

    Returns:
        `stray_edges`, the share of the change of chroma between neighboring pixels that lies where luma has no edge;
        `patchiness`, the distance of chroma from the mean of its place divided by that from the mean of the photo;
        `false_color`, the mean chroma of what is gray in truth, NaN if nothing is. Each is 0 for a gray photo.
    """
    chroma = lab[..., 1:]
    change = _change(chroma)[where]
    from_place = np.linalg.norm(chroma - _means(chroma, scene.places), axis=-1)[where]
    from_all = np.linalg.norm(chroma - chroma.mean(axis=(0, 1)), axis=-1)[where]
    neutral = np.linalg.norm(chroma, axis=-1)[scene.is_neutral & where]
    return {
        "stray_edges": _share(change * ~scene.has_luma_edge[where], change),
        "patchiness": _share(from_place, from_all),
        "false_color": float(neutral.mean()) if neutral.size else float("nan"),
    }


def shrunk(values: npt.NDArray[Any], size: tuple[int, int]) -> npt.NDArray[Any]:
    """A picture, maps or a mask at a smaller size: each pixel is the mean, or the majority, of the area it covers.

    Args:
        values: Shape (height, width), or with channels along a third axis; uint8, float32 or bool.
        size: Height and width of the result.
    """
    if values.dtype == np.bool_:
        return shrunk(values.astype(np.float32), size) > 0.5
    return np.moveaxis(resized(np.moveaxis(values, (0, 1), (-2, -1)), *size), (-2, -1), (0, 1))


def smaller_size(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """Height and width times a scale; unchanged if the scale is above 1."""
    height, width = (max(1, round(side * min(1.0, scale))) for side in size)
    return height, width


def _change(values: FloatArray) -> FloatArray:
    """How much values of shape (height, width, channels) change between neighboring pixels; shape (height, width)."""
    down, across = (np.diff(values, axis=axis, append=np.take(values, [-1], axis)) for axis in (0, 1))
    return np.asarray(np.sqrt((down**2 + across**2).sum(axis=-1)))


def _means(values: FloatArray, places: npt.NDArray[np.int64]) -> FloatArray:
    """The mean over the place of each pixel; shape (height, width, channels)."""
    flat = places.ravel()
    counts = np.bincount(flat).clip(1)
    sums = [np.bincount(flat, weights=channel.ravel()) for channel in np.moveaxis(values, -1, 0)]
    return np.asarray((np.stack(sums, axis=-1) / counts[:, None])[places], dtype=values.dtype)


def _share(part: FloatArray, whole: FloatArray) -> float:
    if not whole.size or whole.mean() < _INVISIBLE:
        return 0.0
    return float(part.sum() / whole.sum())

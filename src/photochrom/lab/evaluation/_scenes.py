"""Fog and bleeding: whether colors keep to the things that a photo shows.

A network that is unsure paints clouds that follow nothing. Error and colorfulness hardly tell them from real colors, so
they are measured by themselves, at a size at which one looks at a whole photo. All measures are shares, so that a pale
guess is not cleaner, nor a vivid one foggier, than the same guess at another strength.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from photochrom.coloring.resampling import resized
from photochrom.lab.metrics import FloatArray

__all__ = ["Scene", "fog_values", "shrunk"]

_SIDE = 160
"""Of a square of as many pixels as a photo is shrunk to: finer chroma is grain and traces of compression."""

_LUMA_EDGE = 2.0
"""The change of L* from pixel to pixel of the shrunk photo from which there is an edge. In photos of three test sets a
third of the pixels has none near it, and an eighth of the true chroma edges lies there."""

_NEAR = np.ones((3, 3), np.uint8)

_PLACE_SCALE, _PLACE_SMOOTHING, _SMALLEST_PLACE = 100.0, 0.8, 40
"""Of the segmentation: with these a photo has from 40 to 100 places, the largest of which takes a fifth of it."""

_NEUTRAL = 6.0
"""Chroma below which a thing looks gray, as asphalt, walls and white shirts do."""

_INVISIBLE = 0.05
"""Chroma, or its change, that is none: what a gray picture of 8 bits has after rounding."""


@dataclass(frozen=True)
class Scene:
    """What a true photo shows: where its edges are, which places are one thing, and what is gray.

    Attributes:
        size: Height and width of the shrunk photo.
        has_luma_edge: Where luma has an edge near; shape (height, width), bool.
        places: The number of the place that each pixel belongs to; shape (height, width).
        is_neutral: Where the truth has no color; shape (height, width), bool.
    """

    size: tuple[int, int]
    has_luma_edge: npt.NDArray[np.bool_]
    places: npt.NDArray[np.int64]
    is_neutral: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, truth: FloatArray) -> "Scene":
        """See a true photo.

        Args:
            truth: CIELAB; shape (height, width, 3), float32.

        Reference:
            Felzenszwalb and Huttenlocher, "Efficient graph-based image segmentation", 2004.
        """
        from scipy.ndimage import binary_dilation
        from skimage.segmentation import felzenszwalb

        height, width = truth.shape[:2]
        share = min(1.0, _SIDE / (height * width) ** 0.5)
        size = max(1, round(height * share)), max(1, round(width * share))
        seen = shrunk(truth, size)
        edges = _change(seen[..., :1]) >= _LUMA_EDGE
        places = felzenszwalb(seen / 100.0, scale=_PLACE_SCALE, sigma=_PLACE_SMOOTHING, min_size=_SMALLEST_PLACE)
        neutral = np.hypot(seen[..., 1], seen[..., 2]) < _NEUTRAL
        return cls(size, binary_dilation(edges, _NEAR), np.asarray(places, np.int64), neutral)

    def seen(self, values: FloatArray) -> FloatArray:
        """A map of the photo, shrunk to the size at which it is looked at."""
        return shrunk(values, self.size)


def fog_values(scene: Scene, lab: FloatArray, where: npt.NDArray[np.bool_]) -> dict[str, float]:
    """How much of a photo's chroma keeps to nothing, in one part of it.

    Args:
        scene: What the true photo shows.
        lab: CIELAB of the photo, true or colored, as `Scene.seen` gives it; shape (height, width, 3).
        where: The part; shape (height, width), bool.

    Returns:
        `stray_edges`, the share of all change of chroma from pixel to pixel that lies where luma has no edge;
        `patchiness`, how far chroma is from the mean of its place, as a share of how far it is from that of the whole
        photo; `false_color`, the mean chroma of what is gray in truth, NaN where nothing is. Each is 0 for a gray
        photo.
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
    """A picture, maps or a mask at a smaller size: the mean, or the majority, of what each pixel stands for.

    Args:
        values: Shape (height, width), or with channels along a third axis; uint8, float32 or bool.
        size: Height and width of the result.
    """
    if values.dtype == np.bool_:
        return shrunk(values.astype(np.float32), size) > 0.5
    return np.moveaxis(resized(np.moveaxis(values, (0, 1), (-2, -1)), *size), (-2, -1), (0, 1))


def _change(values: FloatArray) -> FloatArray:
    """How much values change from pixel to pixel; shape (height, width), of (height, width, channels)."""
    down, across = (np.diff(values, axis=axis, append=np.take(values, [-1], axis)) for axis in (0, 1))
    return np.asarray(np.sqrt((down**2 + across**2).sum(axis=-1)))


def _means(values: FloatArray, places: npt.NDArray[np.int64]) -> FloatArray:
    """The mean of each pixel's place; shape (height, width, channels)."""
    flat = places.ravel()
    counts = np.bincount(flat).clip(1)
    sums = [np.bincount(flat, weights=channel.ravel()) for channel in np.moveaxis(values, -1, 0)]
    return np.asarray((np.stack(sums, axis=-1) / counts[:, None])[places], dtype=values.dtype)


def _share(part: FloatArray, whole: FloatArray) -> float:
    if not whole.size or whole.mean() < _INVISIBLE:
        return 0.0
    return float(part.sum() / whole.sum())

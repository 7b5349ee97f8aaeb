"""YuNet, the face detector: it searches a photo at several sizes, in tiles, and merges repeated detections.

YuNet was trained on faces of about 10 to 300 pixels and is most certain of 50 to 300, in sharp photos. Its file takes
pictures of one size only.
"""

import math
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, UInt8
from PIL import Image

from photochrom.coloring._faces import Box, Face, Landmarks, Luma, Point, merge
from photochrom.coloring.resampling import gaussian_mean, resized
from photochrom.errors import ConfigError, PhotoError

_Found = Float[Any, "faces 15"]
"""Left, top, width, height, the five landmarks as (x, y) each, and the score of each face found."""

_Numbers = npt.NDArray[np.float64]

_YUNET = Path(__file__).parents[1] / "weights" / "yunet.onnx"

_TILE = 640
"""Height and width of the pictures that YuNet's file takes."""

_STRIDES = (8, 16, 32)
"""Pixels between the anchors of YuNet's three outputs, for small, medium and large faces."""

_OVERLAP = 128
"""Pixels that neighboring tiles share: a face up to this size lies whole in one of them."""

_LARGEST_SCALE = 3.0
"""Maximum enlargement of a small photo: YuNet needs faces of about 48 pixels to be sure, and one may have 16."""

_LARGEST_STEP = 2.0
"""Maximum factor between neighboring sizes. With 3, up to a seventh of the faces in worn photos was missed."""

_OVERVIEW = 256
"""Shorter side of the smallest picture searched: YuNet is surest of a face that fills it. It found all of 300 tightly
cut faces at 240 pixels, and 96 percent of them at 80."""

_SMOOTHING = 1.25
"""Standard deviation, in pixels of the searched picture, of the blur against grain: YuNet misses more faces in grainy
photos than in faded ones."""

_FADED = (0.1, 99.9)
"""Percentiles of the photo's levels that become black and white. With 1 and 99, faces in good photos were lost."""

_SAMPLES = 100_000
"""About how many pixels the percentiles are computed from."""

_LEAST_CONTRAST = 32.0
"""Minimum number of levels that is stretched to the full range: an empty photo would become all noise."""


class YuNet:
    """Finds faces with YuNet; its file is read for the first photo.

    Several threads may share a detector: it stores nothing of a photo.

    Reference:
        Wu, Peng, Yu: YuNet: A Tiny Millisecond-level Face Detector. Machine Intelligence Research 20, 2023.
    """

    def __init__(self, *, score_threshold: float = 0.7, max_tiles: int = 24, threads: int = 0) -> None:
        """Set how certain and how thorough the detector is.

        Args:
            score_threshold: Faces with a lower score are left out; above 0, at most 1.
            max_tiles: Maximum number of tiles of 640 by 640 pixels at the largest size of a photo; at least 1. More
                tiles find smaller faces in large photos and take longer, about 9 ms each. 24 cover 7 megapixels.
            threads: Maximum number of threads for a photo; 0 for one per core.

        Raises:
            ConfigError: A value is out of range.
        """
        if not 0.0 < score_threshold <= 1.0:
            raise ConfigError(f"score_threshold is {score_threshold}; it must be above 0 and at most 1")
        if max_tiles < 1:
            raise ConfigError(f"max_tiles is {max_tiles}; it must be at least 1")
        if threads < 0:
            raise ConfigError(f"threads is {threads}; it must be at least 0, which is one for each core")
        self._score_threshold = score_threshold
        self._max_tiles = max_tiles
        self._threads = threads

    def detect(self, luma: Luma) -> list[Face]:
        """The faces in a photo, each once, by falling score.

        In photos of up to 1 megapixel, it finds 99 of 100 sharp faces of 24 pixels or more, and three of four faces of
        16 pixels. Larger photos are enlarged less or not at all: in 12 megapixels, it finds 94 of 100 faces of 80
        pixels and a third of those of 40. With 100 tiles it finds 96 of 100 of the latter, in three times the time.

        Args:
            luma: Shape (height, width), uint8; sides of any length from 1.

        Returns:
            Boxes and landmarks in pixels of the photo; they may reach beyond its edges.

        Raises:
            PhotoError: The array has another shape or type, or no pixels.
        """
        if luma.ndim != 2 or luma.dtype != np.uint8 or luma.size == 0:
            raise PhotoError(
                f"the face detector needs luma of shape (height, width), uint8, not {luma.shape}, {luma.dtype}"
            )
        scales = _scales(luma.shape, self._max_tiles)
        pictures = _resized(luma, scales)
        curve = _contrast_curve(pictures[0])
        found = [self._search(_curved(picture, curve), luma.shape) for picture in pictures]
        return merge([_as_face(row) for row in np.concatenate(found)])

    def _search(self, picture: Luma, photo_shape: tuple[int, int]) -> _Found:
        """The faces in a photo at another size, in pixels of the photo.

        Args:
            picture: The photo at that size.
            photo_shape: Height and width of the photo itself.
        """
        rows, columns = _spans(picture.shape[0]), _spans(picture.shape[1])
        found = np.concatenate([self._search_tile(picture, row, column) for row in rows for column in columns])
        to_photo = np.divide(photo_shape[::-1], picture.shape[::-1])  # width first, as in boxes
        found[:, :14] *= np.tile(to_photo, 7)
        return found

    def _search_tile(self, picture: Luma, row: "_Span", column: "_Span") -> _Found:
        tile = _cut(picture, row.start, column.start)
        found = _decode(self._session.run(None, {"luma": tile[None, None]}), self._score_threshold)
        corner = (column.start, row.start)
        found[:, :14] += np.array([*corner, 0, 0, *corner * 5])
        return found[column.owns(found[:, 0], found[:, 2]) & row.owns(found[:, 1], found[:, 3])]

    @cached_property
    def _session(self) -> Any:
        import onnxruntime  # slow to import, and needed only for the first photo

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.log_severity_level = 3  # errors only
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # leave idle cores to others
        return onnxruntime.InferenceSession(str(_YUNET), options, providers=["CPUExecutionProvider"])


# --- from a photo to its tiles ----------------------------------------------------------------------------------------


class _Span(NamedTuple):
    """Where a tile lies along one side of a picture, and which faces it reports.

    Attributes:
        start: Where the tile begins; below 0 where the picture is smaller than a tile.
        first: The tile reports faces whose middle lies at this place or after it,
        end: and before this one; its neighbors see other faces better.
        largest: Maximum size of a face that it reports; the edge of the tile may cut off a larger one, which is found
            in a smaller picture.
    """

    start: int
    first: float
    end: float
    largest: float

    def owns(self, start: _Numbers, size: _Numbers) -> npt.NDArray[np.bool_]:
        """Whether this tile reports each face.

        Args:
            start: Left or top of each face, in pixels of the picture.
            size: Its width or height.
        """
        middle = start + size / 2
        return np.asarray((self.first <= middle) & (middle < self.end) & (size <= self.largest))


def _spans(length: int) -> list[_Span]:
    """The tiles along a side of a picture: one around its middle, or several, evenly spread from end to end."""
    count = _tile_count(length)
    if count == 1:
        return [_Span(-((_TILE - length) // 2), -math.inf, math.inf, math.inf)]
    starts = [round(index * (length - _TILE) / (count - 1)) for index in range(count)]
    borders = [-math.inf, *((one + _TILE + other) / 2 for one, other in pairwise(starts)), math.inf]
    return [_Span(start, *own, _OVERLAP) for start, own in zip(starts, pairwise(borders), strict=True)]


def _tile_count(length: int) -> int:
    return max(1, math.ceil((length - _OVERLAP) / (_TILE - _OVERLAP)))


def _scales(shape: tuple[int, int], max_tiles: int) -> list[float]:
    """The sizes at which a photo is searched, as multiples of its own, in falling order.

    They begin with the largest that the tiles can cover, up to `_LARGEST_SCALE`, and end with the overview, which
    fits into one tile.
    """
    largest = _LARGEST_SCALE
    while math.prod(map(_tile_count, _scaled_shape(shape, largest))) > max_tiles:
        largest *= 0.98
    # A long photo fits into one tile at the last size: a face that fills its short side lies whole in no other tile.
    smallest = min(largest, _OVERVIEW / min(shape), _TILE / max(shape))
    scales = [largest]
    while scales[-1] > smallest:
        scales.append(max(scales[-1] / _LARGEST_STEP, smallest))
    return scales


def _scaled_shape(shape: tuple[int, int], scale: float) -> tuple[int, int]:
    height, width = (max(1, round(side * scale)) for side in shape)
    return height, width


def _resized(luma: Luma, scales: Sequence[float]) -> list[Luma]:
    """The photo at other sizes, without its grain. Each is made from the one before, so a large photo is read once."""
    pictures, picture = [], luma
    for scale in scales:
        picture = resized(picture, *_scaled_shape(luma.shape, scale))
        pictures.append(gaussian_mean(picture, _SMOOTHING))
    return pictures


def _contrast_curve(picture: Luma) -> UInt8[Any, "256"]:
    """A table of the level that replaces each of the 256, so that a faded photo has black and white again.

    Args:
        picture: The photo without its grain, which would widen the range of its levels.
    """
    every = math.ceil(math.sqrt(picture.size / _SAMPLES))
    black, white = np.percentile(picture[::every, ::every], _FADED)
    stretched = (np.arange(256) - black) * (255.0 / max(white - black, _LEAST_CONTRAST))
    return np.clip(np.rint(stretched), 0, 255).astype(np.uint8)


def _curved(picture: Luma, curve: UInt8[Any, "256"]) -> Luma:
    """A picture with its levels replaced; Pillow does it in a third of numpy's time."""
    return np.asarray(Image.fromarray(picture).point(curve.tolist()))


def _cut(picture: Luma, top: int, left: int) -> Luma:
    """One tile of a picture, filled with gray where it reaches beyond."""
    rows, columns = _inside(top, picture.shape[0]), _inside(left, picture.shape[1])
    tile = np.full((_TILE, _TILE), 128, dtype=np.uint8)
    part = picture[rows, columns]
    down, right = rows.start - top, columns.start - left
    tile[down : down + part.shape[0], right : right + part.shape[1]] = part
    return tile


def _inside(start: int, length: int) -> slice:
    return slice(max(start, 0), min(start + _TILE, length))


# --- YuNet ------------------------------------------------------------------------------------------------------------


def _decode(outputs: Sequence[Float[Any, "1 16 rows columns"]], score_threshold: float) -> _Found:
    """The faces in YuNet's outputs for one tile, in pixels of the tile; most are found several times.

    Args:
        outputs: One array for each stride, of shape (1, 16, rows, columns). Its channels: the probability of a face
            and the quality of its box, both as logits; the box, its middle and the logarithm of its size; the
            landmarks. Lengths and places are in strides, relative to the anchor.
        score_threshold: Minimum score: the geometric mean of probability and quality.
    """
    # Neither is less than the square of the score, so few places have to be looked at.
    least = score_threshold**2
    least_logit = math.log(least / (1.0 - least)) if least < 1.0 else math.inf
    found = [np.empty((0, 15))]
    for (values,), stride in zip(outputs, _STRIDES, strict=True):
        is_chosen = np.minimum(values[0], values[1]) >= least_logit
        if not is_chosen.any():
            continue
        rows, columns = np.nonzero(is_chosen)
        chosen = values[:, rows, columns].T
        scores = np.sqrt(np.prod(1.0 / (1.0 + np.exp(-chosen[:, :2])), axis=1))
        anchors = np.stack([columns, rows], axis=1)
        size = np.exp(chosen[:, 4:6])
        start = anchors + chosen[:, 2:4] - size / 2
        points = np.tile(anchors, 5) + chosen[:, 6:]
        faces = np.concatenate([start * stride, size * stride, points * stride, scores[:, None]], axis=1)
        found.append(faces[scores >= score_threshold])
    together: _Found = np.concatenate(found)
    return together[np.isfinite(together).all(axis=1)]


def _as_face(row: _Numbers) -> Face:
    """The face in one row of `_Found`."""
    numbers = row.tolist()
    points = [Point(*numbers[at : at + 2]) for at in range(4, 14, 2)]
    return Face(Box(*numbers[:4]), numbers[14], Landmarks(*points))

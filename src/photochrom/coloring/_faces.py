"""Where the faces in a photo are, and the square around each that the face network wants to see.

YuNet was trained on faces of some 10 to 300 pixels and is surest of 50 to 300, on sharp photos. So a photo is
searched at several sizes, in tiles of the one size that YuNet's file takes, and what is found twice is merged.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, UInt8

from photochrom.coloring.resampling import gaussian_mean, resized
from photochrom.errors import ConfigError, PhotoError

__all__ = [
    "STUDY_CUT",
    "UTKFACE_CUT",
    "Box",
    "Cut",
    "Face",
    "FaceDetector",
    "Framing",
    "Landmarks",
    "Luma",
    "Point",
    "YuNet",
    "frame",
    "merge",
]

Luma = UInt8[Any, "height width"]
"""The luma of one photo."""

_Found = Float[Any, "faces 15"]
"""Left, top, width, height, the five landmarks as (x, y) each, and the score of each face found."""

_Numbers = npt.NDArray[np.float64]

_YUNET = Path(__file__).parents[1] / "weights" / "yunet.onnx"

_TILE = 640
"""The side of the pictures that YuNet's file takes."""

_STRIDES = (8, 16, 32)
"""The distances between the places from which YuNet looks for small, middling and large faces, in pixels."""

_OVERLAP = 128
"""How far neighboring tiles reach into each other: a face up to this size lies whole in one of them."""

_LARGEST_SCALE = 3.0
"""How far small photos are enlarged: YuNet needs about 48 pixels to be sure, and a face may have 16."""

_LARGEST_STEP = 2.0
"""A face is seen at sizes at most this factor apart. With 3, up to a seventh of those in worn photos was missed."""

_OVERVIEW = 256
"""The shorter side of the smallest picture searched: YuNet is surest of a face that fills it (of 300 tight cuts, it
found all when enlarged to 240 pixels, 96 percent at 80)."""

_SMOOTHING = 1.25
"""Standard deviation, in pixels of the searched picture, of the blur against grain, which hides more faces from
YuNet than fading does."""

_FADED = (0.1, 99.9)
"""The percentiles of the photo that become black and white. At 1 and 99, faces in good photos were lost."""

_SAMPLES = 100_000
"""From about how many pixels those are told."""

_LEAST_CONTRAST = 32.0
"""The least distance, in levels, that is stretched to the full range, lest an empty photo be all noise."""


class Point(NamedTuple):
    """A place in a photo, in pixels from its left and top edge."""

    x: float
    y: float


class Box(NamedTuple):
    """An upright rectangle in a photo, in pixels; it may reach beyond the photo's edges."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Where the rectangle ends, in pixels from the photo's left edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Where the rectangle ends, in pixels from the photo's top edge."""
        return self.top + self.height

    @property
    def area(self) -> float:
        """In square pixels."""
        return self.width * self.height


class Landmarks(NamedTuple):
    """Five places of a face. Right and left are the person's own: an upright face has its right eye at the left."""

    right_eye: Point
    left_eye: Point
    nose: Point
    right_mouth_corner: Point
    left_mouth_corner: Point

    @property
    def eyes(self) -> Point:
        """The place between the eyes."""
        return _middle(self.right_eye, self.left_eye)

    @property
    def mouth(self) -> Point:
        """The middle of the mouth."""
        return _middle(self.right_mouth_corner, self.left_mouth_corner)


@dataclass(frozen=True)
class Face:
    """A face that was found in a photo.

    Attributes:
        box: From ear to ear and from the forehead to the chin, about.
        score: How sure the detector is, in [0, 1].
        landmarks: Eyes, nose and mouth.
    """

    box: Box
    score: float
    landmarks: Landmarks

    @property
    def roll(self) -> float:
        """How far the head is turned in the plane of the photo: degrees, clockwise, in [-180, 180]; upright is 0.

        By the eyes. YuNet sees heads more upright than they are: of 10 degrees it tells 8, of 20 some 15, of 30 or more
        hardly above 22; and it finds few heads that are turned by more than 40.
        """
        right, left = self.landmarks.right_eye, self.landmarks.left_eye
        return math.degrees(math.atan2(left.y - right.y, left.x - right.x))


class FaceDetector(Protocol):
    """Whatever finds faces in photos."""

    def detect(self, luma: Luma) -> list[Face]:
        """The faces in a photo, each once, the surest first.

        Args:
            luma: Shape (height, width), uint8; sides of any length from 1.
        """
        ...


@dataclass(frozen=True)
class Cut:
    """How a set of pictures cuts the square of a face out of a photo.

    The middle of the square is the weighted mean of three places of the face; the weights sum to 1.

    Attributes:
        eyes: The weight of the place between the eyes.
        nose: The weight of the nose.
        mouth: The weight of the middle of the mouth.
        side: The side, in spreads: the root of the summed squares of the distances from eye to eye and from eyes to
            mouth. A head turned aside shortens the first, a bowed one the second.
    """

    eyes: float
    nose: float
    mouth: float
    side: float


UTKFACE_CUT = Cut(eyes=0.2, nose=0.4, mouth=0.4, side=1.114)
"""From above the eyes to the chin, as the data set `utkface` cuts its pictures: (38, 45, 162, 169) of 200.

Found by least absolute deviations over 1499 faces in whole UTKFace pictures. Standard deviations from that cut: the
middle 2.4 percent of the side across and 2.8 percent down, the side 5.4 percent. YuNet's box alone, at its best, would
give 8.6, 5.3 and 5.9. The model `face` colors portraits that it was not trained on 4 to 13 percent nearer with this cut
than with the study's.
"""

STUDY_CUT = Cut(eyes=0.33, nose=0.4, mouth=0.27, side=1.27)
"""From the brows to below the mouth, as the study's 80x80 faces are cut: an eighth larger than `UTKFACE_CUT`.

Found over 599 of the study's faces, of which nothing is known beyond their edges, and corrected by what YuNet makes of
UTKFace's pictures when they are cut as tightly. Standard deviations: the middle 3.8 percent of the side across and 3.0
percent down, the side 8.3 percent.
"""


class Framing(NamedTuple):
    """An upright square in a photo, in pixels; it may reach beyond the photo's edges."""

    left: float
    top: float
    side: float


class YuNet:
    """Finds faces with YuNet; its file is read when the first photo comes.

    It may be used from several threads at once: nothing but that file is kept between photos.

    Reference:
        Wu, Peng, Yu: YuNet: A Tiny Millisecond-level Face Detector. Machine Intelligence Research 20, 2023.
    """

    def __init__(self, *, score_threshold: float = 0.7, max_tiles: int = 24, threads: int = 0) -> None:
        """Set how sure and how thorough the detector shall be.

        Args:
            score_threshold: Faces of which YuNet is less sure are left out; above 0, at most 1.
            max_tiles: How much a photo is searched at its largest size, in tiles of 640 by 640 pixels, at least 1.
                More find smaller faces in large photos and take longer, about 7 ms a tile. 24 are some 7 megapixels.
            threads: How many threads compute at once; 0 for as many as the machine has cores.

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
        """The faces in a photo, each once, the surest first.

        Of sharp faces of 24 pixels or more, up to the whole photo, 99 of 100 are found in photos of up to 1 megapixel;
        of 16 pixels, three of four. Larger photos are enlarged less or not at all: of 12 megapixels, 94 of 100 faces
        of 80 pixels are found and a third of those of 40; with 100 tiles, in three times the time, 96 of 100 of those.

        Args:
            luma: Shape (height, width), uint8; sides of any length from 1.

        Returns:
            Boxes and landmarks in pixels of the photo; they may lie beyond its edges.

        Raises:
            PhotoError: It is no picture of this kind, or has no pixels.
        """
        if luma.ndim != 2 or luma.dtype != np.uint8 or luma.size == 0:
            raise PhotoError(
                f"faces are looked for in luma of shape (height, width), uint8; this has {luma.shape}, {luma.dtype}"
            )
        scales = _scales(luma.shape, self._max_tiles)
        pictures = _resized(luma, scales)
        curve = _contrast_curve(pictures[0])
        found = [self._search(curve[picture], luma.shape) for picture in pictures]
        return merge([_as_face(row) for row in np.concatenate(found)])

    def _search(self, picture: Luma, photo_shape: tuple[int, int]) -> _Found:
        """What is found in a picture of the photo's content, in pixels of the photo."""
        rows, columns = _spans(picture.shape[0]), _spans(picture.shape[1])
        found = np.concatenate([self._search_tile(picture, row, column) for row in rows for column in columns])
        to_photo = np.divide(photo_shape[::-1], picture.shape[::-1])  # width first, as in boxes
        found[:, :14] *= np.tile(to_photo, 7)
        return found

    def _search_tile(self, picture: Luma, row: "_Span", column: "_Span") -> _Found:
        tile = _cut(picture, row.start, column.start)
        channels = np.empty((1, 3, _TILE, _TILE), dtype=np.float32)
        channels[:] = tile
        outputs = self._session.run(None, {"input": channels})
        found = _decode(outputs, self._score_threshold)
        corner = (column.start, row.start)
        found[:, :14] += np.array([*corner, 0, 0, *corner * 5])
        return found[column.owns(found[:, 0], found[:, 2]) & row.owns(found[:, 1], found[:, 3])]

    @cached_property
    def _session(self) -> Any:
        return _open(self._threads)


def frame(face: Face, cut: Cut = UTKFACE_CUT) -> Framing:
    """The square around a face that shows the face network what its training showed it.

    Args:
        face: Only its landmarks count.
        cut: How the training pictures were cut.

    Returns:
        Upright whatever the roll of the head; at least one pixel wide.
    """
    marks = face.landmarks
    weighted = ((cut.eyes, marks.eyes), (cut.nose, marks.nose), (cut.mouth, marks.mouth))
    x = sum(weight * place.x for weight, place in weighted)
    y = sum(weight * place.y for weight, place in weighted)
    spread = math.hypot(math.dist(marks.right_eye, marks.left_eye), math.dist(marks.eyes, marks.mouth))
    side = max(cut.side * spread, 1.0)
    return Framing(x - side / 2, y - side / 2, side)


def merge(faces: Sequence[Face], *, overlap: float = 0.3, containment: float = 0.6) -> list[Face]:
    """The faces without those that are another, surer one, found again.

    Scores are YuNet's own at every size, so the surest stands for its fellows as it is: a face has the size at which
    YuNet sees it best. A mean of boxes would be drawn towards sizes at which it is seen badly.

    Args:
        faces: In any order, boxes and scores of the same photo.
        overlap: The share of the area of two boxes together that they may have in common.
        containment: The share of the smaller box that may lie in the larger; part of a face can look like one.

    Returns:
        The faces that are left, the surest first.
    """
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: face.score, reverse=True):
        shared = [(_shared_area(face.box, other.box), other.box.area) for other in kept]
        if all(
            common <= overlap * (face.box.area + area - common) and common <= containment * min(face.box.area, area)
            for common, area in shared
        ):
            kept.append(face)
    return kept


def _shared_area(one: Box, other: Box) -> float:
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    return max(width, 0.0) * max(height, 0.0)


def _middle(one: Point, other: Point) -> Point:
    return Point((one.x + other.x) / 2, (one.y + other.y) / 2)


def _as_face(row: _Numbers) -> Face:
    numbers = row.tolist()  # as in `_Found`
    points = [Point(*numbers[at : at + 2]) for at in range(4, 14, 2)]
    return Face(Box(*numbers[:4]), numbers[14], Landmarks(*points))


# --------------------------------------------------------------------------------------------------
# From a photo to the tiles that are searched


class _Span(NamedTuple):
    """Where a tile lies along one side of a picture.

    Attributes:
        start: Where it begins; below 0 where the picture is smaller than a tile.
        first: Only faces whose middle lies from here
        end: up to here are this tile's; its neighbors see the others better.
        largest: Larger ones may be cut off by its edge; they are found in a smaller picture.
    """

    start: int
    first: float
    end: float
    largest: float

    def owns(self, start: _Numbers, size: _Numbers) -> npt.NDArray[np.bool_]:
        """Whether each face is for this tile to tell."""
        middle = start + size / 2
        return np.asarray((self.first <= middle) & (middle < self.end) & (size <= self.largest))


def _spans(length: int) -> list[_Span]:
    """The tiles along a side of a picture: in the middle if one is enough, else evenly spread from end to end."""
    count = _tile_count(length)
    if count == 1:
        return [_Span(-((_TILE - length) // 2), -math.inf, math.inf, math.inf)]
    starts = [round(index * (length - _TILE) / (count - 1)) for index in range(count)]
    borders = [-math.inf, *((one + _TILE + other) / 2 for one, other in pairwise(starts)), math.inf]
    return [_Span(start, *own, _OVERLAP) for start, own in zip(starts, pairwise(borders), strict=True)]


def _tile_count(length: int) -> int:
    return max(1, math.ceil((length - _OVERLAP) / (_TILE - _OVERLAP)))


def _scales(shape: tuple[int, int], max_tiles: int) -> list[float]:
    """The sizes at which a photo is searched, as multiples of its own.

    From the largest for which the tiles suffice, at most `_LARGEST_SCALE`, down to the overview, which one tile holds.
    """
    largest = _LARGEST_SCALE
    while math.prod(map(_tile_count, _scaled_shape(shape, largest))) > max_tiles:
        largest *= 0.98
    # At the last size a long photo fits into one tile: a face that fills its short side is whole in no smaller one.
    smallest = min(largest, _OVERVIEW / min(shape), _TILE / max(shape))
    scales = [largest]
    while scales[-1] > smallest:
        scales.append(max(scales[-1] / _LARGEST_STEP, smallest))
    return scales


def _scaled_shape(shape: tuple[int, int], scale: float) -> tuple[int, int]:
    height, width = (max(1, round(side * scale)) for side in shape)
    return height, width


def _resized(luma: Luma, scales: Sequence[float]) -> list[Luma]:
    """The photo at other sizes, without its grain, each made from the one before: a large photo is read only once."""
    pictures, picture = [], luma
    for scale in scales:
        picture = resized(picture, *_scaled_shape(luma.shape, scale))
        pictures.append(gaussian_mean(picture, _SMOOTHING))
    return pictures


def _contrast_curve(picture: Luma) -> UInt8[Any, "256"]:
    """The levels to show instead of each of the 256, so that a faded photo has black and white again.

    Args:
        picture: The photo without its grain, which would widen the range.
    """
    every = math.ceil(math.sqrt(picture.size / _SAMPLES))
    black, white = np.percentile(picture[::every, ::every], _FADED)
    stretched = (np.arange(256) - black) * (255.0 / max(white - black, _LEAST_CONTRAST))
    return np.clip(np.rint(stretched), 0, 255).astype(np.uint8)


def _cut(picture: Luma, top: int, left: int) -> Luma:
    """One tile, gray where it reaches beyond the picture."""
    rows, columns = _inside(top, picture.shape[0]), _inside(left, picture.shape[1])
    tile = np.full((_TILE, _TILE), 128, dtype=np.uint8)
    part = picture[rows, columns]
    down, right = rows.start - top, columns.start - left
    tile[down : down + part.shape[0], right : right + part.shape[1]] = part
    return tile


def _inside(start: int, length: int) -> slice:
    return slice(max(start, 0), min(start + _TILE, length))


# --------------------------------------------------------------------------------------------------
# YuNet


def _open(threads: int) -> Any:
    """YuNet, ready to run.

    ONNX Runtime needs a third of the time that OpenCV's own `FaceDetectorYN` takes, the same memory for any photo,
    and keeps no state between two pictures.
    """
    import onnxruntime  # costs more than all else here; only the one who looks for faces shall wait for it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors only
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # leave idle cores to others
    return onnxruntime.InferenceSession(str(_YUNET), options, providers=["CPUExecutionProvider"])


def _decode(outputs: Sequence[Float[Any, "1 places values"]], score_threshold: float) -> _Found:
    """The faces in what YuNet says of one tile, in pixels of the tile, most of them several times.

    Args:
        outputs: For each stride, of each place, row by row: how face-like it is; then, likewise, how well a box can
            be told from there; the box: middle and logarithm of the size; the landmarks. All in strides, from there.
        score_threshold: What the geometric mean of the first two must reach.
    """
    found = []
    for index, stride in enumerate(_STRIDES):
        face_like, certain, boxes, landmarks = (outputs[kind + index][0] for kind in range(0, 12, 3))
        scores = np.sqrt(np.clip(face_like[:, 0], 0.0, 1.0) * np.clip(certain[:, 0], 0.0, 1.0))
        (chosen,) = np.nonzero(scores >= score_threshold)
        places = np.stack([chosen % (_TILE // stride), chosen // (_TILE // stride)], axis=1)
        size = np.exp(boxes[chosen, 2:])
        start = places + boxes[chosen, :2] - size / 2
        points = np.tile(places, 5) + landmarks[chosen]
        found.append(np.concatenate([start * stride, size * stride, points * stride, scores[chosen, None]], axis=1))
    together: _Found = np.concatenate(found).astype(np.float64)
    return together[np.isfinite(together).all(axis=1)]

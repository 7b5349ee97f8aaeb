"""Faces in photos, and the square around each face that the face network sees."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from jaxtyping import UInt8

Luma = UInt8[Any, "height width"]
"""The luma of one photo."""


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
        """Square pixels."""
        return self.width * self.height


class Landmarks(NamedTuple):
    """Five places of a face. Right and left are the person's own: in a photo, the right eye is usually on the left."""

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
    """A face in a photo.

    Attributes:
        box: About from ear to ear and from the forehead to the chin.
        score: Confidence of the detector, from 0 to 1.
    """

    box: Box
    score: float
    landmarks: Landmarks

    @property
    def roll(self) -> float:
        """The angle of the line through the eyes, in degrees clockwise, from -180 to 180; 0 is upright.

        YuNet underestimates it: a head turned by 10 degrees gives 8, by 20 about 15, by 30 or more hardly above 22.
        It finds few heads that are turned by more than 40.
        """
        right, left = self.landmarks.right_eye, self.landmarks.left_eye
        return math.degrees(math.atan2(left.y - right.y, left.x - right.x))


def turned_back(face: Face, turns: int, size: tuple[int, int]) -> Face:
    """A face of a turned photo, where it lies in the photo itself.

    Args:
        turns: How many quarter turns counterclockwise the photo was turned by, as `numpy.rot90` counts them.
        size: Height and width of the photo itself.
    """
    height, width = size

    def place(point: Point) -> Point:
        x, y = point
        return [Point(x, y), Point(width - y, x), Point(width - x, height - y), Point(y, height - x)][turns % 4]

    box = face.box
    one, other = place(Point(box.left, box.top)), place(Point(box.right, box.bottom))
    left, top = min(one.x, other.x), min(one.y, other.y)
    upright = Box(left, top, abs(one.x - other.x), abs(one.y - other.y))
    return Face(upright, face.score, Landmarks(*map(place, face.landmarks)))


def moved(face: Face, x: float, y: float) -> Face:
    """A face of a part of a photo, where it lies in the photo, whose part begins so many pixels from left and top."""
    box = face.box._replace(left=face.box.left + x, top=face.box.top + y)
    return Face(box, face.score, Landmarks(*(Point(place.x + x, place.y + y) for place in face.landmarks)))


class FaceDetector(Protocol):
    """Finds faces in photos."""

    def detect(self, luma: Luma) -> list[Face]:
        """The faces in a photo, each once, by falling score.

        Args:
            luma: Shape (height, width), uint8; sides of any length from 1.
        """
        ...


@dataclass(frozen=True)
class Cut:
    """How the training pictures of a face network were cut out of photos.

    The middle of the square is the weighted mean of three places of the face; the weights sum to 1.

    Attributes:
        side: Side of the square as a multiple of the face's spread, which is the root of the summed squares of the
            distances from eye to eye and from eyes to mouth. A head turned aside shortens the first, a bowed head the
            second.
    """

    eyes: float
    nose: float
    mouth: float
    side: float


UTKFACE_CUT = Cut(eyes=0.2, nose=0.4, mouth=0.4, side=1.114)
"""From above the eyes to the chin, as the data set `utkface` cuts its pictures: (38, 45, 162, 169) of 200.

Fitted by least absolute deviations to 1499 faces in whole UTKFace pictures. Standard deviations from that cut: 2.4
percent of the side for the middle across, 2.8 percent down, 5.4 percent for the side; YuNet's box alone gives 8.6, 5.3
and 5.9 at its best. The errors of the model `face` on portraits that it was not trained on are 4 to 13 percent smaller
with this cut than with the study's.
"""


class Framing(NamedTuple):
    """An upright square in a photo, in pixels; it may reach beyond the photo's edges."""

    left: float
    top: float
    side: float


def frame(face: Face, cut: Cut = UTKFACE_CUT) -> Framing:
    """The square around a face that shows it as the face network's training pictures did.

    Args:
        face: Only its landmarks are used.

    Returns:
        An upright square, however the head is turned; at least one pixel wide.
    """
    marks = face.landmarks
    weighted = ((cut.eyes, marks.eyes), (cut.nose, marks.nose), (cut.mouth, marks.mouth))
    x = sum(weight * place.x for weight, place in weighted)
    y = sum(weight * place.y for weight, place in weighted)
    spread = math.hypot(math.dist(marks.right_eye, marks.left_eye), math.dist(marks.eyes, marks.mouth))
    side = max(cut.side * spread, 1.0)
    return Framing(x - side / 2, y - side / 2, side)


def merge(faces: Sequence[Face], *, overlap: float = 0.3, containment: float = 0.6) -> list[Face]:
    """Each face once: of detections that overlap, only the one with the highest score is kept.

    Its box is kept as it is. A mean of the boxes would include those from sizes at which the detector sees the face
    badly.

    Args:
        faces: Detections in one photo, in any order.
        overlap: Maximum area that two faces share, as a share of the area that they cover together.
        containment: Maximum share of the smaller box that lies in the larger; part of a face can look like a face.

    Returns:
        The faces that are kept, by falling score.
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

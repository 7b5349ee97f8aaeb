"""What the server is told of a photo that was colored."""

from dataclasses import dataclass
from typing import Any

from photochrom.coloring import Output

__all__ = ["Colored", "Confidence", "FaceBox"]


@dataclass(frozen=True)
class FaceBox:
    """Where a face is, in pixels of the upright photo, and how sure that is, from 0 to 1."""

    x: float
    y: float
    width: float
    height: float
    score: float


@dataclass(frozen=True)
class Confidence:
    """How likely red and blue lie within 12 of 255 levels of the truth.

    Attributes:
        mean: The mean over the photo.
        lowest_tenth: A tenth of the places have at most this.
    """

    mean: float
    lowest_tenth: float


@dataclass(frozen=True)
class Colored:
    """A photo in color, and what is told of it.

    Attributes:
        outputs: Its files.
        width: In pixels, upright.
        height: In pixels, upright.
        coloring: Whether the photo was `gray`, `tinted` or in `color`.
        remarks: What is missing of the photo, or of what its file told.
        faces: Those that were found.
        confidence: How sure the best guess is.
        seconds: What each step took.
    """

    outputs: tuple[Output, ...]
    width: int
    height: int
    coloring: str
    remarks: tuple[str, ...]
    faces: tuple[FaceBox, ...]
    confidence: Confidence
    seconds: dict[str, float]

    @classmethod
    def of(cls, told: dict[str, Any]) -> "Colored":
        """What `photochrom.album.color_photo` returned."""
        return cls(
            **{
                **told,
                "outputs": tuple(Output(**output) for output in told["outputs"]),
                "remarks": tuple(told["remarks"]),
                "faces": tuple(FaceBox(**face) for face in told["faces"]),
                "confidence": Confidence(**told["confidence"]),
            }
        )

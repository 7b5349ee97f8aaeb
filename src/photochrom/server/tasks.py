"""What is done with a photo, in a process of its own."""

import io
import time
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from photochrom.album import Options, guesses
from photochrom.coloring import Colorizer, Result, gray_panel, panel, side_by_side
from photochrom.errors import InColorError
from photochrom.photo import Photo, encode_photo, read_photo

__all__ = [
    "Colored",
    "Confidence",
    "FaceBox",
    "Picture",
    "color",
    "guess",
]


@dataclass(frozen=True)
class Picture:
    """A picture file.

    Attributes:
        ending: Of its name, such as `-compare.png` or `.jpg`.
        content: Of the file.
    """

    ending: str
    content: bytes


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
    """How likely red and blue lie within 12 of 255 levels of the truth: on average, and where it is lowest.

    Attributes:
        mean: Over the photo.
        lowest_tenth: A tenth of the places have at most this.
    """

    mean: float
    lowest_tenth: float


@dataclass(frozen=True)
class Colored:
    """A photo in color, and what is told of it.

    Attributes:
        pictures: One for each guess, then the comparison, then the map of confidence, as they were wanted.
        width: In pixels, upright.
        height: Likewise.
        coloring: Whether the photo was `gray`, `tinted` or in `color`.
        faces: Those that were found.
        confidence: How sure the best guess is.
        seconds: What each step took.
    """

    pictures: tuple[Picture, ...]
    width: int
    height: int
    coloring: str
    faces: tuple[FaceBox, ...]
    confidence: Confidence
    seconds: dict[str, float]


def guess(colorizer: Colorizer, content: bytes, options: Options) -> list[Result]:
    """The guesses themselves, whose look can be changed without the networks.

    Args:
        colorizer: Makes them.
        content: Of the photo's file.
        options: How; `compare` and `confidence` are of no matter.

    Raises:
        UnreadableError: It is no photo.
        TooLargeError: It has too many pixels.
        InColorError: It is in color already, and `options.force` is not set.
        PhotochromError: It cannot be colored.
    """
    return guesses(_read(content, options), options, colorizer)


def color(colorizer: Colorizer, content: bytes, options: Options, target: str | None = None) -> Colored:
    """The colored files of a photo.

    Args:
        colorizer: Guesses the colors.
        content: Of the photo's file.
        options: How.
        target: Their format, as `encode_photo` names it; the photo's own if not given.

    Raises:
        PhotochromError: As of `guess`, or a hint lies outside the photo, or the format cannot be written.
    """
    start = time.perf_counter()
    photo = _read(content, options)
    was_read = time.perf_counter()
    results = guesses(photo, options, colorizer)
    was_guessed = time.perf_counter()
    if target is not None:
        photo = replace(photo, origin=replace(photo.origin, format=target))
    faces = tuple(FaceBox(*map(float, (*face.box, face.score))) for face in results[0].faces)
    sure = results[0].guess.confidence
    confidence = Confidence(float(sure.mean()), float(np.quantile(sure, 0.1)))
    pictures = _pictures(photo, results, options)
    seconds = {
        "read": was_read - start,
        "guess": was_guessed - was_read,
        "render": time.perf_counter() - was_guessed,
    }
    return Colored(pictures, *photo.size, photo.coloring, faces, confidence, seconds)


def _read(content: bytes, options: Options) -> Photo:
    photo = read_photo(content, options.max_megapixels)
    if photo.coloring == "color" and not options.force:
        raise InColorError("the photo is in color already; force colors it anew from its luma")
    return photo


def _pictures(photo: Photo, results: list[Result], options: Options) -> tuple[Picture, ...]:
    confidence = results[0].confidence if options.confidence else None
    panels = [gray_panel(photo.luma)] if options.compare else []
    pictures = []
    for number in range(1, len(results) + 1):
        rgb = results.pop(0).rgb  # a colored photo is large: one at a time is held
        ending = f"-{number}" if options.variants > 1 else ""
        pictures.append(Picture(ending + photo.suffix, encode_photo(rgb, photo)))
        if options.compare:
            panels.append(panel(rgb))
    if options.compare:
        pictures.append(Picture(f"-compare{photo.suffix}", encode_photo(*side_by_side(panels, photo))))
    if confidence is not None:
        pictures.append(Picture("-confidence.png", _gray_png(confidence)))
    return tuple(pictures)


def _gray_png(levels: npt.NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG", compress_level=1)
    return file.getvalue()

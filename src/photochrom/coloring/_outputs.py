"""The one road from a photo to its result files."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from photochrom.coloring._colorizer import Result
from photochrom.coloring._options import Hint, Options
from photochrom.coloring.resampling import resized
from photochrom.photo import SOFTWARE, SUFFIXES, Levels, Photo, encode_photo

__all__ = ["Guesser", "Output", "guesses", "outputs"]

_PANEL_SIDE = 1600
"""Maximum length, in pixels, of the longer side of each picture in a comparison."""


@dataclass(frozen=True)
class Output:
    """A result file.

    Attributes:
        ending: What its name ends with before the suffix: empty, `-1`, `-2`, ..., `-compare` or `-confidence`.
        suffix: Such as `.jpg`.
        content: The bytes of the file.
    """

    ending: str
    suffix: str
    content: bytes


class Guesser(Protocol):
    """The part of a `Colorizer` that makes guesses."""

    def variants(
        self,
        source: Photo,
        count: int,
        *,
        strength: float,
        vividness: float,
        hints: Sequence[Hint],
        force: bool,
    ) -> list[Result]:
        """As `Colorizer.variants`."""


def guesses(photo: Photo, options: Options, colorizer: Guesser) -> list[Result]:
    """The guesses that options ask for.

    Args:
        photo: The photo as it was read.
        options: How to color it; output settings but the number of variants are ignored.
        colorizer: Guesses the colors.

    Raises:
        InColorError: The photo is in color already, and `options.limits.force` is not set.
        ConfigError: A hint lies outside the photo.
    """
    look = options.look
    return colorizer.variants(
        photo,
        options.outputs.variants,
        strength=look.strength,
        vividness=look.vividness,
        hints=look.hints,
        force=options.limits.force,
    )


def outputs(photo: Photo, results: Sequence[Result], options: Options) -> Iterator[Output]:
    """The result files of a photo, each made when it is asked for.

    Only one colored picture is held at full size at a time.

    Args:
        photo: The photo as it was read.
        results: Its guesses, as `guesses` gives them.
        options: Which files there shall be.

    Yields:
        One file for each of `options.outputs.endings`, in that order.

    Raises:
        PhotoError: The format does not hold this photo.
    """
    wanted = options.outputs
    suffix = photo.suffix if wanted.format in (None, photo.origin.format) else SUFFIXES[wanted.format][0]
    endings = iter(wanted.endings)
    panels = [_gray_panel(photo.luma)] if wanted.compare else []
    for result in results:
        rgb = replace(result).rgb  # a copy: the caller's result would keep its picture
        content = encode_photo(rgb, photo, wanted.format)
        if wanted.compare:
            panels.append(_panel(rgb))
        del rgb
        yield Output(next(endings), suffix, content)
    if wanted.compare:
        yield Output(next(endings), suffix, encode_photo(*_side_by_side(panels, photo), wanted.format))
    if wanted.confidence:
        yield Output(next(endings), ".png", _signed_map(results[0].confidence))


def _panel(rgb: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A picture small enough to stand in a comparison; shape (height, width, 3), uint8 or uint16."""
    return resized(rgb.transpose(2, 0, 1), *_panel_size(rgb)).transpose(1, 2, 0)


def _gray_panel(luma: Levels) -> npt.NDArray[Any]:
    return np.repeat(resized(luma, *_panel_size(luma))[..., None], 3, axis=2)


def _panel_size(picture: npt.NDArray[Any]) -> tuple[int, int]:
    """Height and width of a picture in a comparison."""
    height, width = picture.shape[:2]
    share = min(1.0, _PANEL_SIDE / max(height, width))
    return max(1, round(height * share)), max(1, round(width * share))


def _side_by_side(panels: Sequence[npt.NDArray[Any]], photo: Photo) -> tuple[npt.NDArray[Any], Photo]:
    """Panels of equal height as one picture, and the photo whose tags it gets."""
    strip = np.concatenate(panels, axis=1)
    return strip, replace(photo, luma=strip[..., 0], alpha=None, stored=None)


def _signed_map(confidence: npt.NDArray[np.uint8]) -> bytes:
    """A map of confidence as a gray PNG that names photochrom."""
    signature = PngInfo()
    signature.add_text("Software", SOFTWARE.decode())
    signature.add_text("Description", "How sure the guessed colors are: white is sure.")
    file = io.BytesIO()
    Image.fromarray(confidence).save(file, "PNG", pnginfo=signature, compress_level=1)
    return file.getvalue()

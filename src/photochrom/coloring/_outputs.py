"""The result files of a colored photo."""

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
from photochrom.photo import SOFTWARE, SUFFIXES, Photo, encode_photo

_PANEL_SIDE = 1600
"""Maximum length, in pixels, of the longer side of each picture in a comparison."""


@dataclass(frozen=True)
class Output:
    """A result file.

    Attributes:
        ending: The end of its name before the suffix: empty, `-1`, `-2`, ..., `-compare` or `-confidence`.
        suffix: Such as `.jpg`.
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
        """See `Colorizer.variants`."""


def guesses(photo: Photo, options: Options, colorizer: Guesser) -> list[Result]:
    """The guesses that options ask for.

    Args:
        photo: The photo as it was read.
        options: How to color it; of the output settings, only the number of variants is used.

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
    """Make the result files of a photo, one at a time.

    Only one colored picture is held at full size at a time.

    Args:
        photo: The photo as it was read.
        results: Its guesses, as `guesses` gives them.
        options: The files to make.

    Yields:
        One file for each of `options.outputs.endings`, in that order.

    Raises:
        PhotoError: The format cannot store this photo.
    """
    wanted = options.outputs
    suffix = photo.suffix if wanted.format in (None, photo.origin.format) else SUFFIXES[wanted.format][0]
    endings = iter(wanted.endings)
    turns = results[0].turns if wanted.upright else 0
    photo = _turned(photo, turns)
    panels = [np.repeat(_panel(photo.luma[..., None]), 3, axis=2)] if wanted.compare else []
    for result in results:
        rgb = np.rot90(replace(result).rgb, turns)  # of a copy: the caller's result would keep the picture in memory
        content = encode_photo(rgb, photo, wanted.format)
        if wanted.compare:
            panels.append(_panel(rgb))
        del rgb
        yield Output(next(endings), suffix, content)
    if wanted.compare:
        strip = np.concatenate(panels, axis=1)
        tagged = replace(photo, luma=strip[..., 0], alpha=None, stored=None)
        yield Output(next(endings), suffix, encode_photo(strip, tagged, wanted.format))
    if wanted.confidence:
        yield Output(next(endings), ".png", _signed_map(np.rot90(results[0].confidence, turns)))


def _turned(photo: Photo, turns: int) -> Photo:
    """A photo after quarter turns counterclockwise."""
    if not turns:
        return photo
    luma = np.rot90(photo.luma, turns)
    alpha, stored = (levels if levels is None else np.rot90(levels, turns) for levels in (photo.alpha, photo.stored))
    return replace(photo, luma=luma, alpha=alpha, stored=stored)


def _panel(picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A picture, shape (height, width, channels), small enough for a comparison."""
    height, width = picture.shape[:2]
    share = min(1.0, _PANEL_SIDE / max(height, width))
    size = max(1, round(height * share)), max(1, round(width * share))
    return resized(picture.transpose(2, 0, 1), *size).transpose(1, 2, 0)


def _signed_map(confidence: npt.NDArray[np.uint8]) -> bytes:
    """A map of confidence as a gray PNG that names photochrom."""
    signature = PngInfo()
    signature.add_text("Software", SOFTWARE.decode())
    signature.add_text("Description", "How sure the guessed colors are: white is sure.")
    file = io.BytesIO()
    Image.fromarray(confidence).save(file, "PNG", pnginfo=signature, compress_level=1)
    return file.getvalue()

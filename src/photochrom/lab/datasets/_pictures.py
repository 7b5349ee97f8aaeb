"""Reading picture files of any kind into RGB arrays of one size."""

import logging
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from photochrom.errors import DataError, reason_of
from photochrom.lab.datasets._pairs import Pairs, pairs_from_color

Crop = Callable[[Image.Image, int], Image.Image]
"""Makes a square with the given side of an RGB picture of any shape."""

PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
MIN_SIDE = 8
"""Pictures with a shorter side are refused."""

_LEAST_COLOR = 3.0
"""A photo has color if the largest and the smallest of red, green and blue differ by this many levels on average."""

_SIXTEEN_BIT_MODES = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})
_READERS = 4
_TOLD_AT_MOST = 20
_log = logging.getLogger(__name__)


def sort_as_text(paths: Iterable[Path]) -> list[Path]:
    """Paths in the order of their names as text: 0, 1, 10, 100, 1000, ..., as the study listed its files."""
    return sorted(paths, key=lambda path: path.as_posix())


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert any mode to 8-bit RGB: transparency on white, and 16 bits scaled, where Pillow would clip."""
    if image.mode in _SIXTEEN_BIT_MODES:
        levels = np.asarray(image, dtype=np.float64) / 257.0
        return Image.fromarray(levels.round().clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def middle_square(image: Image.Image, size: int) -> Image.Image:
    """The square in the middle of a picture, scaled."""
    return ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)


def read_rgb(path: Path, size: int | None = None, cut: Crop = middle_square) -> npt.NDArray[np.uint8]:
    """Read a picture file as upright RGB.

    Args:
        path: A file in any format and mode that Pillow reads.
        size: Side of the square that the picture is cropped to; None keeps the whole picture.
        cut: How it is cropped.

    Returns:
        Shape (height, width, 3), uint8.

    Raises:
        DataError: The file is missing, empty, truncated, too large or too small, or not a picture.
    """
    try:
        with Image.open(path) as image:
            rgb = _to_rgb(ImageOps.exif_transpose(image))
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except UnidentifiedImageError as error:
        what = "the file is empty" if path.stat().st_size == 0 else "not a picture that can be read"
        raise DataError(f"{path}: {what}") from error
    except Exception as error:  # broken bytes make Pillow raise struct.error, SyntaxError and others
        raise DataError(f"{path}: broken picture ({reason_of(error)})") from error
    if min(rgb.size) < MIN_SIDE:
        raise DataError(f"{path}: too small ({rgb.width}x{rgb.height}; at least {MIN_SIDE}x{MIN_SIDE} is needed)")
    return np.asarray(rgb if size is None else cut(rgb, size))


def is_gray(photo: npt.NDArray[np.uint8]) -> bool:
    """Whether a whole photo has no color, or only a tint, so that its true color is unknown.

    Args:
        photo: Shape (height, width, 3).
    """
    return float(np.ptp(photo.astype(np.int16), axis=2).mean()) < _LEAST_COLOR


def tell_left_out(left_out: Sequence[str]) -> None:
    """Log files that were left out; without a handler Python prints the lines to standard error."""
    for reason in left_out[:_TOLD_AT_MOST]:
        _log.warning("left out: %s", reason)
    if len(left_out) > _TOLD_AT_MOST:
        _log.warning("left out: %d more files", len(left_out) - _TOLD_AT_MOST)


def tell_left_out_alike(left_out: Sequence[str]) -> None:
    """Log files that were left out for the same reason, in one line."""
    more = f"; and {len(left_out) - 1} more like that" if len(left_out) > 1 else ""
    tell_left_out([f"{left_out[0]}{more}"])


def _reasons(paths: Sequence[Path], use: Callable[[int, Path], None]) -> dict[int, str]:
    """The reasons why files cannot be used, by index; `use` is called for each in threads, and raises `DataError`."""

    def reason(place: int) -> str | None:
        try:
            use(place, paths[place])
        except DataError as error:
            return str(error)
        return None

    # Pillow warns of damaged EXIF and of large pictures; files that cannot be used are reported anyway.
    with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor(_READERS) as readers:
        reasons = readers.map(reason, range(len(paths)))
        return {place: text for place, text in enumerate(reasons) if text is not None}


def find_broken(paths: Sequence[Path]) -> dict[Path, str]:
    """The picture files that cannot be read, each with a line that names the file and the reason."""

    def use(_: int, path: Path) -> None:
        read_rgb(path)

    return {paths[place]: reason for place, reason in _reasons(paths, use).items()}


def read_pairs(
    paths: Sequence[Path],
    root: Path,
    size: int,
    truth: Literal["color", "none"] = "color",
    cut: Crop = middle_square,
    *,
    may_be_gray: bool = True,
) -> Pairs:
    """Read picture files as pairs; broken files are left out and reported.

    Args:
        paths: The files, in the order of the pairs.
        root: The folder that names are relative to.
        size: Side of the square that every picture is cropped to.
        truth: `color` for color pictures; `none` for gray ones.
        cut: How pictures are cropped.
        may_be_gray: Whether to keep color pictures without any color; else they are left out and reported too.
    """
    color = np.empty((len(paths), size, size, 3), dtype=np.uint8)  # filled in place: large sets fit in memory only once

    def use(place: int, path: Path) -> None:
        color[place] = read_rgb(path, size, cut)
        if not may_be_gray and is_gray(color[place]):
            raise DataError(f"{path}: a gray picture, whose true color is unknown")

    broken = _reasons(paths, use)
    left_out = tuple(broken.values())
    tell_left_out(left_out)
    usable = [place for place in range(len(paths)) if place not in broken]
    if not usable:
        first = f"; the first: {left_out[0]}" if left_out else ""
        raise DataError(f"{root}: none of its {len(paths)} pictures can be used{first}")
    names = tuple(paths[place].relative_to(root).as_posix() for place in usable)
    pairs = pairs_from_color(names, color[usable] if broken else color, left_out)
    return pairs if truth == "color" else replace(pairs, color=None)

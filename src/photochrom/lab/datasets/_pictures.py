"""Reading picture files, whatever is in them, into equally large RGB arrays."""

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

from photochrom.errors import DataError
from photochrom.lab.datasets._pairs import Pairs, pairs_from_color

__all__ = [
    "MIN_SIDE",
    "PICTURE_SUFFIXES",
    "Cut",
    "find_broken",
    "middle_square",
    "read_pairs",
    "read_rgb",
    "sort_as_text",
    "tell_left_out",
]

Cut = Callable[[Image.Image, int], Image.Image]
"""Takes an RGB picture of any shape and a side, and gives a square of that side; nothing is squashed."""

PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
MIN_SIDE = 8
"""A picture with a shorter side than this shows nothing to learn from."""

_SIXTEEN_BIT_MODES = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})
_READERS = 4
_TOLD_AT_MOST = 20
_log = logging.getLogger(__name__)


def sort_as_text(paths: Iterable[Path]) -> list[Path]:
    """Paths in the order of their names as text: 0, 1, 10, 100, 1000, ..., as the study listed its files."""
    return sorted(paths, key=lambda path: path.as_posix())


def _to_rgb(image: Image.Image) -> Image.Image:
    """Any mode as 8-bit RGB; transparency lies on white, and 16 bits are scaled, which Pillow would clip."""
    if image.mode in _SIXTEEN_BIT_MODES:
        levels = np.asarray(image, dtype=np.float64) / 257.0
        return Image.fromarray(levels.round().clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def middle_square(image: Image.Image, size: int) -> Image.Image:
    """The middle of a picture, scaled to a square."""
    return ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)


def read_rgb(path: Path, size: int | None = None, cut: Cut = middle_square) -> npt.NDArray[np.uint8]:
    """One picture file as RGB, upright, and cut and scaled to a square if a size is asked for.

    Args:
        path: A file in any format and mode that Pillow reads.
        size: Side of the square. None keeps the picture as it is.
        cut: Which part of the picture the square shows.

    Returns:
        Shape (height, width, 3), uint8.

    Raises:
        DataError: The file is missing, empty, truncated, too large or too small, or no picture.
    """
    try:
        with Image.open(path) as image:
            rgb = _to_rgb(ImageOps.exif_transpose(image))
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except UnidentifiedImageError as error:
        what = "the file is empty" if path.stat().st_size == 0 else "not a picture that can be read"
        raise DataError(f"{path}: {what}") from error
    except Exception as error:  # Pillow raises whatever broken bytes lead it to: struct.error, SyntaxError, ...
        raise DataError(f"{path}: broken picture ({_one_line(error)})") from error
    if min(rgb.size) < MIN_SIDE:
        raise DataError(f"{path}: too small ({rgb.width}x{rgb.height}; at least {MIN_SIDE}x{MIN_SIDE} is needed)")
    return np.asarray(rgb if size is None else cut(rgb, size))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def tell_left_out(left_out: Sequence[str]) -> None:
    """Log what was left out; where nobody listens to logs, Python prints it to standard error."""
    for reason in left_out[:_TOLD_AT_MOST]:
        _log.warning("left out: %s", reason)
    if len(left_out) > _TOLD_AT_MOST:
        _log.warning("left out: %d more files", len(left_out) - _TOLD_AT_MOST)


def _reasons(paths: Sequence[Path], use: Callable[[int, Path], None]) -> dict[int, str]:
    """Why files cannot be used, by their place; `use` is called for each, side by side, and raises if it cannot be."""

    def reason(place: int) -> str | None:
        try:
            use(place, paths[place])
        except DataError as error:
            return str(error)
        return None

    # Pillow warns of torn EXIF and of large pictures; what cannot be used is told as left out.
    with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor(_READERS) as readers:
        reasons = readers.map(reason, range(len(paths)))
        return {place: text for place, text in enumerate(reasons) if text is not None}


def find_broken(paths: Sequence[Path]) -> dict[Path, str]:
    """The picture files that cannot be read, each with one line that says which and why."""

    def use(_: int, path: Path) -> None:
        read_rgb(path)

    return {paths[place]: reason for place, reason in _reasons(paths, use).items()}


def read_pairs(
    paths: Sequence[Path],
    root: Path,
    size: int,
    truth: Literal["color", "none"] = "color",
    cut: Cut = middle_square,
) -> Pairs:
    """The pairs of many picture files; broken ones are left out and named.

    Args:
        paths: The files, in the order that the pairs will have.
        root: The folder that names are relative to.
        size: Side of the square that every picture is brought to.
        truth: Whether the files are color pictures, or gray ones without a truth.
        cut: Which part of a picture the square shows.

    Returns:
        The pairs of all files that could be read.

    Raises:
        DataError: None could be read.
    """
    color = np.empty((len(paths), size, size, 3), dtype=np.uint8)  # filled in place: large sets fit in memory once

    def use(place: int, path: Path) -> None:
        color[place] = read_rgb(path, size, cut)

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

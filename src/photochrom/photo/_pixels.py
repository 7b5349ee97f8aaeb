"""From rows of pixels of any kind to luma, opacity and whether there are colors: one road for 8 and 16 bits."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from photochrom.errors import UnreadableError
from photochrom.photo._tint import Coloring, judge_coloring

Levels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
Pixels = npt.NDArray[Any]
Channels = Literal["gray", "rgb", "cmyk", "lab"]

JUDGED_SIDE = 128
"""The least side of the small copy from which it is told whether the photo is gray."""

_ROWS = 128
"""About how many rows are decoded at a time."""

_TURNS = MappingProxyType(
    {
        1: (False, False, False),
        2: (False, False, True),
        3: (False, True, True),
        4: (False, True, False),
        5: (True, False, False),
        6: (True, False, True),
        7: (True, True, True),
        8: (True, True, False),
    }
)
"""How EXIF's orientations are brought upright: whether rows become columns, then whether rows and columns are turned
over."""


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels that are still to be decoded.

    Attributes:
        width: In pixels, as they lie in the file.
        height: In pixels.
        channels: What the channels mean, but for opacity.
        has_alpha: Whether opacity follows as the last channel; it is not multiplied into the others.
        rows: From a number of rows, all rows in steps of that number, each of shape (rows, width, channels).
        icc_profile: What the channels mean exactly, if the file tells.
        is_upright: Whether the rows are turned by the file's orientation already.
        preview: A small copy in RGB, if the rows hold only the luma of a photo that may have colors.
    """

    width: int
    height: int
    channels: Channels
    has_alpha: bool
    rows: Callable[[int], Iterator[Pixels]]
    icc_profile: bytes | None = None
    is_upright: bool = False
    preview: Callable[[], Pixels] | None = None


class Decoded(NamedTuple):
    """Pixels without their colors.

    Attributes:
        luma: Shape (height, width), uint8 or uint16.
        alpha: Opacity, of the same shape and type; None if nothing is transparent.
        coloring: Whether there were colors.
        is_invisible: Whether all was transparent, which is passed over.
    """

    luma: Levels
    alpha: Levels | None
    coloring: Coloring
    is_invisible: bool = False


def decode(picture: Picture) -> Decoded:
    """Luma, opacity and coloring of a picture; what it needs beyond them is a few rows at a time.

    Returns:
        As they lie in the file.

    Raises:
        UnreadableError: The pixels are broken or of a kind that is not read.
    """
    shrink = max(1, min(picture.width, picture.height) // JUDGED_SIDE)
    step = shrink * -(-_ROWS // shrink)  # so that no judged pixel is cut in two
    to_rgb = _rgb_of(picture)
    luma = alpha = None
    small: list[Image.Image] = []
    top = 0
    for strip in picture.rows(step):
        pixels = _checked(strip)
        colors = to_rgb(pixels[..., :-1] if picture.has_alpha else pixels)
        if luma is None:  # zeros, so that nothing of another photo could ever show
            luma = np.zeros((picture.height, picture.width), colors.dtype)
            alpha = np.zeros_like(luma) if picture.has_alpha else None
        rows = slice(top, top + len(pixels))
        if alpha is not None:
            alpha[rows] = pixels[..., -1]
        if picture.channels == "gray":
            luma[rows] = colors[..., 0]
        else:
            luma[rows], reduced = _looked_at(colors, None if alpha is None else alpha[rows], shrink)
            small.append(reduced)
        top = rows.stop
    if luma is None or top != picture.height:
        raise UnreadableError("broken photo (rows are missing); get a fresh copy of the file")
    is_invisible = alpha is not None and not alpha.any()
    if alpha is not None and (is_invisible or alpha.min() == np.iinfo(alpha.dtype).max):
        alpha = None
    if picture.preview is not None:
        small = [Image.fromarray(picture.preview())]
    levels = gray_as_srgb(luma, "L", picture.icc_profile) if picture.channels == "gray" else luma
    return Decoded(levels, alpha, _judged(small, is_invisible), is_invisible)


def rows_from(levels: Pixels) -> Callable[[int], Iterator[Pixels]]:
    """The rows of a picture that is in memory already, as `Picture` wants them.

    Args:
        levels: Shape (height, width) or (height, width, channels).
    """
    pixels = levels if levels.ndim == 3 else levels[..., None]

    def rows(count: int) -> Iterator[Pixels]:
        for top in range(0, len(pixels), count):
            yield pixels[top : top + count]

    return rows


def to_8_bits(levels: Levels) -> npt.NDArray[np.uint8]:
    """The nearest of 256 levels: one of them is 257 of 65536.

    Args:
        levels: Any shape, uint8 or uint16.

    Returns:
        Same shape, uint8; levels of 8 bits as they are, and not copied.
    """
    if levels.dtype == np.uint8:
        return np.asarray(levels, np.uint8)
    return ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def turned(levels: Levels, orientation: int, back: bool = False) -> Levels:
    """A picture brought upright, or an upright one as it shall lie in a file.

    Args:
        levels: Shape (height, width) or (height, width, channels).
        orientation: EXIF's, from 1 to 8.
        back: Whether from upright to how the file has it.

    Returns:
        The turned picture, in rows of its own.
    """
    is_transposed, turns_rows, turns_columns = _TURNS[orientation]
    if is_transposed and not back:
        levels = _transposed(levels)
    levels = levels[:: -1 if turns_rows else 1, :: -1 if turns_columns else 1]
    return _transposed(levels) if is_transposed and back else np.asarray(np.ascontiguousarray(levels))


def turned_rows(rows: slice, height: int, orientation: int) -> tuple[slice, slice]:
    """Where some rows of a file lie in the picture that `turned` makes of all of them: its rows and its columns.

    Args:
        height: Rows of the file.
    """
    is_transposed, turns_rows, turns_columns = _TURNS[orientation]
    if turns_columns if is_transposed else turns_rows:
        rows = slice(height - rows.stop, height - rows.start)
    return (slice(None), rows) if is_transposed else (rows, slice(None))


def _transposed(levels: Levels) -> Levels:
    """Rows as columns, in blocks that fit into the processor's cache: six times as fast as in one go."""
    height, width, *channels = levels.shape
    out: Any = np.zeros((width, height, *channels), levels.dtype)
    for top in range(0, height, 64):
        out[:, top : top + 64] = levels[top : top + 64].swapaxes(0, 1)
    return np.asarray(out)


def _checked(strip: Pixels) -> Levels:
    """Levels of 8 or 16 bits; numbers of other types are taken if they fit into 16 bits."""
    if strip.dtype in (np.uint8, np.uint16):
        return strip
    if strip.dtype.kind not in "iu":
        raise UnreadableError("pixels of floating-point numbers; save the photo with 8 or 16 bits")
    if strip.min() < 0 or strip.max() > 65535:
        raise UnreadableError("pixels of 32 bits, or below zero; save the photo with 8 or 16 bits")
    return strip.astype(np.uint16)


def _looked_at(rgb: Levels, alpha: Levels | None, shrink: int) -> tuple[Levels, Image.Image]:
    """BT.601 luma of some rows, and a small copy of them in which what is transparent weighs less.

    Luma of 8 bits is what Pillow gives, to the bit; that of 16 bits is rounded exactly.
    """
    if rgb.dtype == np.uint8:
        image = Image.fromarray(np.ascontiguousarray(rgb))
        luma: Levels = np.asarray(image.convert("L"))
    else:
        luma, image = _looked_at_deeply(np.asarray(rgb, np.uint16))
    if alpha is None:
        return luma, image.reduce(shrink)
    if not alpha.any():  # the reduction would lose the colors, which count if nothing else shows any
        small = image.reduce(shrink)
        small.putalpha(0)
        return luma, small
    image.putalpha(Image.fromarray(to_8_bits(alpha)))
    return luma, image.reduce(shrink)


def _looked_at_deeply(rgb: npt.NDArray[np.uint16]) -> tuple[Levels, Image.Image]:
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    if np.array_equal(red, green) and np.array_equal(red, blue):  # as most gray photos are: there is less to do then
        return red, Image.fromarray(to_8_bits(red)).convert("RGB")
    wide = rgb.astype(np.uint32)
    luma = (299 * wide[..., 0] + 587 * wide[..., 1] + 114 * wide[..., 2] + 500) // 1000
    return luma.astype(np.uint16), Image.fromarray(to_8_bits(rgb))


def _judged(small: list[Image.Image], is_invisible: bool) -> Coloring:
    if not small:
        return "gray"
    pixels = np.concatenate([np.asarray(rows) for rows in small])
    return judge_coloring(pixels[..., :3], pixels[..., 3] if pixels.shape[2] == 4 and not is_invisible else None)


def _rgb_of(picture: Picture) -> Callable[[Levels], Levels]:
    """What makes RGB of a picture's rows; CMYK goes through its profile, without which its darks would be wrong."""
    if picture.channels in ("gray", "rgb"):
        return lambda pixels: pixels
    mode = picture.channels.upper()
    transform = _transform_to_srgb(mode, picture.icc_profile)

    def convert(pixels: Levels) -> Levels:
        rows = Image.frombytes(mode, pixels.shape[1::-1], to_8_bits(pixels).tobytes())
        shown = rows.convert("RGB") if transform is None else ImageCms.applyTransform(rows, transform)
        return np.asarray(shown)

    return convert


def _transform_to_srgb(mode: str, icc_profile: bytes | None) -> ImageCms.ImageCmsTransform | None:
    """The way from a mode of Pillow's to sRGB; None without a profile for that mode, or with a broken one."""
    space = {"L": b"GRAY", "RGB": b"RGB ", "CMYK": b"CMYK", "LAB": b"Lab "}[mode]
    try:
        if mode == "LAB":
            profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        elif icc_profile is not None and icc_profile[16:20] == space:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
        else:
            return None
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        return ImageCms.buildTransform(profile, srgb, mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None  # a broken profile is no reason to refuse the photo


def gray_as_srgb(luma: Levels, mode: Literal["L", "RGB"], icc_profile: bytes | None) -> Levels:
    """Gray levels through a profile with tables or for gray, such as that of a scanner.

    Args:
        luma: Any shape, uint8 or uint16.
        mode: What the profile is for.
        icc_profile: If it is none for that mode, the levels are sRGB's already.

    Returns:
        Luma of sRGB, of the same shape and type.
    """
    transform = _transform_to_srgb(mode, icc_profile)
    if transform is None:
        return luma
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None]).convert(mode)
    shown = ImageCms.applyTransform(ramp, transform) or ramp
    curve = np.asarray(shown.convert("L"), np.uint8).reshape(256)
    if luma.dtype == np.uint8:
        return np.asarray(curve[luma])
    steps = np.interp(np.arange(65536), np.arange(256) * 257, curve.astype(np.float64) * 257.0)
    return np.asarray(np.rint(steps).astype(np.uint16)[luma])

"""Pictures that Pillow holds, for the formats that libvips does not read and for callers who have one already."""

import importlib
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageFile, JpegImagePlugin, TiffImagePlugin

from photochrom.errors import PhotoError, UnreadableError
from photochrom.photo._metadata import (
    EXIF_HEAD,
    Origin,
    checked_dpi,
    described_by_exif,
    rgb_profile,
    told_by_resources,
)
from photochrom.photo._pixels import Channels, Picture, Pixels
from photochrom.photo._tags import COMPRESSIONS, described_in

_BITS, _PHOTOMETRIC = 0x0102, 0x0106
_WHITE_IS_ZERO = 0
_RESOURCES_HEAD = b"Photoshop 3.0\x00"

_one_at_a_time = threading.Lock()


@contextmanager
def _quiet() -> Iterator[None]:
    """No warnings of Pillow's, as of torn EXIF; one thread at a time, for the whole process is told to be silent."""
    with _one_at_a_time, warnings.catch_warnings(action="ignore"):
        yield


def pillow_heif() -> Any:
    """The optional package that reads and writes HEIC.

    Raises:
        PhotoError: It is not installed.
    """
    try:
        return importlib.import_module("pillow_heif")
    except ImportError as error:
        raise PhotoError("HEIC needs another package: pip install 'photochrom[heic]'") from error


def open_with_pillow(opener: Callable[[BinaryIO], ImageFile.ImageFile], file: BinaryIO) -> ImageFile.ImageFile:
    """A picture of which only the header has been read.

    `Image.open` will not do: it has a fixed limit of pixels, and opens formats that are not safe, such as EPS.

    Args:
        opener: One of Pillow's classes.
        file: Is read from its beginning.
    """
    file.seek(0)
    with _quiet():
        return opener(file)


def picture_of(image: Image.Image) -> Picture:
    """The pixels of a picture that Pillow holds or has opened.

    Args:
        image: Any mode; it is not changed, but for being loaded.

    Raises:
        UnreadableError: The picture is empty, or its numbers are of a kind that is not read.
    """
    if 0 in image.size:
        raise UnreadableError("the picture is empty; give one with pixels")
    profile = image.info.get("icc_profile")
    profile = profile if isinstance(profile, bytes) else None
    is_upright = isinstance(image, TiffImagePlugin.TiffImageFile)  # Pillow turns it while loading
    channels, has_alpha, pixels_of = _conversion(image)

    def rows(count: int) -> Iterator[Pixels]:
        with _quiet():
            image.load()
        for top in range(0, image.height, count):
            strip = image.crop((0, top, image.width, min(top + count, image.height)))
            strip.info = image.info
            pixels = pixels_of(strip)
            yield pixels if pixels.ndim == 3 else pixels[..., None]

    return Picture(image.width, image.height, channels, has_alpha, rows, profile, is_upright)


def _conversion(image: Image.Image) -> tuple[Channels, bool, Callable[[Image.Image], Pixels]]:
    """What the channels of a mode become, whether opacity is one, and how some rows of it are turned into an array."""
    mode = image.mode
    if mode.startswith("I"):
        return "gray", isinstance(image.info.get("transparency"), int), _deep_gray(image)
    if mode == "F":
        raise UnreadableError("pixels of floating-point numbers; save the photo with 8 or 16 bits")
    if mode in ("LA", "La"):
        return "gray", True, lambda rows: np.asarray(rows.convert("LA"))
    if mode == "RGBa" or image.has_transparency_data:
        return "rgb", True, lambda rows: np.asarray(rows.convert("RGBA"))
    if mode in ("1", "L"):
        return "gray", False, lambda rows: np.asarray(rows.convert("L"))
    if mode in ("CMYK", "LAB"):
        return ("cmyk" if mode == "CMYK" else "lab"), False, np.asarray
    return "rgb", False, lambda rows: np.asarray(rows.convert("RGB"))


def _deep_gray(image: Image.Image) -> Callable[[Image.Image], Pixels]:
    """Gray of 16 bits, which Pillow would clip to white."""
    tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
    has_12_bits = 12 in tags.get(_BITS, ())
    is_inverted = tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO  # Pillow inverts 8 bits, but not 16
    transparent = image.info.get("transparency")  # one level that stands for transparent

    def pixels_of(rows: Image.Image) -> Pixels:
        levels = np.asarray(rows)
        if levels.dtype.kind != "u" and levels.min() >= 0 and levels.max() <= 65535:
            levels = levels.astype(np.uint16)
        if levels.dtype.itemsize == 2:
            levels = levels.astype(np.uint16)  # in this machine's byte order
        if has_12_bits:
            levels = ((levels.astype(np.uint32) * 65535 + 2047) // 4095).astype(np.uint16)
        if is_inverted:
            levels = 65535 - levels
        if not isinstance(transparent, int):
            return levels
        return np.dstack([levels, np.where(levels == transparent, 0, 65535).astype(np.uint16)])

    return pixels_of


def origin_of_image(image: Image.Image) -> Origin:
    """What a picture that Pillow holds tells.

    Args:
        image: Opened from a file, or made.

    Returns:
        The origin, without a suffix; its format is the one that Pillow tells, or PNG if it tells none.
    """
    xmp = image.info.get("xmp")
    origin = Origin(
        format=image.format or "PNG",
        icc_profile=rgb_profile(image.info.get("icc_profile")),
        xmp=xmp if isinstance(xmp, bytes) and xmp else None,
        dpi=checked_dpi(image.info.get("dpi")),
    )
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        compression = COMPRESSIONS.get(str(image.info.get("compression")).removeprefix("tiff_"), origin.compression)
        return described_by_exif(replace(origin, compression=compression), _tags_as_exif(image))
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        parts = [data.removeprefix(_RESOURCES_HEAD) for marker, data in image.applist if marker == "APP13"]
        blocks, comment = b"".join(parts), image.info.get("comment", b"")
        origin = replace(
            origin,
            quantization=tuple(tuple(table) for table in image.quantization.values()),
            comment=comment if isinstance(comment, bytes) else b"",
        )
        origin = told_by_resources(origin, blocks)
    return described_by_exif(origin, image.info.get("exif"))


def _tags_as_exif(image: TiffImagePlugin.TiffImageFile) -> bytes:
    """The tags of a TIFF that describe the photo rather than its pixels."""
    try:
        return described_in(image.getexif().tobytes().removeprefix(EXIF_HEAD))
    except Exception:  # tags that Pillow reads but cannot write again are no reason to refuse the photo
        return b""

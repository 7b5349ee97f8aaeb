"""Any photo file in, the same photo file out: its size, its resolution, and what it tells about itself."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import cv2
import numpy as np
from PIL import Image

from photochrom.errors import PhotoError, UnreadableError
from photochrom.files import write_whole
from photochrom.photo._decoding import (
    HEAD_BYTES,
    Decoded,
    Levels,
    decode_file,
    decode_image,
    open_image,
    quiet,
    require_one_photo,
    sniff,
    to_8_bits,
)
from photochrom.photo._encoding import DEEP_FORMATS, ENCODERS
from photochrom.photo._origin import (
    SUFFIXES,
    TURNING_FORMATS,
    UPRIGHT,
    Origin,
    origin_of_file,
    origin_of_image,
    signed,
)
from photochrom.photo._tint import Coloring

__all__ = [
    "MAX_MEGAPIXELS",
    "WRITTEN_FORMATS",
    "Photo",
    "encode_photo",
    "photo_from_image",
    "read_photo",
    "write_photo",
]

MAX_MEGAPIXELS = 200.0
"""More than nearly all scans and phones have; larger pictures are refused before anything is decoded."""

WRITTEN_FORMATS = tuple(SUFFIXES)
"""The formats that can be written, by Pillow's names. GIF is read too, but 256 colors are too few to write it."""

_TURNS = MappingProxyType(
    {
        1: (False, None),
        2: (False, 1),
        3: (False, -1),
        4: (False, 0),
        5: (True, None),
        6: (True, 1),
        7: (True, -1),
        8: (True, 0),
    }
)
"""How EXIF's orientations are brought upright: whether rows become columns, then OpenCV's code of a flip."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo as it is looked at, without its colors.

    Attributes:
        luma: Upright; shape (height, width), uint8 or uint16.
        alpha: Opacity, of the same shape and type; None if nothing is transparent.
        coloring: Whether the photo was `gray`, `tinted` or in `color`.
        origin: What is needed to write the same file again.
    """

    luma: Levels
    alpha: Levels | None = None
    coloring: Coloring = "gray"
    origin: Origin = field(default_factory=Origin)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, upright."""
        return self.luma.shape[1], self.luma.shape[0]

    @property
    def bits(self) -> int:
        """Bits of each channel: 8 or 16."""
        return self.luma.dtype.itemsize * 8

    @property
    def suffix(self) -> str:
        """The suffix that a colored copy should get: the source's own, unless it told the wrong format."""
        suffixes = SUFFIXES[_writable(self.origin.format)]
        return self.origin.suffix if self.origin.suffix in suffixes else suffixes[0]


def read_photo(
    source: Path | bytes, max_megapixels: float = MAX_MEGAPIXELS, on_size: Callable[[float], object] | None = None
) -> Photo:
    """The photo in a file. What the file is, is told by its content, not by its name.

    JPEG, PNG, WebP, TIFF, BMP, GIF and, with pillow-heif, HEIC; 8 or 16 bits; gray, palettes, RGB, CMYK, transparency.

    Args:
        source: A file, or what is in one.
        max_megapixels: Larger pictures are refused before they are decoded.
        on_size: Called with the picture's megapixels before it is decoded.

    Returns:
        The photo, upright.

    Raises:
        UnreadableError: There is no such file, it cannot be read, is broken, or holds several pictures. The file's
            name is not told.
        TooLargeError: It has more pixels.
        PhotoError: It needs more memory than there is.
    """
    suffix = "" if isinstance(source, bytes) else source.suffix.lower()
    try:
        with _opened(source) as file:
            return _read(file, suffix, max_megapixels, on_size)
    except PhotoError:
        raise
    except MemoryError as error:
        raise PhotoError("not enough memory to read this photo; make it smaller") from error
    except Exception as error:  # decoders raise whatever broken bytes lead them to: struct.error, SyntaxError, ...
        raise UnreadableError(f"broken photo ({_one_line(error)}); get a fresh copy of the file") from error


def photo_from_image(image: Image.Image) -> Photo:
    """The photo in a picture that Pillow holds.

    Args:
        image: Any mode but those of floating-point numbers; turned upright by its EXIF. It is not changed.

    Returns:
        The photo, upright; it will be written in the format that the picture was opened from, or else as PNG.

    Raises:
        PhotoError: The picture is empty, broken, or of numbers of a kind that is not read.
    """
    try:
        image.load()
        # Once loaded, a TIFF has been turned by Pillow and tells so.
        return _photo(decode_image(image), origin_of_image(image))
    except PhotoError:
        raise
    except Exception as error:
        raise PhotoError(f"broken picture ({_one_line(error)}); load it afresh") from error


def encode_photo(rgb: Levels, photo: Photo, format: str | None = None) -> bytes:  # noqa: A002 - as Pillow names it
    """A colored photo as a file like the one that it came from.

    Stored size, orientation, EXIF, XMP, profile and resolution are the source's; EXIF's Software also names
    photochrom. Where the format holds no transparency, the photo lies on white; one of 8 bits gets 16 bits rounded.

    Args:
        rgb: Upright; shape (height, width, 3), the type of the photo's luma.
        photo: What was colored.
        format: One of `WRITTEN_FORMATS`. None keeps the source's, and makes a PNG of a GIF.

    Returns:
        The content of the file.

    Raises:
        PhotoError: The colors do not fit the photo, or the format cannot be written or does not hold this photo.
    """
    if rgb.shape != (*photo.luma.shape, 3) or rgb.dtype != photo.luma.dtype:
        raise PhotoError(
            f"colors of shape {rgb.shape} and type {rgb.dtype} do not fit a photo of {photo.luma.shape} and "
            f"{photo.luma.dtype}; color this photo"
        )
    target = _writable(photo.origin.format) if format is None else format
    if target not in ENCODERS:
        raise PhotoError(f"cannot write {target!r}; choose one of: {', '.join(WRITTEN_FORMATS)}")
    try:
        return ENCODERS[target](*_stored(rgb, photo, target), signed(photo.origin, target))
    except PhotoError:
        raise
    except MemoryError as error:
        raise PhotoError(f"not enough memory to write this photo as {target}; make it smaller") from error
    except Exception as error:  # each encoder tells in its own way of a size that the format does not hold
        raise PhotoError(f"cannot write this photo as {target} ({_one_line(error)}); try PNG or TIFF") from error


def write_photo(rgb: Levels, photo: Photo, path: Path, overwrite: bool = False) -> None:
    """Write a colored photo to a file, whole or not at all.

    The file gets the format of the source's content, even if the source's suffix told another one. Only a path
    whose suffix is not the source's asks for that suffix's format.

    Args:
        rgb: Upright; shape (height, width, 3), the type of the photo's luma.
        photo: What was colored.
        path: Where to; missing folders are made.
        overwrite: Whether a file that lies there is replaced.

    Raises:
        PhotoError: There is such a file already, its suffix is of no format that can be written, the folder cannot
            be written to, or the disk is full; what was at `path` stays.
    """
    try:
        if path.is_dir():
            raise PhotoError(f"{path}: this is a folder; give the name of a file")
        if path.exists() and not overwrite:
            raise PhotoError(f"{path}: there is such a file already; choose another name or allow overwriting")
        write_whole(path, encode_photo(rgb, photo, _format_for(path, photo.origin)))
    except OSError as error:
        reason = error.strerror or _one_line(error)
        raise PhotoError(f"{path}: cannot be written ({reason}); choose another folder or make room") from error


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _writable(source: str) -> str:
    return source if source in SUFFIXES else "PNG"


def _format_for(path: Path, origin: Origin) -> str:
    """The format in which a photo is written to a path; see `write_photo`."""
    suffix = path.suffix.lower()
    if not suffix or (suffix == origin.suffix and origin.format in SUFFIXES):
        return _writable(origin.format)
    for name, suffixes in SUFFIXES.items():
        if suffix in suffixes:
            return name
    usual = ", ".join(suffixes[0] for suffixes in SUFFIXES.values())
    raise PhotoError(f"{path}: {suffix} cannot be written; choose one of: {usual}")


@contextmanager
def _opened(source: Path | bytes) -> Iterator[BinaryIO]:
    """The bytes of a photo, open to be read.

    Raises:
        UnreadableError: The file is missing, no file, or not to be read.
    """
    if isinstance(source, bytes):
        yield io.BytesIO(source)
        return
    try:
        if source.is_dir():
            raise UnreadableError("this is a folder; give a photo in it")
        if source.exists() and not source.is_file():  # a pipe or a device might never end
            raise UnreadableError("this is no file; give a photo")
        file = source.open("rb")
    except FileNotFoundError as error:
        raise UnreadableError("no such file; check the name") from error
    except PermissionError as error:
        raise UnreadableError("no permission to read this file; change its permissions") from error
    except (OSError, ValueError) as error:  # ValueError: a name with a null byte
        raise UnreadableError(f"cannot be opened ({_one_line(error)}); check the name") from error
    with file:
        yield file


def _read(file: BinaryIO, suffix: str, max_megapixels: float, on_size: Callable[[float], object] | None) -> Photo:
    head = file.read(HEAD_BYTES)
    kind = sniff(head)
    file.seek(0)
    with quiet():
        image = open_image(file, kind)
        require_one_photo(image, max_megapixels)
        if on_size is not None:
            on_size(image.width * image.height / 1e6)
        origin = replace(origin_of_file(image, kind, file), suffix=suffix)
    return _photo(decode_file(image, file, head), origin)


def _photo(decoded: Decoded, origin: Origin) -> Photo:
    orientation = UPRIGHT if decoded.is_upright else origin.orientation
    alpha = None if decoded.alpha is None else _turned_upright(decoded.alpha, orientation)
    return Photo(_turned_upright(decoded.luma, orientation), alpha, decoded.coloring, origin)


def _turned_upright(levels: Levels, orientation: int) -> Levels:
    is_transposed, flip = _TURNS[orientation]
    turned: Any = cv2.transpose(levels) if is_transposed else levels
    return np.asarray(turned if flip is None else cv2.flip(turned, flip))


def _turned_back(levels: Levels, orientation: int) -> Levels:
    is_transposed, flip = _TURNS[orientation]
    turned: Any = levels if flip is None else cv2.flip(levels, flip)
    return np.asarray(cv2.transpose(turned) if is_transposed else turned)


def _stored(rgb: Levels, photo: Photo, target: str) -> tuple[Levels, Levels | None]:
    """The pixels as a file shall hold them: turned as in the source, and of no more bits than the format has."""
    orientation = photo.origin.orientation if target in TURNING_FORMATS else UPRIGHT

    def stored(levels: Levels) -> Levels:
        if levels.dtype == np.uint16 and target not in DEEP_FORMATS:
            levels = to_8_bits(np.asarray(levels, np.uint16))
        return _turned_back(levels, orientation)

    return stored(rgb), None if photo.alpha is None else stored(photo.alpha)

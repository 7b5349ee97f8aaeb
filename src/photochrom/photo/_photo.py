"""Any photo file in, the same photo file out: its size, its resolution, and what it tells about itself."""

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from PIL import Image

from photochrom.errors import PhotoError, TooLargeError, UnreadableError, reason_of, unwritten
from photochrom.files import write_whole
from photochrom.photo._directories import read_directory
from photochrom.photo._metadata import UPRIGHT, Origin, signed
from photochrom.photo._pillow import origin_of_image, picture_of
from photochrom.photo._pixels import Levels, Picture, decode, gray_as_srgb, to_8_bits, turned, turned_rows
from photochrom.photo._primaries import profile_of_exif
from photochrom.photo._profile import has_tables, space_of
from photochrom.photo._salvage import Mended, remains_of
from photochrom.photo._tint import Coloring
from photochrom.photo._vips import image_from, vips
from photochrom.photo.formats import (
    FORMATS,
    HEAD_BYTES,
    SUFFIXES,
    USUAL_SUFFIXES,
    WRITTEN_FORMATS,
    Format,
    Opened,
    format_of,
)

MAX_MEGAPIXELS = 200.0
"""More than nearly all scans and phones have; larger pictures are refused before anything is decoded."""

_LONGEST_REASON = 200
"""Letters of what a decoder says, which may repeat what stands in the file."""

_INVISIBLE = "all of it is transparent, which is passed over"

_LEADING = b"\r\n\xef\xbb\xbf"
"""Line ends and a byte-order mark."""

_WITH_PROFILE = frozenset({"gray", "rgb"})
"""Channels whose levels EXIF may describe."""

_FALLBACK = "PNG"
"""The format of photos whose own cannot be written."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo as it is looked at, without its colors.

    Attributes:
        luma: Of sRGB, upright; shape (height, width), uint8 or uint16.
        alpha: Opacity, of the same shape and type; None if nothing is transparent.
        coloring: Whether the photo was `gray`, `tinted`, a `print` among colors, or in `color`.
        origin: What is needed to write the same file again.
        stored: The gray levels that the file has, of the shape and type of luma, if its profile is not sRGB's.
        remarks: What is missing of it, each on one line.
        there: The rows and columns, upright, that a torn photo still has; the others are blank. None if all are there.
        path: The file that it was read from; None if it was read from memory.
    """

    luma: Levels
    alpha: Levels | None = None
    coloring: Coloring = "gray"
    origin: Origin = field(default_factory=Origin)
    stored: Levels | None = None
    remarks: tuple[str, ...] = ()
    there: tuple[slice, slice] | None = None
    path: Path | None = None

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
        suffixes = SUFFIXES[written_format(self.origin.format)]
        return self.origin.suffix if self.origin.suffix in suffixes else suffixes[0]


def read_photo(
    source: Path | bytes,
    max_megapixels: float = MAX_MEGAPIXELS,
    on_size: Callable[[float], object] | None = None,
    *,
    strict: bool = False,
) -> Photo:
    """The photo in a file. What the file is, is told by its content, not by its name.

    All formats of `photochrom.photo.formats` are read; 8 or 16 bits; gray, palettes, RGB, CMYK, transparency. Gray and
    CMYK profiles are applied and dropped; of RGB profiles, only those that have tables are. Of a torn JPEG, PNG, TIFF
    or BMP, what is left is read, if it is half of the rows or more; the others are blank. Of several pictures, the
    first one is read.

    Args:
        source: A file, or what is in one.
        max_megapixels: Larger pictures are refused before they are decoded.
        on_size: Called with the picture's megapixels before it is decoded.
        strict: Whether to refuse torn files and those of several pictures.

    Returns:
        The photo, upright.

    Raises:
        UnreadableError: There is no such file, it cannot be read, is broken, or is refused by `strict`. The file's
            name is not told.
        TooLargeError: It has more pixels.
        PhotoError: It needs more memory than there is, or a package that is not installed.
    """
    with _clear_errors(UnreadableError, "broken photo ({}); get a fresh copy of the file"), _opened(source) as opened:
        one, file = _told(opened)
        photo = _Reading(one, max_megapixels, on_size or (lambda _: None), strict).of(file)
    if isinstance(source, bytes):
        return photo
    return replace(photo, origin=replace(photo.origin, suffix=source.suffix.lower()), path=source)


class _Reading(NamedTuple):
    """How a file is read; see `read_photo`."""

    format: Format
    max_megapixels: float
    on_size: Callable[[float], object]
    strict: bool

    def of(self, file: BinaryIO) -> Photo:
        """The photo in a file, or what is left of it."""
        try:
            return self._whole(self.format.open(file))
        except (PhotoError, MemoryError):
            raise
        except Exception:
            mended = None if self.strict else _mended(self.format, file, self.max_megapixels)
            if mended is None:
                raise
        opened = self.format.open(io.BytesIO(mended.content))
        remains = remains_of(mended, opened.picture)
        photo = self._whole(opened._replace(picture=remains.picture))
        rows, orientation = remains.there, _orientation(remains.picture, photo.origin)
        there = None if rows is None else turned_rows(rows, mended.height, orientation)
        return replace(photo, remarks=(*photo.remarks, remains.told()), there=there)

    def _whole(self, opened: Opened) -> Photo:
        _require_size(opened.picture, self.max_megapixels)
        if opened.refusal or (self.strict and opened.left_out):
            raise UnreadableError(opened.refusal or f"{opened.left_out}; save one as a file of its own")
        self.on_size(opened.picture.width * opened.picture.height / 1e6)
        photo = _photo(opened.picture, opened.origin)
        return replace(photo, remarks=(*photo.remarks, opened.left_out)) if opened.left_out else photo


def _told(file: BinaryIO) -> tuple[Format, BinaryIO]:
    """The format of a file, and the file without what some transfers put before its first byte."""
    head = file.read(HEAD_BYTES)
    try:
        return format_of(head), file
    except UnreadableError:
        start = len(head) - len(head.lstrip(_LEADING))
        if not 0 < start < len(head):
            raise
        return format_of(head[start:]), io.BytesIO(head[start:] + file.read())


def _mended(one: Format, file: BinaryIO, max_megapixels: float) -> Mended | None:
    """A whole file of what is left of a torn one; None if nothing can be done."""
    if one.mend is None:
        return None
    file.seek(0)
    with suppress(Exception):  # that the file is torn says more than how it fails to be mended
        return one.mend(file.read(), int(min(max_megapixels * 1e6, sys.maxsize)))  # which may be without a limit
    return None


def photo_from_image(image: Image.Image) -> Photo:
    """The photo in a picture that Pillow holds.

    Args:
        image: Any mode but those of floating-point numbers; turned upright by its EXIF. It is not changed.

    Returns:
        The photo, upright; it will be written in the format that the picture was opened from, or else as PNG.

    Raises:
        UnreadableError: The picture is empty, broken, or of numbers of a kind that is not read.
    """
    with _clear_errors(UnreadableError, "broken picture ({}); load it afresh"):
        image.load()
        # Once loaded, a TIFF has been turned by Pillow and tells so.
        origin = origin_of_image(image)
        return _photo(picture_of(image), replace(origin, format=written_format(origin.format)))


def encode_photo(rgb: Levels, photo: Photo, format: str | None = None) -> bytes:  # noqa: A002 - as Pillow names it
    """A colored photo as a file like the one that it came from.

    Stored size, orientation, EXIF, XMP, captions, profile and resolution are the source's; EXIF's Software also names
    photochrom. Where the format holds no transparency, the photo lies on white; one of 8 bits gets 16 bits rounded.

    Args:
        rgb: Upright; shape (height, width, 3), the type of the photo's luma.
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
    target = written_format(photo.origin.format) if format is None else format
    if target not in WRITTEN_FORMATS:
        raise PhotoError(f"cannot write {target!r}; choose one of: {', '.join(WRITTEN_FORMATS)}")
    with _clear_errors(PhotoError, f"cannot write this photo as {target} ({{}}); try PNG or TIFF"):
        one = FORMATS[target]
        assert one.encode is not None  # noqa: S101 - that is what written formats are
        return one.encode(_stored(rgb, photo, one), signed(photo.origin, one.can_turn))


def write_photo(rgb: Levels, photo: Photo, path: Path, overwrite: bool = False) -> None:
    """Write a colored photo to a file, whole or not at all.

    The file gets the format of the source's content, even if the source's suffix told another one. Only a path
    whose suffix is not the source's asks for that suffix's format.

    Args:
        rgb: Upright; shape (height, width, 3), the type of the photo's luma.
        path: Where to; missing folders are made.
        overwrite: Whether a file that lies there is replaced; the photo's own file never is.

    Raises:
        PhotoError: There is such a file already, it is the photo's own, its suffix is of no format that can be
            written, the folder cannot be written to, or the disk is full; what was at `path` stays.
    """
    try:
        if path.is_dir():
            raise PhotoError(f"{path}: this is a folder; give the name of a file")
        if path.exists() and not overwrite:  # asked again when it is written; encoding takes a while
            raise _there_already(path)
        if photo.path is not None and photo.path.exists() and path.exists() and path.samefile(photo.path):
            raise PhotoError(f"{path}: the result would replace the photo itself; choose another name")
        write_whole(path, encode_photo(rgb, photo, _format_for(path, photo.origin)), may_replace=overwrite)
    except OSError as error:
        if isinstance(error, FileExistsError) and error.filename == str(path):  # and not a file where a folder shall be
            raise _there_already(path) from None
        raise PhotoError(f"{path}: {unwritten(error)}") from error


def _there_already(path: Path) -> PhotoError:
    return PhotoError(f"{path}: there is such a file already; choose another name or allow overwriting")


def _reason(error: Exception) -> str:
    """What went wrong; what libvips says is left out, for its reasons may be those of an earlier photo."""
    if isinstance(error, vips().Error):
        return "libvips refuses it"
    return reason_of(error)[:_LONGEST_REASON]


@contextmanager
def _clear_errors(kind: type[PhotoError], text: str) -> Iterator[None]:
    """Turn whatever the block raises into one clear line.

    Decoders raise whatever broken bytes lead them to (struct.error, SyntaxError, ...), and each encoder tells in its
    own way of a size that the format does not hold.
    """
    try:
        yield
    except PhotoError:
        raise
    except MemoryError as error:
        raise PhotoError("not enough memory for this photo; make it smaller") from error
    except Exception as error:
        raise kind(text.format(_reason(error))) from error


def written_format(source: str) -> str:
    """The format in which photos of a format are written: their own, or PNG."""
    return source if source in WRITTEN_FORMATS else _FALLBACK


def _format_for(path: Path, origin: Origin) -> str:
    """The format in which a photo is written to a path; see `write_photo`."""
    suffix = path.suffix.lower()
    if not suffix or (suffix == origin.suffix and origin.format in WRITTEN_FORMATS):
        return written_format(origin.format)
    for name, suffixes in SUFFIXES.items():
        if suffix in suffixes:
            return name
    raise PhotoError(f"{path}: {suffix} cannot be written; choose one of: {USUAL_SUFFIXES}")


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
        raise UnreadableError(f"cannot be opened ({_reason(error)}); check the name") from error
    with file:
        yield file


def _require_size(picture: Picture, max_megapixels: float) -> None:
    megapixels = picture.width * picture.height / 1e6
    if megapixels > max_megapixels:
        shown = f"{megapixels:.0f}" if megapixels >= 1000 else f"{megapixels:.5g}"
        raise TooLargeError(
            f"too large ({picture.width}x{picture.height} are {shown} megapixels, at most "
            f"{max_megapixels:g} are read); make it smaller, or raise the limit"
        )


def _photo(picture: Picture, origin: Origin) -> Photo:
    decoded = decode(picture)
    orientation = _orientation(picture, origin)
    alpha = None if decoded.alpha is None else turned(decoded.alpha, orientation)
    luma = turned(decoded.luma, orientation)
    stored: Levels | None = None
    if origin.icc_profile is None and picture.icc_profile is None and origin.exif and picture.channels in _WITH_PROFILE:
        origin = replace(origin, icc_profile=profile_of_exif(read_directory(origin.exif)))
    space = space_of(origin.icc_profile)
    if space is not None:
        luma, stored = space.gray_as_srgb(luma.dtype)[luma], luma
    elif origin.icc_profile is not None and has_tables(origin.icc_profile):
        luma, origin = gray_as_srgb(luma, "RGB", origin.icc_profile), replace(origin, icc_profile=None)
        origin = replace(origin, lost=(*origin.lost, "a color profile of tables (the result is in sRGB)"))
    return Photo(luma, alpha, decoded.coloring, origin, stored, (_INVISIBLE,) if decoded.is_invisible else ())


def _orientation(picture: Picture, origin: Origin) -> int:
    """How the rows of a picture lie."""
    return UPRIGHT if picture.is_upright else origin.orientation


def _stored(rgb: Levels, photo: Photo, one: Format) -> Any:
    """The pixels as a file shall hold them, for libvips: in the space of its profile, turned, of no more bits."""
    orientation = photo.origin.orientation if one.can_turn else UPRIGHT
    space = space_of(photo.origin.icc_profile) if "ICC" in one.tags else None
    if space is not None:
        rgb = space.of_srgb(rgb, photo.luma, photo.stored)

    def stored(levels: Levels) -> Any:
        if one.bits == 8:
            levels = to_8_bits(levels)
        turned_back = turned(levels, orientation, back=True)
        return image_from(turned_back if turned_back.ndim == 3 else turned_back[..., None])

    image = stored(rgb)
    if photo.alpha is None:
        return image
    image = image.bandjoin(stored(photo.alpha))
    return image if one.has_alpha else image.flatten(background=255)

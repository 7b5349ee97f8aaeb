"""What a photo's file tells beyond its pixels, so that the same file can be written again."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import BinaryIO

from PIL import Image, JpegImagePlugin, TiffImagePlugin

from photochrom.photo._containers import (
    EMPTY_BLOCK,
    PIXEL_TAGS,
    Directory,
    Field,
    png_chunks,
    read_directory,
    short_field,
    text_field,
    webp_chunk_kinds,
    with_fields,
)

__all__ = [
    "COMPRESSION_LZW",
    "EXIF_HEAD",
    "ORIENTATION",
    "SOFTWARE",
    "SUFFIXES",
    "TURNING_FORMATS",
    "UPRIGHT",
    "Origin",
    "minimal_exif",
    "origin_of_file",
    "origin_of_image",
    "signed",
]

SOFTWARE = b"photochrom (the colors are guesses)"
"""What EXIF's Software says of each written photo, after what it said before."""

SUFFIXES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
        "PNG": (".png",),
        "WEBP": (".webp",),
        "TIFF": (".tif", ".tiff"),
        "BMP": (".bmp", ".dib"),
        "HEIF": (".heic", ".heif", ".hif"),
    }
)
"""The suffixes of each format that can be written, by Pillow's name for it; the usual one first."""

TURNING_FORMATS = frozenset({"JPEG", "PNG", "WEBP", "TIFF"})
"""Formats whose pixels may lie turned, with a tag that says so."""

UPRIGHT = 1
ORIENTATION, _SOFTWARE_TAG = 0x0112, 0x0131
EXIF_HEAD = b"Exif\x00\x00"
"""What stands before the byte-order mark in a JPEG."""

COMPRESSION_LZW = 5
_TIFF_COMPRESSIONS = MappingProxyType(
    {"raw": 1, "tiff_lzw": COMPRESSION_LZW, "tiff_adobe_deflate": 8, "tiff_deflate": 8}
)
"""TIFF's numbers of the compressions that also suit color; sources with another one get LZW, which all can read."""

_COPIED_CHUNKS = frozenset({b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"tEXt", b"zTXt", b"iTXt", b"tIME"})
_LEGACY_EXIF = b"Raw profile type"


@dataclass(frozen=True)
class Origin:
    """What a photo's file told, beyond the pixels.

    Attributes:
        format: Pillow's name of the format of the content, whatever the file is called.
        suffix: Of the file's name, in lower case; empty if the photo came from no file.
        orientation: EXIF's, from 1 to 8: how the pixels lay in the file.
        exif: EXIF from its byte-order mark on; empty if there is none. Of a TIFF, its descriptive tags.
        icc_profile: A color profile for RGB.
        xmp: XMP.
        dpi: Dots per inch, across and down.
        quantization: A JPEG's tables.
        comment: A JPEG's.
        iptc: A JPEG's segment with captions.
        lossless: Whether a WebP is.
        compression: TIFF's number of it.
        chunks: Name and data of a PNG's chunks that tell how it shall look, or are text.
    """

    format: str = "PNG"
    suffix: str = ""
    orientation: int = UPRIGHT
    exif: bytes = field(default=b"", repr=False)
    icc_profile: bytes | None = field(default=None, repr=False)
    xmp: bytes | None = field(default=None, repr=False)
    dpi: tuple[float, float] | None = None
    quantization: tuple[tuple[int, ...], ...] = field(default=(), repr=False)
    comment: bytes = field(default=b"", repr=False)
    iptc: bytes = field(default=b"", repr=False)
    lossless: bool = False
    compression: int = COMPRESSION_LZW
    chunks: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)


def origin_of_file(image: Image.Image, kind: str, file: BinaryIO) -> Origin:
    """What an opened file tells.

    Args:
        image: As Pillow opened it, before its pixels are decoded.
        kind: Pillow's name of the format.
        file: The file itself, for what Pillow does not tell.

    Returns:
        The origin, without a suffix.
    """
    origin = replace(origin_of_image(image), format=kind)
    position = file.tell()
    if kind == "PNG":
        # Old programs hid EXIF in a text chunk; it is written where it belongs today.
        texts = png_chunks(file, _COPIED_CHUNKS)
        origin = replace(origin, chunks=tuple(chunk for chunk in texts if not chunk[1].startswith(_LEGACY_EXIF)))
    elif kind == "WEBP":
        origin = replace(origin, lossless=b"VP8L" in webp_chunk_kinds(file))
    file.seek(position)
    return origin


def origin_of_image(image: Image.Image) -> Origin:
    """What a picture that Pillow holds tells.

    Args:
        image: Opened from a file, or made.

    Returns:
        The origin, without a suffix; its format is PNG if the picture's cannot be written.
    """
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        block, orientation = _checked_exif(_tiff_tags_as_exif(image))
    else:
        block, orientation = _checked_exif(image.info.get("exif"))
    icc_profile, xmp = image.info.get("icc_profile"), image.info.get("xmp")
    origin = Origin(
        format=image.format if image.format is not None and image.format in SUFFIXES else "PNG",
        orientation=orientation,
        exif=block,
        icc_profile=icc_profile if _is_rgb_profile(icc_profile) else None,
        xmp=xmp if isinstance(xmp, bytes) and xmp else None,
        dpi=_checked_dpi(image.info.get("dpi")),
        compression=_TIFF_COMPRESSIONS.get(str(image.info.get("compression")), COMPRESSION_LZW),
    )
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        return origin
    comment = image.info.get("comment", b"")
    return replace(
        origin,
        quantization=tuple(tuple(table) for table in image.quantization.values()),
        comment=comment if isinstance(comment, bytes) else b"",
        iptc=next((data for marker, data in image.applist if marker == "APP13"), b""),
    )


def signed(origin: Origin, target: str) -> Origin:
    """The origin with photochrom named in its EXIF.

    Args:
        origin: Of the photo.
        target: The format that is going to be written; one whose pixels cannot lie turned is told to be upright.

    Returns:
        The changed origin.
    """
    block = origin.exif or EMPTY_BLOCK
    tag = read_directory(block).get(_SOFTWARE_TAG)
    before = tag.data.strip(b"\x00 ") if isinstance(tag, Field) else b""
    text = before if SOFTWARE in before else b"; ".join(filter(None, [before, SOFTWARE]))
    fields: Directory = {_SOFTWARE_TAG: text_field(text)}
    if target not in TURNING_FORMATS and origin.orientation != UPRIGHT:
        fields = {**fields, ORIENTATION: short_field(UPRIGHT)}
    return replace(origin, exif=with_fields(block, fields))


def minimal_exif(origin: Origin) -> bytes:
    """EXIF that tells only how the pixels lie, and that photochrom colored them; from its byte-order mark on."""
    return with_fields(EMPTY_BLOCK, {_SOFTWARE_TAG: text_field(SOFTWARE), ORIENTATION: short_field(origin.orientation)})


def _is_rgb_profile(profile: object) -> bool:
    """Whether a color profile is for RGB.

    That of a gray or CMYK photo says nothing about the colors that it gets, and viewers refuse files whose profile
    does not fit their channels.
    """
    return isinstance(profile, bytes) and profile[16:20] == b"RGB " and profile[36:40] == b"acsp"


def _checked_exif(exif: object) -> tuple[bytes, int]:
    """EXIF from its byte-order mark on, and the orientation in it; torn EXIF is none."""
    block = exif.removeprefix(EXIF_HEAD) if isinstance(exif, bytes) else b""
    try:
        tag = read_directory(block).get(ORIENTATION)
    except ValueError:
        return b"", UPRIGHT
    value = int.from_bytes(tag.data[:2], "little") if isinstance(tag, Field) else UPRIGHT
    return block, value if 1 <= value <= 8 else UPRIGHT


def _checked_dpi(dpi: object) -> tuple[float, float] | None:
    try:
        across, down = (float(value) for value in dpi)  # type: ignore[attr-defined]
    except (TypeError, ValueError, ArithmeticError):  # hostile fractions divide by zero
        return None
    is_sane = all(math.isfinite(value) and 1.0 <= value <= 65535.0 for value in (across, down))
    return (across, down) if is_sane else None


def _tiff_tags_as_exif(image: TiffImagePlugin.TiffImageFile) -> bytes:
    """The tags of a TIFF that describe the photo rather than its pixels."""
    try:
        fields = read_directory(image.getexif().tobytes().removeprefix(EXIF_HEAD))
        return with_fields(EMPTY_BLOCK, {tag: field for tag, field in fields.items() if tag not in PIXEL_TAGS})
    except Exception:  # tags that Pillow reads but cannot write again are no reason to refuse the photo
        orientation = image.tag_v2.get(ORIENTATION)
        if not (isinstance(orientation, int) and 1 <= orientation <= 8):
            return b""
        return with_fields(EMPTY_BLOCK, {ORIENTATION: short_field(orientation)})

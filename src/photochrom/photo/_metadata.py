"""What a photo's file tells beyond its pixels, so that the same file can be written again."""

import math
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Any

from photochrom.photo._directories import (
    EMPTY_BLOCK,
    Directory,
    Field,
    integers_of,
    read_directory,
    short_field,
    text_field,
    with_fields,
    without_pictures,
)
from photochrom.photo._xmp import EMPTY_PACKET, signed_packet, with_orientation, without_copies

SOFTWARE = b"photochrom (the colors are guesses)"
"""What EXIF's Software says of each written photo, after what it said before."""

VERSION = version("photochrom").encode()

UPRIGHT = 1
ORIENTATION, _SOFTWARE_TAG, _EXIF_DIRECTORY, _MAKER_NOTE = 0x0112, 0x0131, 0x8769, 0x927C
EXIF_HEAD = b"Exif\x00\x00"
"""What stands before the byte-order mark in a JPEG."""

COMPRESSION_LZW = 5

_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
_CENTIMETERS, _INCH_IN_CENTIMETERS = 3, 2.54

IPTC_RESOURCE = 0x0404
EXIF_RESOURCE, XMP_RESOURCE = 0x0422, 0x0424
_DROPPED_RESOURCES = frozenset({IPTC_RESOURCE, EXIF_RESOURCE, 0x0423, XMP_RESOURCE, 0x040F, 0x0409, 0x040C})
"""Captions, EXIF, XMP and the color profile, which are kept elsewhere, and thumbnails of the gray photo."""

_RESOURCE_MARKS = (b"8BIM", b"MeSa", b"PHUT", b"AgHg", b"DCSR")


@dataclass(frozen=True)
class Origin:
    """What a photo's file told, beyond the pixels.

    Attributes:
        format: Pillow's name of the format of the content, whatever the file is called.
        suffix: Of the file's name, in lower case; empty if the photo came from no file.
        orientation: EXIF's, from 1 to 8: how the pixels lay in the file.
        exif: EXIF from its byte-order mark on; empty if there is none. Of a TIFF, its descriptive tags.
        icc_profile: A color profile for RGB.
        xmp: XMP, with what a JPEG keeps of it in an extension.
        dpi: Dots per inch, across and down.
        iptc: Captions, as IPTC's records.
        resources: What Photoshop keeps beside the captions, as its resource blocks, without its thumbnails.
        comment: A JPEG's or GIF's.
        quantization: A JPEG's tables.
        lossless: Whether a WebP is.
        compression: TIFF's number of it.
        chunks: Name and data of a PNG's chunks that tell how it shall look, or are text.
        lost: What else the file held that a colored copy must not, or cannot, have.
    """

    format: str = "PNG"
    suffix: str = ""
    orientation: int = UPRIGHT
    exif: bytes = field(default=b"", repr=False)
    icc_profile: bytes | None = field(default=None, repr=False)
    xmp: bytes | None = field(default=None, repr=False)
    dpi: tuple[float, float] | None = None
    iptc: bytes = field(default=b"", repr=False)
    resources: bytes = field(default=b"", repr=False)
    comment: bytes = field(default=b"", repr=False)
    quantization: tuple[tuple[int, ...], ...] = field(default=(), repr=False)
    lossless: bool = False
    compression: int = COMPRESSION_LZW
    chunks: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)
    lost: tuple[str, ...] = ()


def described_by_exif(origin: Origin, exif: object) -> Origin:
    """The origin with EXIF, and with what EXIF tells of orientation and, if nothing else does, of resolution.

    Args:
        origin: Without EXIF.
        exif: From a file, with or without its head; what is torn is left out.
    """
    block, orientation = checked_exif(exif or origin.exif)
    dpi = origin.dpi or (dpi_of_tags(read_directory(block)) if block else None)
    return replace(origin, exif=block, orientation=orientation, dpi=dpi)


def signed(origin: Origin, can_turn: bool) -> Origin:
    """The origin that says in EXIF and XMP that photochrom guessed the colors, without copies of the gray photo.

    Args:
        can_turn: Whether the pixels lie as the origin's orientation says in the file that is going to be written;
            if not, EXIF and XMP say that they are upright.
    """
    block = without_pictures(origin.exif or EMPTY_BLOCK)
    tag = read_directory(block).get(_SOFTWARE_TAG)
    before = tag.data.strip(b"\x00 ") if isinstance(tag, Field) else b""
    text = before if SOFTWARE in before else b"; ".join(filter(None, [before, SOFTWARE]))
    fields: Directory = {_SOFTWARE_TAG: text_field(text)}
    orientation = origin.orientation if can_turn else UPRIGHT
    if integers_of(read_directory(block), ORIENTATION, orientation)[0] != orientation:  # such as 0, which means nothing
        fields = {**fields, ORIENTATION: short_field(orientation)}
    return replace(
        origin,
        exif=with_fields(block, fields),
        orientation=orientation,
        xmp=signed_packet(without_copies(with_orientation(origin.xmp or EMPTY_PACKET, orientation)), SOFTWARE, VERSION),
    )


def short_exif(origin: Origin, most: int) -> bytes:
    """EXIF of no more than so many bytes, from its byte-order mark on.

    What is too long loses first its blank room and the camera's own notes, and then all but how the pixels lie and that
    photochrom colored them.
    """
    if len(origin.exif) <= most:
        return origin.exif
    tags = dict(read_directory(origin.exif))
    below = tags.get(_EXIF_DIRECTORY)
    if below is not None and not isinstance(below, Field):
        tags[_EXIF_DIRECTORY] = {tag: value for tag, value in below.items() if tag != _MAKER_NOTE}
    shorter = with_fields(EMPTY_BLOCK, tags)
    if len(shorter) <= most:
        return shorter
    return with_fields(EMPTY_BLOCK, {_SOFTWARE_TAG: text_field(SOFTWARE), ORIENTATION: short_field(origin.orientation)})


def rgb_profile(profile: object) -> bytes | None:
    """A color profile if it is one for RGB.

    That of a gray or CMYK photo says nothing about the colors that it gets, and viewers refuse files whose profile
    does not fit their channels.
    """
    is_rgb = isinstance(profile, bytes) and profile[16:20] == b"RGB " and profile[36:40] == b"acsp"
    return profile if isinstance(profile, bytes) and is_rgb else None


def checked_exif(exif: object) -> tuple[bytes, int]:
    """EXIF from its byte-order mark on, and the orientation in it; torn EXIF is none."""
    block = exif.removeprefix(EXIF_HEAD) if isinstance(exif, bytes) else b""
    try:
        value = integers_of(read_directory(block), ORIENTATION, UPRIGHT)[0]
    except ValueError:
        return b"", UPRIGHT
    return block, value if 1 <= value <= 8 else UPRIGHT


def checked_dpi(dpi: Any) -> tuple[float, float] | None:
    """Dots per inch, across and down, if they make sense."""
    try:
        across, down = (float(value) for value in dpi)
    except (TypeError, ValueError, ArithmeticError):  # hostile fractions divide by zero
        return None
    is_sane = all(math.isfinite(value) and 1.0 <= value <= 65535.0 for value in (across, down))
    return (across, down) if is_sane else None


def dpi_of_tags(tags: Directory) -> tuple[float, float] | None:
    """Dots per inch, across and down, as the tags of TIFF and EXIF tell them."""
    fractions = [tags.get(tag) for tag in (_X_RESOLUTION, _Y_RESOLUTION)]
    values = []
    for fraction in fractions:
        if not isinstance(fraction, Field) or fraction.kind != 5 or len(fraction.data) < 8:
            return None
        above, below = struct.unpack_from("<II", fraction.data)
        values.append(above / below if below else 0.0)
    unit = integers_of(tags, _RESOLUTION_UNIT, 2)[0]
    if unit not in (2, _CENTIMETERS):
        return None
    return checked_dpi([value * (_INCH_IN_CENTIMETERS if unit == _CENTIMETERS else 1.0) for value in values])


def _resources_in(blocks: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Number, data and all bytes of each of Photoshop's resource blocks, up to the first that is torn."""
    place = 0
    while blocks[place : place + 4] in _RESOURCE_MARKS and place + 7 <= len(blocks):
        number, name_length = struct.unpack_from(">HB", blocks, place + 4)
        start = place + 6 + (name_length + 2) // 2 * 2
        if start + 4 > len(blocks):
            return
        size = struct.unpack_from(">I", blocks, start)[0]
        end = start + 4 + size
        if end > len(blocks):
            return
        is_padded = size % 2 == 1 and blocks[end : end + 4] not in _RESOURCE_MARKS
        yield number, blocks[start + 4 : end], blocks[place:end]
        place = end + is_padded


def told_by_resources(origin: Origin, blocks: bytes) -> Origin:
    """The origin with what Photoshop's resource blocks tell, where nothing else in the file has told it."""
    told: dict[int, bytes] = {}
    for number, data, _ in _resources_in(blocks):
        told[number] = told.get(number, b"") + data
    kept = _joined(whole for number, _, whole in _resources_in(blocks) if number not in _DROPPED_RESOURCES)
    return replace(
        origin,
        iptc=origin.iptc or told.get(IPTC_RESOURCE, b""),
        xmp=origin.xmp or told.get(XMP_RESOURCE) or None,
        exif=origin.exif or checked_exif(told.get(EXIF_RESOURCE))[0],
        resources=kept,
    )


def _joined(blocks: Iterable[bytes]) -> bytes:
    """Resource blocks one after the other, each of an even number of bytes."""
    return b"".join(block + b"\x00" * (len(block) % 2) for block in blocks)


def joined_resources(resources: Iterable[tuple[int, bytes]]) -> bytes:
    """Photoshop's resource blocks, of their numbers and data."""
    return _joined(_resource(number, data) for number, data in resources)


def with_iptc(resources: bytes, iptc: bytes) -> bytes:
    """Photoshop's resource blocks with the captions as the first of them."""
    if not iptc:
        return resources
    return _joined([_resource(IPTC_RESOURCE, iptc), resources])


def _resource(number: int, data: bytes) -> bytes:
    return b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data

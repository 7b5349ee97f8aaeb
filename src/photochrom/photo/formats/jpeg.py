"""JPEG: segments before the pixels hold all that is told."""

import hashlib
import io
import struct
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any, BinaryIO

import numpy as np
from PIL import JpegImagePlugin

from photochrom.errors import UnreadableError
from photochrom.photo._metadata import (
    EXIF_HEAD,
    Origin,
    checked_dpi,
    described_by_exif,
    rgb_profile,
    short_exif,
    told_by_resources,
    with_iptc,
)
from photochrom.photo._pillow import open_with_pillow, picture_of
from photochrom.photo._pixels import JUDGED_SIDE, Picture, Pixels
from photochrom.photo._salvage import Mended
from photochrom.photo._vips import encoded, image_from
from photochrom.photo._xmp import merged
from photochrom.photo.formats._format import ALL_TAGS, MANIFEST, Format, Opened
from photochrom.photo.formats._strips import JPEG_FRAMES

__all__ = ["FORMAT"]

_START = b"\xff\xd8"
_DQT, _SOS, _EOI, _APP0, _APP1, _APP2, _APP11, _APP13, _COM = 0xDB, 0xDA, 0xD9, 0xE0, 0xE1, 0xE2, 0xEB, 0xED, 0xFE
_JPEG_LS = 0xF7
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_NUMBER_OF_LINES = b"\xff\xdc\x00\x04"
_PARAMETERLESS = frozenset({0x01, *range(0xD0, 0xD9)})

_XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\x00"
_EXTENSION_HEAD = b"http://ns.adobe.com/xmp/extension/\x00"
_ICC_HEAD = b"ICC_PROFILE\x00"
_RESOURCES_HEAD = b"Photoshop 3.0\x00"
_RESOURCES_HEADS = (_RESOURCES_HEAD, b"Adobe_Photoshop2.5:")
_EXTENSION_START = len(_EXTENSION_HEAD) + 32
_STUB = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="%s"/>'
    b"</rdf:RDF></x:xmpmeta>"
)

_LONGEST = 65533
"""Bytes that a segment holds."""

_CENTIMETERS_PER_INCH = 2.54
_QUALITIES = range(95, 101)


def _zigzag_key(row: int, column: int) -> tuple[int, int]:
    """Diagonal by diagonal, every second one upwards."""
    return row + column, row if (row + column) % 2 else column


_ZIGZAG = sorted(range(64), key=lambda place: _zigzag_key(*divmod(place, 8)))
"""Where in a block, row by row, the values lie in the order in which a file has them."""


def _segments(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Marker and data of each segment before the pixels, up to the first that is torn."""
    file.seek(len(_START))
    while byte := file.read(1):
        if byte != b"\xff":  # what stands between two segments is passed over, as decoders do
            continue
        marker = file.read(1)
        while marker == b"\xff":  # any number of them may stand before a marker
            marker = file.read(1)
        if not marker or marker[0] in (_SOS, _EOI):
            return
        if marker[0] in _PARAMETERLESS:
            continue
        length = int.from_bytes(file.read(2), "big")
        data = file.read(max(0, length - 2))
        if length < 2 or len(data) < length - 2:
            return
        yield marker[0], data


def _tables(segments: list[tuple[int, bytes]]) -> tuple[tuple[int, ...], ...]:
    """Quantization tables by their number, each row by row."""
    found: dict[int, tuple[int, ...]] = {}
    for marker, data in segments:
        start = 0
        while marker == _DQT and start < len(data):
            is_wide, number = data[start] >> 4, data[start] & 15
            values = np.frombuffer(data[start + 1 : start + 1 + 64 * (1 + bool(is_wide))], ">u2" if is_wide else "u1")
            if len(values) == 64:
                steps = dict(zip(_ZIGZAG, values.tolist(), strict=True))
                found[number] = tuple(steps[place] for place in range(64))
            start += 1 + 64 * (1 + bool(is_wide))
    return tuple(found[number] for number in sorted(found))


def _after(head: bytes, segments: list[tuple[int, bytes]], marker: int) -> list[bytes]:
    """What follows a head in each segment that has it."""
    return [data[len(head) :] for found, data in segments if found == marker and data.startswith(head)]


def _icc_profile(segments: list[tuple[int, bytes]]) -> bytes | None:
    """The color profile, whose parts are numbered and may stand in any order."""
    parts = sorted(_after(_ICC_HEAD, segments, _APP2), key=lambda part: part[:1])
    return b"".join(part[2:] for part in parts) or None


def _xmp(segments: list[tuple[int, bytes]]) -> bytes | None:
    """The XMP packet, with its extension, which lies in parts that tell their places."""
    packets = _after(_XMP_HEAD, segments, _APP1)
    if not packets or not packets[0]:
        return None
    parts = [part for part in _after(_EXTENSION_HEAD, segments, _APP1) if part[:32] in packets[0] and len(part) >= 40]
    ordered = sorted(parts, key=lambda part: part[36:40])
    return merged(packets[0], b"".join(part[40:] for part in ordered)) if ordered else packets[0]


def _dpi(segments: list[tuple[int, bytes]]) -> tuple[float, float] | None:
    for marker, data in segments:
        if marker == _APP0 and data.startswith(b"JFIF\x00") and len(data) >= 12:
            unit, across, down = struct.unpack_from(">BHH", data, 7)
            scale = {1: 1.0, 2: _CENTIMETERS_PER_INCH}.get(unit)
            return checked_dpi((across * scale, down * scale)) if scale else None
    return None


def _open(file: BinaryIO) -> Opened:
    segments = list(_segments(file))
    blocks = b"".join(part for head in _RESOURCES_HEADS for part in _after(head, segments, _APP13))
    profile = _icc_profile(segments)
    comments = [data for marker, data in segments if marker == _COM]
    origin = Origin(
        format="JPEG",
        icc_profile=rgb_profile(profile),
        xmp=_xmp(segments),
        dpi=_dpi(segments),
        comment=b"\n".join(comments),
        quantization=_tables(segments),
        lost=(MANIFEST,) if any(marker == _APP11 and b"c2pa" in data for marker, data in segments) else (),
    )
    origin = told_by_resources(origin, blocks)
    origin = described_by_exif(origin, b"".join(_after(EXIF_HEAD, segments, _APP1)))
    return Opened(_read_picture(file, segments), origin)


def _with_height(file: BinaryIO) -> BinaryIO:
    """The file with its height where it is looked for, if it tells it only after the pixels.

    Scanners that do not know the height beforehand write it so (ITU-T T.81, section B.2.5).
    """
    file.seek(0)
    content = file.read()
    frame = next((place for place, header in _headers(content) if header[0] in JPEG_FRAMES), None)
    last = content.rfind(_NUMBER_OF_LINES)
    if frame is None or last < 0:
        return file
    height = content[last + len(_NUMBER_OF_LINES) :][:2]
    return io.BytesIO(content[: frame + 5] + height + content[frame + 7 :])


def _read_picture(file: BinaryIO, segments: list[tuple[int, bytes]]) -> Picture:
    """The pixels; of colors only luma, as it is stored.

    Pillow hands it on without the detour over RGB, which libvips takes and which costs twice the time.
    """
    if any(marker == _JPEG_LS for marker, _ in segments):
        raise UnreadableError("a JPEG-LS, which is another format than JPEG; save it as PNG or TIFF")
    if any(marker in JPEG_FRAMES and data[:1] not in (b"", b"\x08") for marker, data in segments):
        raise UnreadableError("a JPEG of 12 or 16 bits, which few programs read; save it as PNG or TIFF")
    if any(marker in JPEG_FRAMES and data[1:3] == b"\x00\x00" for marker, data in segments):
        file = _with_height(file)
    image = open_with_pillow(JpegImagePlugin.JpegImageFile, file)
    if image.mode == "CMYK" and "adobe" not in image.info:  # without Adobe's mark, full ink is 255
        return _turned_over(picture_of(image))
    if image.mode != "RGB":
        return picture_of(image)
    image.draft("L", None)

    def preview() -> Pixels:
        small = open_with_pillow(JpegImagePlugin.JpegImageFile, file)
        small.draft("RGB", (JUDGED_SIDE, JUDGED_SIDE))
        return np.asarray(small)

    return replace(picture_of(image), icc_profile=None, preview=preview)


def _turned_over(picture: Picture) -> Picture:
    """The picture with light for dark, which Pillow mixes up in CMYK without Adobe's mark."""
    return replace(picture, rows=lambda count: (255 - strip for strip in picture.rows(count)))


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _split(marker: int, head: bytes, data: bytes) -> list[bytes]:
    """Segments that hold data of any length, each after the same head."""
    room = _LONGEST - len(head)
    return [_segment(marker, head + data[start : start + room]) for start in range(0, len(data), room)]


def _icc_segments(profile: bytes) -> list[bytes]:
    room = _LONGEST - len(_ICC_HEAD) - 2
    parts = [profile[start : start + room] for start in range(0, len(profile), room)]
    if len(parts) > 255:
        return []
    return [
        _segment(_APP2, _ICC_HEAD + bytes([number, len(parts)]) + part) for number, part in enumerate(parts, start=1)
    ]


def _xmp_segments(xmp: bytes) -> list[bytes]:
    """The packet in one segment, or else in an extension, with a packet that names it."""
    if len(xmp) <= _LONGEST - len(_XMP_HEAD):
        return [_segment(_APP1, _XMP_HEAD + xmp)]
    name = hashlib.md5(xmp, usedforsecurity=False).hexdigest().upper().encode()
    room = _LONGEST - _EXTENSION_START - 8
    parts = [
        _segment(_APP1, _EXTENSION_HEAD + name + struct.pack(">II", len(xmp), start) + xmp[start : start + room])
        for start in range(0, len(xmp), room)
    ]
    return [_segment(_APP1, _XMP_HEAD + _STUB % name), *parts]


def _jfif(dpi: tuple[float, float] | None) -> bytes:
    across, down = (round(value) for value in dpi) if dpi is not None else (1, 1)
    return _segment(_APP0, b"JFIF\x00" + struct.pack(">HBHHBB", 0x0101, dpi is not None, across, down, 0, 0))


def _segments_of(origin: Origin) -> list[bytes]:
    """All that is told of a photo, as segments."""
    exif = EXIF_HEAD + short_exif(origin, _LONGEST - len(EXIF_HEAD))  # all of it must lie in one segment
    segments = [_jfif(origin.dpi), _segment(_APP1, exif)]
    if origin.xmp is not None:
        segments += _xmp_segments(origin.xmp)
    if origin.icc_profile is not None:
        segments += _icc_segments(origin.icc_profile)
    segments += _split(_APP13, _RESOURCES_HEAD, with_iptc(origin.resources, origin.iptc))
    return segments + _split(_COM, b"", origin.comment)


@cache
def _tables_at(quality: int) -> tuple[tuple[int, ...], ...]:
    """The tables of libvips for luma and chroma at a quality."""
    probe = encoded(image_from(np.zeros((8, 8, 3), np.uint8)), "jpeg", Q=quality, subsample_mode="off")
    return _tables(list(_segments(io.BytesIO(probe))))


def _quality(source: tuple[tuple[int, ...], ...]) -> int:
    """The least quality, from 95 on, that loses no more at any frequency than the source's tables."""
    for quality in _QUALITIES:
        pairs = zip(_tables_at(quality), source, strict=False)  # a gray photo has no table for chroma to keep to
        if all(step <= limit for ours, theirs in pairs for step, limit in zip(ours, theirs, strict=True)):
            return quality
    return _QUALITIES[-1]


def _encode(image: Any, origin: Origin) -> bytes:
    content = encoded(image, "jpeg", Q=_quality(origin.quantization), subsample_mode="off")
    return b"".join([_START, *_segments_of(origin), memoryview(content)[len(_START) :]])


def _headers(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Places and headers of the scans that a file still holds, and of its frame."""
    place = len(_START)
    while (place := content.find(b"\xff", place)) >= 0 and place + 4 <= len(content):
        marker, length = content[place + 1], int.from_bytes(content[place + 2 : place + 4], "big")
        if marker in (0x00, 0xFF) or marker in _PARAMETERLESS:
            place += 1 if marker == 0xFF else 2
            continue
        if marker in (_SOS, *JPEG_FRAMES):
            yield place, content[place + 1 : place + 2 + length]
        place += 2 + length


def _mend(content: bytes, most_pixels: int) -> Mended | None:
    """The file with an end, on which decoders fill with mid gray what has not come by then.

    The scans of a progressive file sharpen the whole picture step by step; half of the frequencies of luma must be
    among those that have begun.
    """
    while content.startswith(2 * _START):  # a start before the start
        content = content[len(_START) :]
    headers = [header for _, header in _headers(content)]
    frames = [header for header in headers if header[0] in JPEG_FRAMES]
    if not frames or len(frames[0]) < 10:
        return None
    height, width = struct.unpack_from(">HH", frames[0], 4)
    if not 0 < width * height <= most_pixels:
        return None
    is_progressive = frames[0][0] in _PROGRESSIVE
    begun: set[int] = set()
    for header in headers:
        if header[0] == _SOS and len(header) >= 8 and frames[0][9] in header[4 : 4 + 2 * header[3] : 2]:
            first, last = header[4 + 2 * header[3] : 6 + 2 * header[3]]
            begun.update(range(first, last + 1))
    if is_progressive and len(begun) < 32:
        return None
    return Mended(content + bytes([0xFF, _EOI]), height, is_blurred=is_progressive)


FORMAT = Format(
    name="JPEG",
    suffixes=(".jpg", ".jpeg", ".jpe", ".jfif"),
    media_type="image/jpeg",
    recognizes=lambda head: head.startswith(b"\xff\xd8\xff"),
    open=_open,
    encode=_encode,
    can_turn=True,
    has_alpha=False,
    tags=ALL_TAGS - {"texts"},
    mend=_mend,
)

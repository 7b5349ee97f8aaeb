"""WebP: chunks of RIFF hold all that is told."""

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

from photochrom.photo._metadata import Origin, described_by_exif, rgb_profile
from photochrom.photo._pixels import Picture
from photochrom.photo._vips import encoded, open_with
from photochrom.photo.formats._format import MANIFEST, Format, Opened, further_pictures

__all__ = ["FORMAT"]

_LARGEST_CHUNK = 64 * 1024 * 1024
_READ = frozenset({b"ICCP", b"EXIF", b"XMP ", b"XMP\x00"})
_ICC_FLAG, _ALPHA_FLAG, _EXIF_FLAG, _XMP_FLAG = 0x20, 0x10, 0x08, 0x04

_LOSSY = {"Q": 95, "effort": 2}
_LOSSLESS = {"lossless": True, "Q": 20, "effort": 0}
"""The quickest: the slowest takes ten times as long for a file smaller by a tenth."""


def _chunks(file: BinaryIO, read: frozenset[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Name and data of each chunk; without the data if its name is not among those to read."""
    file.seek(12)
    while len(head := file.read(8)) == 8:
        kind, length = struct.unpack("<4sI", head)
        is_read = kind in read and length <= _LARGEST_CHUNK
        yield kind, file.read(length) if is_read else b""
        file.seek((0 if is_read else length) + length % 2, 1)


def _open(file: BinaryIO) -> Opened:
    chunks = list(_chunks(file, _READ))
    told = dict(reversed(chunks))
    profile = told.get(b"ICCP") or None
    origin = Origin(
        format="WEBP",
        icc_profile=rgb_profile(profile),
        xmp=told.get(b"XMP ") or told.get(b"XMP\x00") or None,  # some old programs end the name so
        lossless=b"VP8L" in told,
        lost=(MANIFEST,) if b"C2PA" in told else (),
    )
    image = open_with("webp", file)
    picture = Picture(image.width, image.height, "rgb", image.bands == 4, image.rows, profile)
    pictures = sum(kind == b"ANMF" for kind, _ in chunks)
    return Opened(picture, described_by_exif(origin, told.get(b"EXIF")), left_out=further_pictures(pictures))


def _chunk(kind: bytes, data: bytes | memoryview) -> list[bytes | memoryview]:
    return [kind + struct.pack("<I", len(data)), data, b"\x00" * (len(data) % 2)]


def _encode(image: Any, origin: Origin) -> bytes:
    content = encoded(image, "webp", exact=True, **(_LOSSLESS if origin.lossless else _LOSSY))
    # After the header of a plain file come its pixels; that of an extended one is written anew.
    pixels = memoryview(content)[12 + (18 if content[12:16] == b"VP8X" else 0) :]
    profile, xmp = origin.icc_profile or b"", origin.xmp or b""
    flags = _ICC_FLAG * bool(profile) | _ALPHA_FLAG * image.hasalpha() | _EXIF_FLAG | _XMP_FLAG * bool(xmp)
    sides = [(side - 1).to_bytes(3, "little") for side in (image.width, image.height)]
    parts = _chunk(b"VP8X", bytes([flags, 0, 0, 0]) + b"".join(sides))
    if profile:
        parts += _chunk(b"ICCP", profile)
    parts += [pixels, *_chunk(b"EXIF", origin.exif)]
    if xmp:
        parts += _chunk(b"XMP ", xmp)
    return b"".join([b"RIFF", struct.pack("<I", 4 + sum(map(len, parts))), b"WEBP", *parts])


FORMAT = Format(
    name="WEBP",
    suffixes=(".webp",),
    media_type="image/webp",
    recognizes=lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP",
    open=_open,
    encode=_encode,
    can_turn=True,
    tags=frozenset({"EXIF", "XMP", "ICC"}),
)

"""The tags of TIFF: which of them describe the photo, and which only how its pixels lie."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import BinaryIO

from photochrom.photo._directories import EMPTY_BLOCK, Directory, read_directory, with_fields

COMPRESSIONS: Mapping[str, int] = MappingProxyType({"raw": 1, "none": 1, "lzw": 5, "adobe_deflate": 8, "deflate": 8})
"""TIFF's numbers of the compressions that also suit color; sources with another one get LZW, which all can read."""

_PIXELS = frozenset(
    {0x00FE, 0x00FF, 0x0100, 0x0101, 0x0102, 0x0103, 0x0106, 0x0107, 0x0108, 0x0109, 0x010A, 0x0111, 0x0115, 0x0116}
    | {0x0117, 0x0118, 0x0119, 0x011C, 0x0122, 0x0123, 0x0124, 0x0125, 0x012D, 0x013D, 0x013E, 0x013F, 0x0140, 0x0141}
    | {0x0142, 0x0143, 0x0144, 0x0145, 0x014A, 0x014C, 0x014D, 0x014E, 0x0150, 0x0151, 0x0152, 0x0153, 0x0154, 0x0155}
    | {0x0156, 0x015B, *range(0x0200, 0x0216)}
)
"""Tags of how pixels lie in a TIFF (TIFF 6.0, sections 3 to 22), which hold for that file alone."""

_ELSEWHERE = frozenset({0x02BC, 0x83BB, 0x8649, 0x8773})
"""XMP, captions, Photoshop's resources and the color profile, which other formats keep elsewhere."""

LAYERS = 0x935C
_COPIES = frozenset({LAYERS, 0xCD41})
"""Photoshop's layers, the gray photo once more; and a manifest of C2PA, which is of the source alone."""

NOT_DESCRIPTIVE = _PIXELS | _ELSEWHERE | _COPIES


def descriptive(tags: Directory) -> Directory:
    """The tags that describe the photo."""
    return {tag: field for tag, field in tags.items() if tag not in NOT_DESCRIPTIVE}


def described_in(source: bytes | BinaryIO) -> bytes:
    """The tags of a TIFF that describe the photo, as EXIF from its byte-order mark on; empty if there are none.

    Raises:
        ValueError: As of `read_directory`.
    """
    tags = descriptive(read_directory(source, NOT_DESCRIPTIVE))
    return with_fields(EMPTY_BLOCK, tags) if tags else b""

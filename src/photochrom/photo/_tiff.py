"""TIFFs whose decoders would hand on memory that they have not filled, and what is done about it."""

import itertools
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import cv2
import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from photochrom.errors import PhotoError
from photochrom.photo._containers import long_field, short_field, with_fields

__all__ = ["is_fax", "load_fax", "parts_for_libvips", "require_all_pixels"]

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _ORIENTATION = 0x0100, 0x0101, 0x0102, 0x0103, 0x0106, 0x0112
_SAMPLES, _ROWS, _PLANES, _TILE_WIDTH, _TILE_HEIGHT = 0x0115, 0x0116, 0x011C, 0x0142, 0x0143
_STRIPS, _TILES = (0x0111, 0x0117), (0x0144, 0x0145)
"""Tags of where the strips or tiles lie, and of how many bytes they have."""

_FAX_4, _OLD_JPEG, _JPEG = 4, 6, 7
_MISSES_NOTHING = frozenset({1, 2, 3, 5, 8, 32773, 32946, 34925, 50000, 50001})
"""Compressions whose decoders fail unless they have filled all of a strip or tile: none, Huffman, fax of group 3, LZW,
deflate (twice), PackBits, LZMA, Zstandard and WebP."""

_YCBCR, _ONE_AFTER_THE_OTHER = 6, 2

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The markers of a JPEG that tell its size (ITU-T T.81, table B.1)."""


def require_all_pixels(image: TiffImageFile, file: BinaryIO) -> None:
    """Refuse a TIFF that may have less pixels than it says, where no decoder would tell.

    Args:
        image: Before its pixels are decoded.
        file: The file itself.

    Raises:
        PhotoError: Its compression is a rare one, a JPEG in it is smaller than its place, or its directory is torn.
    """
    numbers = _tag_numbers(file)
    if len(set(numbers)) < len(numbers):  # of two fields Pillow believes the second, libtiff the first
        raise PhotoError("the same field stands in it twice; save the photo as a plain PNG or TIFF")
    compression, photometric = image.tag_v2.get(_COMPRESSION, 1), image.tag_v2.get(_PHOTOMETRIC)
    if compression == _JPEG:
        _require_large_jpegs(image, file)
    # Old JPEGs of this kind take another way through libtiff, on which memory is blank.
    elif not (compression in _MISSES_NOTHING or is_fax(image) or (compression, photometric) == (_OLD_JPEG, _YCBCR)):
        raise PhotoError("a TIFF of a rare compression; save it with LZW, or as PNG")


def _tag_numbers(file: BinaryIO) -> list[int]:
    """The tags of the first directory."""
    file.seek(0)
    head = file.read(16)
    mark = "<" if head[:2] == b"II" else ">"
    is_big = head[2:4] in (b"+\x00", b"\x00+")
    count_kind, entry_size = ("Q", 20) if is_big else ("H", 12)
    file.seek(struct.unpack_from(mark + "Q", head, 8)[0] if is_big else struct.unpack_from(mark + "I", head, 4)[0])
    (count,) = struct.unpack(mark + count_kind, file.read(struct.calcsize(count_kind)))
    entries = file.read(min(count, 1 << 16) * entry_size)
    return [struct.unpack_from(mark + "H", entries, place)[0] for place in range(0, len(entries) - 1, entry_size)]


def _require_large_jpegs(image: TiffImageFile, file: BinaryIO) -> None:
    """Refuse JPEGs in strips or tiles that would not fill them: libtiff takes them without a word."""
    tags = image.tag_v2
    where, sizes = _TILES if _TILES[0] in tags else _STRIPS
    places = itertools.islice(_places(image), max(len(tags[where]), len(tags[sizes])))
    for start, size, (width, height) in zip(tags[where], tags[sizes], places, strict=True):
        file.seek(start)
        found = _jpeg_size(file.read(size))
        if found is None or found[0] < width or found[1] < height:
            raise PhotoError("a JPEG in it is broken, or smaller than its place; save the photo as a plain PNG or TIFF")


def _places(image: TiffImageFile) -> Iterator[tuple[int, int]]:
    """Width and height of each strip or tile, without end for the tiles."""
    tags = image.tag_v2
    while _TILES[0] in tags:
        yield tags[_TILE_WIDTH], tags[_TILE_HEIGHT]
    height = tags[_HEIGHT]
    rows = min(tags.get(_ROWS, height), height)
    while True:  # once for each plane
        for top in range(0, height, rows):
            yield tags[_WIDTH], min(rows, height - top)


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height that a JPEG tells; None if it tells none before its pixels, or not plainly."""
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF and data[:2] == b"\xff\xd8":
        marker = data[place + 1]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, place + 5)
            return width, height
        if marker < 0xC0 or 0xD0 <= marker <= 0xDA or marker == 0xFF:
            return None
        place += 2 + int(struct.unpack_from(">H", data, place + 2)[0])
    return None


def is_fax(image: TiffImageFile) -> bool:
    """Whether it is one that `load_fax` must load: of group 4."""
    return bool(image.tag_v2.get(_COMPRESSION) == _FAX_4)


def load_fax(image: TiffImageFile, file: BinaryIO) -> Image.Image:
    """The pixels of a fax of group 4, by OpenCV.

    At broken code libtiff ends as if all were well. The way by which OpenCV asks it gives it blank memory.

    Args:
        image: Before its pixels are decoded.
        file: The file itself.

    Returns:
        Black and white, as it lies in the file, of mode L.

    Raises:
        PhotoError: It is broken.
    """
    file.seek(0)
    content = file.read()
    if image.tag_v2.get(_ORIENTATION, 1) != 1:
        content = with_fields(content, {_ORIENTATION: short_field(1)})
    pixels: Any = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    if pixels is None or {*pixels.shape} != {*image.size}:
        raise PhotoError("the fax in it is broken; save the photo as a plain PNG or TIFF")
    loaded = Image.fromarray(pixels)
    loaded.info = image.info
    return loaded


def parts_for_libvips(image: TiffImageFile, tiff: bytes) -> list[bytes]:
    """A TIFF of 16 bits as libvips reads it, which knows no planes in tiles.

    Args:
        image: Before its pixels are decoded.
        tiff: What is in the file.

    Returns:
        The file itself; or, if it has planes in tiles, each plane as a gray file of its own.
    """
    tags = image.tag_v2
    is_plain = tags.get(_PLANES) != _ONE_AFTER_THE_OTHER or _TILES[0] not in tags
    if is_plain or tiff[2:4] not in (b"*\x00", b"\x00*"):
        return [tiff]
    samples = tags[_SAMPLES]
    count = len(tags[_TILES[0]]) // samples
    gray = {_SAMPLES: short_field(1), _BITS: short_field(16), _PHOTOMETRIC: short_field(1), _PLANES: short_field(1)}
    return [
        with_fields(tiff, gray | {tag: long_field(*tags[tag][first : first + count]) for tag in _TILES})
        for first in range(0, samples * count, count)
    ]

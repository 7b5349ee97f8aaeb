"""Strips and tiles of TIFFs that do not hold what they promise, though their decoders take them without a word."""

import io
import itertools
import struct
from collections.abc import Iterator
from typing import BinaryIO

from photochrom.errors import UnreadableError
from photochrom.photo._directories import (
    Directory,
    integers_of,
    long_field,
    read_directory,
    tags_in,
    with_fields,
)
from photochrom.photo._salvage import Mended

__all__ = ["JPEG_FRAMES", "STRIPS", "TILES", "mend_tiff", "places_of", "require_what_is_promised"]

_WIDTH, _HEIGHT, _COMPRESSION, _ROWS, _TILE_WIDTH, _TILE_HEIGHT = 0x0100, 0x0101, 0x0103, 0x0116, 0x0142, 0x0143
_BITS, _SAMPLES, _PLANES, _SEPARATE, _UNCOMPRESSED = 0x0102, 0x0115, 0x011C, 2, 1
STRIPS, TILES = (0x0111, 0x0117), (0x0144, 0x0145)
"""Tags of where the strips or tiles lie, and of how many bytes they have."""

_JPEG = 7
_LARGEST_TILE = 16_000_000
"""Pixels, of which whoever decodes a tile holds all at once."""

_HEAD_OF_JPEG = 65536
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The markers of a JPEG that tell its size (ITU-T T.81, table B.1)."""


def require_what_is_promised(file: BinaryIO) -> None:
    """Refuse a TIFF that may have less pixels than it says, where no decoder would tell.

    Args:
        file: Before its pixels are decoded.

    Raises:
        UnreadableError: A tag stands in it twice, tiles are huge, or a JPEG in it does not fill its place.
    """
    found = tags_in(file)
    if len(set(found)) < len(found):  # of two fields some readers believe the first, some the second
        raise UnreadableError("the same field stands in it twice; save the photo as a plain PNG or TIFF")
    tags = read_directory(file)
    if integers_of(tags, _TILE_WIDTH, 0)[0] * integers_of(tags, _TILE_HEIGHT, 0)[0] > _LARGEST_TILE:
        raise UnreadableError("its tiles are huge; save the photo as a plain PNG or TIFF")
    if integers_of(tags, _COMPRESSION, 1)[0] == _JPEG:
        _require_large_jpegs(tags, file)


def places_of(tags: Directory) -> tuple[int, int]:
    """The two tags of where a TIFF's pixels lie: `TILES` if it has tiles, or else `STRIPS`."""
    return TILES if TILES[0] in tags else STRIPS


def _require_large_jpegs(tags: Directory, file: BinaryIO) -> None:
    offsets, sizes = (integers_of(tags, tag) for tag in places_of(tags))
    for start, size, (width, height) in zip(offsets, sizes, _places(tags), strict=False):
        file.seek(start)
        found = _jpeg_size(file.read(min(size, _HEAD_OF_JPEG)))
        if found is None or found[0] < width or found[1] < height:
            raise UnreadableError(
                "a JPEG in it is broken, or smaller than its place; save the photo as a plain PNG or TIFF"
            )


def _places(tags: Directory) -> Iterator[tuple[int, int]]:
    """Width and height of each strip or tile, plane after plane, without end."""
    if places_of(tags) == TILES:
        yield from itertools.repeat((integers_of(tags, _TILE_WIDTH, 0)[0], integers_of(tags, _TILE_HEIGHT, 0)[0]))
    width, height = integers_of(tags, _WIDTH, 0)[0], integers_of(tags, _HEIGHT, 1)[0]
    rows = max(1, min(integers_of(tags, _ROWS, height)[0], height))
    while True:
        yield from ((width, min(rows, height - top)) for top in range(0, height, rows))


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height that a JPEG tells; None if it tells none before its pixels, or not plainly."""
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF and data[:2] == b"\xff\xd8":
        marker = data[place + 1]
        if marker in JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, place + 5)
            return width, height
        if marker < 0xC0 or 0xD0 <= marker <= 0xDA or marker == 0xFF:
            return None
        place += 2 + int(struct.unpack_from(">H", data, place + 2)[0])
    return None


def mend_tiff(content: bytes, most_pixels: int) -> Mended | None:
    """A TIFF of as many rows as its strips or tiles still hold, if its directory is there.

    Args:
        content: The torn file.
        most_pixels: A file that promises more of them is left alone.
    """
    tags = read_directory(content)
    width, height = integers_of(tags, _WIDTH, 0)[0], integers_of(tags, _HEIGHT, 0)[0]
    where = places_of(tags)
    offsets, sizes = (integers_of(tags, tag) for tag in where)
    if not 0 < width * height <= most_pixels or not offsets or len(offsets) != len(sizes):
        return None
    if where == TILES:
        tile_width, each = integers_of(tags, _TILE_WIDTH, 0)[0], integers_of(tags, _TILE_HEIGHT, 0)[0]
        across = -(-width // tile_width) if tile_width else 0
    else:
        across, each = 1, max(1, min(integers_of(tags, _ROWS, height)[0], height))
    planes = integers_of(tags, _SAMPLES, 1)[0] if integers_of(tags, _PLANES, 1)[0] == _SEPARATE else 1
    levels = -(-height // each) if each else 0
    if not across or not planes or len(offsets) != across * levels * planes:
        return None
    has_all = [start + size <= len(content) for start, size in zip(offsets, sizes, strict=True)]
    if len(offsets) == 1 and where == STRIPS and not has_all[0]:
        return _mended_strip(content, tags, width, height)
    rows = min(_leading(has_all[plane * across * levels :][: across * levels]) // across for plane in range(planes))
    if not rows:
        return None
    kept = [plane * across * levels + number for plane in range(planes) for number in range(rows * across)]
    whole = min(rows * each, height)
    fields = {
        _HEIGHT: long_field(whole),
        where[0]: long_field(*(offsets[place] for place in kept)),
        where[1]: long_field(*(sizes[place] for place in kept)),
    }
    return Mended(_with_fields(content, fields), height, whole)


def _with_fields(content: bytes, fields: Directory) -> bytes:
    """The file with other fields, and without those that nobody can read."""
    unread = frozenset(tags_in(io.BytesIO(content))) - read_directory(content).keys()
    return with_fields(content, fields, unread)


def _leading(are_there: list[bool]) -> int:
    """How many are there before the first that is not."""
    return next((number for number, is_there in enumerate(are_there) if not is_there), len(are_there))


def _mended_strip(content: bytes, tags: Directory, width: int, height: int) -> Mended | None:
    """Of a single strip, the rows that are there if it is not compressed."""
    if integers_of(tags, _COMPRESSION, _UNCOMPRESSED)[0] != _UNCOMPRESSED:
        return None
    bits = integers_of(tags, _BITS, 1)
    stride = (width * sum(bits if len(bits) > 1 else bits * integers_of(tags, _SAMPLES, 1)[0]) + 7) // 8
    start = integers_of(tags, STRIPS[0])[0]
    rows = min(height, max(0, len(content) - start) // stride) if stride else 0
    if not rows or integers_of(tags, _PLANES, 1)[0] == _SEPARATE:
        return None
    sizes = {_HEIGHT: long_field(rows), _ROWS: long_field(rows), STRIPS[1]: long_field(rows * stride)}
    return Mended(_with_fields(content, sizes), height, rows)

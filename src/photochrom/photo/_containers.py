"""The boxes in which files keep what is told about a photo: directories of TIFF and EXIF, chunks of PNG and WebP."""

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias, Union

import numpy as np

__all__ = [
    "EMPTY_BLOCK",
    "PIXEL_TAGS",
    "Directory",
    "Field",
    "fraction_field",
    "long_field",
    "png_chunks",
    "read_directory",
    "short_field",
    "text_field",
    "webp_chunk_kinds",
    "with_fields",
    "with_png_chunks",
]

EMPTY_BLOCK = b"II*\x00\x08\x00\x00\x00" + b"\x00\x00" + b"\x00\x00\x00\x00"
"""A little-endian block whose directory has no entries."""

PIXEL_TAGS = frozenset(
    {0x00FE, 0x00FF, 0x0100, 0x0101, 0x0102, 0x0103, 0x0106, 0x0107, 0x0108, 0x0109, 0x010A, 0x0111, 0x0115, 0x0116}
    | {0x0117, 0x0118, 0x0119, 0x011C, 0x0122, 0x0123, 0x0124, 0x0125, 0x012D, 0x013D, 0x013E, 0x013F, 0x0140, 0x0141}
    | {0x0142, 0x0143, 0x0144, 0x0145, 0x014A, 0x014C, 0x014D, 0x014E, 0x0150, 0x0151, 0x0152, 0x0153, 0x0154, 0x0155}
    | {0x0156, 0x015B, *range(0x0200, 0x0216), 0x02BC, 0x8773}
)
"""Tags of how pixels lie in a TIFF (TIFF 6.0, sections 3 to 22), which hold for that file alone, and those of XMP and
of the color profile, which other formats keep elsewhere."""

_ITEM_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 1, 7: 1, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4}
"""Bytes that swap together, by kind of field (TIFF 6.0, section 2; 13 is an offset)."""

_PAIRS = frozenset({5, 10})
"""Kinds whose values are fractions: two numbers each."""

_TEXT, _SHORT, _LONG, _FRACTION = 2, 3, 4, 5

_SUBDIRECTORIES = frozenset({0x8769, 0x8825, 0xA005})
"""Fields that point to a further directory: EXIF, GPS, and interoperability within EXIF."""

_DEEPEST = 2
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_AFTER_IHDR = 33
_LARGEST_CHUNK = 16 * 1024 * 1024


@dataclass(frozen=True)
class Field:
    """One entry of a directory.

    Attributes:
        kind: TIFF's number of the type of the values.
        data: The values, little-endian.
    """

    kind: int
    data: bytes

    @property
    def count(self) -> int:
        """How many values there are."""
        return len(self.data) // (_ITEM_SIZES[self.kind] * (2 if self.kind in _PAIRS else 1))


Directory: TypeAlias = Mapping[int, Union[Field, "Directory"]]
"""Fields, or further directories, by tag."""


def text_field(text: bytes) -> Field:
    """A field of text, ended as the format asks."""
    return Field(_TEXT, text.rstrip(b"\x00") + b"\x00")


def short_field(value: int) -> Field:
    """A field of one 16-bit number."""
    return Field(_SHORT, struct.pack("<H", value))


def long_field(*values: int) -> Field:
    """A field of 32-bit numbers."""
    return Field(_LONG, struct.pack(f"<{len(values)}I", *values))


def fraction_field(value: float) -> Field:
    """A field of one fraction, in thousandths."""
    return Field(_FRACTION, struct.pack("<II", round(value * 1000), 1000))


def read_directory(block: bytes) -> dict[int, Field | Directory]:
    """All that the first directory of a block holds, with the directories below it.

    Args:
        block: A TIFF file, or EXIF from its byte-order mark on.

    Returns:
        The fields by tag. Fields of unknown kind, or whose values lie outside the block, are left out.

    Raises:
        ValueError: The block does not begin as TIFF does, or its directory lies outside it.
    """
    reader = _Reader(block)
    return reader.directory_at(struct.unpack_from(reader.mark + "I", block, 4)[0], 0)


def _byte_order(block: bytes) -> str:
    if len(block) >= 8:
        if block[:4] == b"II*\x00":
            return "<"
        if block[:4] == b"MM\x00*":
            return ">"
    raise ValueError("no TIFF header")


def _entries_at(block: bytes, mark: str, offset: int) -> list[bytes]:
    """The 12-byte entries of a directory, as they stand."""
    if offset + 2 > len(block):
        raise ValueError("the directory lies outside the block")
    count = struct.unpack_from(mark + "H", block, offset)[0]
    first = offset + 2
    if first + 12 * count > len(block):
        raise ValueError("the directory lies outside the block")
    return [block[first + 12 * index : first + 12 * (index + 1)] for index in range(count)]


class _Reader:
    """Reads the directories of a block, and no more values in all than it has room for.

    A hostile block may let thousands of fields share the same megabytes.
    """

    def __init__(self, block: bytes) -> None:
        self.block = block
        self.mark = _byte_order(block)
        self.room = len(block)

    def directory_at(self, offset: int, depth: int) -> dict[int, Field | Directory]:
        fields: dict[int, Field | Directory] = {}
        for entry in _entries_at(self.block, self.mark, offset):
            tag, kind, count, place = struct.unpack(self.mark + "HHII", entry)
            if tag in _SUBDIRECTORIES:
                if depth < _DEEPEST:  # a directory that points to itself would never end
                    fields.update(self._directory_below(tag, place, depth))
            elif kind in _ITEM_SIZES and (data := self._values(entry, kind, count, place)) is not None:
                fields[tag] = Field(kind, data)
        return fields

    def _directory_below(self, tag: int, offset: int, depth: int) -> dict[int, Field | Directory]:
        try:
            return {tag: self.directory_at(offset, depth + 1)}
        except ValueError:
            return {}

    def _values(self, entry: bytes, kind: int, count: int, place: int) -> bytes | None:
        size = count * _ITEM_SIZES[kind] * (2 if kind in _PAIRS else 1)
        if size > self.room:
            return None
        data = entry[8 : 8 + size] if size <= 4 else self.block[place : place + size]
        self.room -= len(data)
        if len(data) < size:
            return None
        return _swapped(data, kind) if self.mark == ">" else data


def _swapped(data: bytes, kind: int) -> bytes:
    """The values in the other byte order."""
    return np.frombuffer(data, dtype=f"<u{_ITEM_SIZES[kind]}").byteswap().tobytes()


def with_fields(block: bytes, fields: Directory) -> bytes:
    """The block with fields added to its first directory or replaced there.

    All else keeps its place, because offsets within a camera's own notes are known to the camera alone. Only the
    directory moves, to the end, and what came after it, in EXIF a gray thumbnail, is no longer pointed to.

    Args:
        block: A TIFF file, or EXIF from its byte-order mark on.
        fields: What to set, by tag.

    Returns:
        The longer block.

    Raises:
        ValueError: The block does not begin as TIFF does, or its directory lies outside it.
    """
    mark = _byte_order(block)
    entries = _entries_at(block, mark, struct.unpack_from(mark + "I", block, 4)[0])
    kept = {struct.unpack_from(mark + "H", entry)[0]: entry for entry in entries}
    parts = [block, b"\x00" * (len(block) % 2)]  # values begin at even offsets
    offset = _append_directory(parts, sum(map(len, parts)), mark, fields, kept)
    whole = bytearray().join(parts)
    struct.pack_into(mark + "I", whole, 4, offset)
    return bytes(whole)


def _append_directory(
    parts: list[bytes], end: int, mark: str, fields: Directory, kept: Mapping[int, bytes] | None = None
) -> int:
    """Append a directory, and before it all values that do not fit into it; gives the offset of the directory."""
    entries = dict(kept or {})
    for tag, field in fields.items():
        if isinstance(field, Field):
            data = _swapped(field.data, field.kind) if mark == ">" else field.data
            kind, count = field.kind, field.count
        else:
            below = _append_directory(parts, end, mark, field)
            end = below + len(parts[-1])
            kind, count, data = _LONG, 1, struct.pack(mark + "I", below)
        if len(data) > 4:
            parts.append(data + b"\x00" * (len(data) % 2))
            data, end = struct.pack(mark + "I", end), end + len(parts[-1])
        entries[tag] = struct.pack(mark + "HHI", tag, kind, count) + data.ljust(4, b"\x00")
    ordered = b"".join(entries[tag] for tag in sorted(entries))
    parts.append(struct.pack(mark + "H", len(entries)) + ordered + b"\x00\x00\x00\x00")
    return end


def png_chunks(file: BinaryIO, kinds: frozenset[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """The intact chunks of some kinds of a PNG file.

    Args:
        file: Read from its beginning to its end, without the data of other chunks.
        kinds: Names of four letters.

    Yields:
        Name and data of each.
    """
    file.seek(len(_PNG_SIGNATURE))
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IEND":
            return
        if kind not in kinds or length > _LARGEST_CHUNK:
            file.seek(length + 4, 1)
            continue
        data, check = file.read(length), file.read(4)
        if check == struct.pack(">I", zlib.crc32(kind + data)):
            yield kind, data


def with_png_chunks(png: bytes, chunks: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The PNG file with chunks put in before its pixels.

    Args:
        png: A whole file.
        chunks: Name and data of each.

    Returns:
        The longer file.
    """
    packed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"".join([png[:_AFTER_IHDR], *packed, png[_AFTER_IHDR:]])


def webp_chunk_kinds(file: BinaryIO) -> set[bytes]:
    """Which chunks a WebP file has.

    Args:
        file: Read from its beginning to its end, without the data.

    Returns:
        Names of four letters.
    """
    kinds = set()
    file.seek(12)
    while len(head := file.read(8)) == 8:
        kind, length = struct.unpack("<4sI", head)
        kinds.add(kind)
        file.seek(length + length % 2, 1)
    return kinds

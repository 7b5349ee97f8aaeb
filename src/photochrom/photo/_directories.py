"""Directories of tags, as TIFF files and EXIF hold them."""

import io
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, TypeAlias, Union

import numpy as np

EMPTY_BLOCK = b"II*\x00\x08\x00\x00\x00" + b"\x00\x00" + b"\x00\x00\x00\x00"
"""A little-endian block whose directory has no entries."""

_ITEM_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 1, 7: 1, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes that swap together, by kind of field (TIFF 6.0, section 2; 13 and 18 are offsets, from 16 on BigTIFF's)."""

_PAIRS = frozenset({5, 10})
"""Kinds whose values are fractions: two numbers each."""

_BYTES, _TEXT, _SHORT, _LONG, _FRACTION = 1, 2, 3, 4, 5
_INTEGERS = {1: "u1", 3: "<u2", 4: "<u4", 13: "<u4", 16: "<u8", 18: "<u8"}

_SUBDIRECTORIES = frozenset({0x8769, 0x8825, 0xA005})
"""Fields that point to a further directory: EXIF, GPS, and interoperability within EXIF."""

_DEEPEST = 2
_MOST_ENTRIES = 65535
_LARGEST_VALUE = 64 * 1024 * 1024
_JPEG_PLACE, _STRIP_PLACES = (0x0201, 0x0202), (0x0111, 0x0117)
"""Tags of where a small copy lies, and of how long it is."""

_MOST_THUMBNAILS = 10
_JPEG_START, _JPEG_END = re.compile(rb"\xff\xd8\xff[\xc0\xc2\xc4\xdb\xdd\xe0-\xef\xfe]"), b"\xff\xd9"


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


def bytes_field(data: bytes, kind: int = _BYTES) -> Field:
    """A field of bytes that mean nothing to TIFF itself."""
    return Field(kind, data)


def short_field(*values: int) -> Field:
    """A field of 16-bit numbers."""
    return Field(_SHORT, struct.pack(f"<{len(values)}H", *values))


def long_field(*values: int) -> Field:
    """A field of 32-bit numbers, or of 64-bit ones where these do not suffice."""
    is_big = max(values, default=0) > 0xFFFFFFFF
    return Field(16 if is_big else _LONG, struct.pack(f"<{len(values)}{'Q' if is_big else 'I'}", *values))


def fraction_field(value: float) -> Field:
    """A field of one fraction, in thousandths."""
    return Field(_FRACTION, struct.pack("<II", round(value * 1000), 1000))


def integers_of(directory: Directory, tag: int, *default: int) -> tuple[int, ...]:
    """The whole numbers of a field.

    Args:
        *default: What a missing field, or one of another kind, stands for.
    """
    field = directory.get(tag)
    if not isinstance(field, Field) or field.kind not in _INTEGERS:
        return default
    return tuple(np.frombuffer(field.data, _INTEGERS[field.kind]).tolist()) or default


def read_directory(source: bytes | BinaryIO, ignored: frozenset[int] = frozenset()) -> dict[int, Field | Directory]:
    """All that the first directory of a block holds, with the directories below it.

    Args:
        source: A TIFF or BigTIFF file, or EXIF from its byte-order mark on.
        ignored: Tags whose values are not read, for they may be large.

    Returns:
        The fields by tag. Fields of unknown kind, or whose values lie outside the block, are left out.

    Raises:
        ValueError: The block does not begin as TIFF does, or its directory lies outside it.
    """
    reader = _Reader(source, ignored)
    return reader.directory_at(reader.layout.first, 0)


def directories_of(source: BinaryIO, most: int, wanted: frozenset[int]) -> list[dict[int, Field | Directory]]:
    """The directories that follow each other in a file, each a picture of its own.

    Args:
        source: A TIFF or BigTIFF file.
        most: How many are read at most; those that go in circles are read once.
        wanted: The only tags whose values are read.

    Returns:
        The fields of each by tag.

    Raises:
        ValueError: As of `read_directory`, for the first of them.
    """
    reader = _Reader(source, frozenset(range(65536)) - wanted)
    found: list[dict[int, Field | Directory]] = []
    seen: set[int] = set()
    offset = reader.layout.first
    while offset and offset not in seen and len(found) < most:
        seen.add(offset)
        try:
            found.append(reader.directory_at(offset, _DEEPEST))
            offset = reader.offset_after(offset)
        except ValueError:
            if not found:
                raise
            break
    return found


def with_first_directory(content: bytes, number: int) -> bytes:
    """A file whose first directory is the one of a number, from 0, along the chain.

    Raises:
        ValueError: There is none.
    """
    reader = _Reader(content, frozenset())
    offset = reader.layout.first
    for _ in range(number):
        offset = reader.offset_after(offset)
    place, pointer = 8 if reader.layout.is_big else 4, struct.pack(reader.layout.offset_format, offset)
    return content[:place] + pointer + content[place + len(pointer) :]


def tags_in(source: BinaryIO) -> list[int]:
    """The tags of the first directory of a file; no value is read.

    Raises:
        ValueError: As of `read_directory`.
    """
    reader = _Reader(source, frozenset())
    return [entry[0] for entry in reader.entries_at(reader.layout.first)]


class _Layout(NamedTuple):
    """How the directories of a block are laid out: byte order, whether they are BigTIFF's, where the first lies."""

    mark: str
    is_big: bool
    first: int

    @property
    def count_format(self) -> str:
        return self.mark + ("Q" if self.is_big else "H")

    @property
    def entry_format(self) -> str:
        return self.mark + ("HHQ8s" if self.is_big else "HHI4s")

    @property
    def offset_format(self) -> str:
        return self.mark + ("Q" if self.is_big else "I")


def _layout(head: bytes) -> _Layout:
    """The layout that the first 16 bytes of a block tell."""
    mark = {b"II": "<", b"MM": ">"}.get(head[:2])
    if mark is not None and len(head) >= 8:
        version = struct.unpack_from(mark + "H", head, 2)[0]
        if version == 42:
            return _Layout(mark, False, struct.unpack_from(mark + "I", head, 4)[0])
        if version == 43 and len(head) >= 16:
            return _Layout(mark, True, struct.unpack_from(mark + "Q", head, 8)[0])
    raise ValueError("no TIFF header")


class _Reader:
    """Reads the directories of a block, and no more values in all than it has room for.

    A hostile block may let thousands of fields share the same megabytes.
    """

    def __init__(self, source: bytes | BinaryIO, ignored: frozenset[int]) -> None:
        self.file: BinaryIO = io.BytesIO(source) if isinstance(source, bytes) else source
        self.size = self.room = self.file.seek(0, io.SEEK_END)
        self.ignored = ignored
        self.layout = _layout(self._bytes_at(0, 16))

    def _bytes_at(self, offset: int, size: int) -> bytes:
        if offset > self.size:
            return b""
        self.file.seek(offset)
        return self.file.read(size)

    def entries_at(self, offset: int) -> list[tuple[int, int, int, bytes]]:
        """Tag, kind, count and value (or where it lies) of each entry of a directory."""
        width = struct.calcsize(self.layout.count_format)
        head = self._bytes_at(offset, width)
        if len(head) < width:
            raise ValueError("the directory lies outside the block")
        count = struct.unpack(self.layout.count_format, head)[0]
        size = struct.calcsize(self.layout.entry_format)
        if count > _MOST_ENTRIES or offset + width + size * count > self.size:
            raise ValueError("the directory lies outside the block")
        return list(struct.iter_unpack(self.layout.entry_format, self._bytes_at(offset + width, size * count)))

    def offset_after(self, offset: int) -> int:
        """Where the directory that follows a directory lies; 0 if none does."""
        entries = self.entries_at(offset)
        end = struct.calcsize(self.layout.count_format) + struct.calcsize(self.layout.entry_format) * len(entries)
        data = self._bytes_at(offset + end, struct.calcsize(self.layout.offset_format))
        following: int = (
            struct.unpack(self.layout.offset_format, data)[0]
            if len(data) == struct.calcsize(self.layout.offset_format)
            else 0
        )
        return following

    def directory_at(self, offset: int, depth: int) -> dict[int, Field | Directory]:
        fields: dict[int, Field | Directory] = {}
        for tag, kind, count, value in self.entries_at(offset):
            if tag in self.ignored:
                continue
            if tag in _SUBDIRECTORIES:
                if depth < _DEEPEST:  # a directory that points to itself would never end
                    fields.update(self._directory_below(tag, value, depth))
            elif kind in _ITEM_SIZES and (data := self._values(kind, count, value)) is not None:
                fields[tag] = Field(kind, data)
        return fields

    def _directory_below(self, tag: int, value: bytes, depth: int) -> dict[int, Field | Directory]:
        try:
            return {tag: self.directory_at(struct.unpack(self.layout.offset_format, value)[0], depth + 1)}
        except ValueError:
            return {}

    def _values(self, kind: int, count: int, value: bytes) -> bytes | None:
        size = count * _ITEM_SIZES[kind] * (2 if kind in _PAIRS else 1)
        if size > min(self.room, _LARGEST_VALUE):
            return None
        is_here = size <= len(value)
        data = value[:size] if is_here else self._bytes_at(struct.unpack(self.layout.offset_format, value)[0], size)
        self.room -= len(data)
        if len(data) < size:
            return None
        return _swapped(data, kind) if self.layout.mark == ">" else data


def _swapped(data: bytes, kind: int) -> bytes:
    """The values in the other byte order."""
    return np.frombuffer(data, dtype=f"<u{_ITEM_SIZES[kind]}").byteswap().tobytes()


def with_fields(block: bytes, fields: Directory, dropped: frozenset[int] = frozenset()) -> bytes:
    """The block with fields added to its first directory or replaced there.

    All else keeps its place, because offsets within a camera's own notes are known to the camera alone. Only the
    directory moves, to the end, and what came after it is no longer pointed to.

    Args:
        block: A TIFF or BigTIFF file, or EXIF from its byte-order mark on.
        fields: What to set, by tag.
        dropped: Tags that the directory shall no longer have.

    Returns:
        The longer block.

    Raises:
        ValueError: The block does not begin as TIFF does, or its directory lies outside it.
    """
    reader = _Reader(block, frozenset())
    layout = reader.layout
    kept = {entry[0]: entry for entry in reader.entries_at(layout.first) if entry[0] not in dropped}
    parts: list[bytes | memoryview] = [b"\x00" * (len(block) % 2)]  # values begin at even offsets
    offset = _append_directory(parts, len(block) + len(parts[0]), layout, fields, kept)
    place = 8 if layout.is_big else 4
    pointer = struct.pack(layout.offset_format, offset)
    return b"".join([block[:place], pointer, memoryview(block)[place + len(pointer) :], *parts])


def _append_directory(
    parts: list[bytes | memoryview],
    end: int,
    layout: _Layout,
    fields: Directory,
    kept: Mapping[int, tuple[int, int, int, bytes]] | None = None,
) -> int:
    """Append a directory, and before it all values that do not fit into it; gives the offset of the directory."""
    entries = dict(kept or {})
    width = struct.calcsize(layout.offset_format)
    for tag, field in fields.items():
        if isinstance(field, Field):
            field = field if layout.is_big else _classic(field)
            data = _swapped(field.data, field.kind) if layout.mark == ">" else field.data
            kind, count = field.kind, field.count
        else:
            below = _append_directory(parts, end, layout, field)
            end = below + len(parts[-1])
            kind, count, data = (16 if layout.is_big else _LONG), 1, struct.pack(layout.offset_format, below)
        if len(data) > width:
            parts.append(data + b"\x00" * (len(data) % 2))
            data, end = struct.pack(layout.offset_format, end), end + len(parts[-1])
        entries[tag] = (tag, kind, count, data)
    packed = (struct.pack(layout.entry_format, *entries[tag]) for tag in sorted(entries))
    parts.append(struct.pack(layout.count_format, len(entries)) + b"".join(packed) + b"\x00" * width)
    return end


def _classic(field: Field) -> Field:
    """A field of BigTIFF's kinds as one that other files may hold."""
    if field.kind not in (16, 17, 18):
        return field
    numbers = np.frombuffer(field.data, "<i8" if field.kind == 17 else "<u8")
    kind = {16: 4, 17: 9, 18: 13}[field.kind]
    return Field(kind, numbers.astype("<i4" if kind == 9 else "<u4").tobytes())


def without_pictures(block: bytes) -> bytes:
    """EXIF in which all small copies of the photo are blank: thumbnails, and previews within a camera's own notes.

    Args:
        block: EXIF from its byte-order mark on.

    Returns:
        A block of the same length, in which all else keeps its place.
    """
    ranges: list[tuple[int, int]] = []
    place = 0
    while (found := _JPEG_START.search(block, place)) is not None:
        place = block.find(_JPEG_END, found.end()) + len(_JPEG_END)
        place = place if place >= found.end() else len(block)
        ranges.append((found.start(), place))
    try:
        for tags in directories_of(io.BytesIO(block), _MOST_THUMBNAILS, frozenset(_JPEG_PLACE + _STRIP_PLACES))[1:]:
            for where, length in (_JPEG_PLACE, _STRIP_PLACES):
                places = zip(integers_of(tags, where), integers_of(tags, length), strict=False)
                ranges += [(start, start + size) for start, size in places]
        blanked = bytearray(block)
        for start, end in ranges:
            blanked[start:end] = bytes(max(0, min(end, len(block)) - start))
        # Hostile places could blank the tags themselves.
        is_whole = read_directory(bytes(blanked)).keys() == read_directory(block).keys()
    except ValueError:
        is_whole = False
    return bytes(blanked) if is_whole else EMPTY_BLOCK

"""PNG: chunks before and after the pixels hold all that is told."""

import binascii
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import Any, BinaryIO

from photochrom.errors import UnreadableError
from photochrom.photo._metadata import (
    EXIF_HEAD,
    Origin,
    checked_dpi,
    described_by_exif,
    rgb_profile,
    told_by_resources,
    with_iptc,
)
from photochrom.photo._pixels import Channels, Picture
from photochrom.photo._primaries import profile_of_chunks
from photochrom.photo._salvage import Mended
from photochrom.photo._vips import encoded, open_with
from photochrom.photo.formats._format import ALL_TAGS, MANIFEST, Format, Opened, further_pictures

__all__ = ["FORMAT", "with_chunks"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_AFTER_IHDR = 33
_LARGEST_CHUNK = 16 * 1024 * 1024
_LARGEST_TEXT = 2 * 1024 * 1024

_CHANNELS = MappingProxyType({0: 1, 2: 3, 3: 1, 4: 2, 6: 4})
"""How many channels a PNG has, by its kind of color (PNG, third edition, section 11.2.1)."""

_DEPTHS = frozenset({1, 2, 4, 8, 16})
"""How many bits a channel has."""

_PIECE = 4096

_COPIED = frozenset({b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"tEXt", b"zTXt", b"iTXt", b"tIME"})
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_READ = _COPIED | {b"eXIf", b"iCCP", b"acTL", b"caBX"}

_XMP_KEY = b"XML:com.adobe.xmp"
_RAW_PROFILE = re.compile(rb"Raw profile type (exif|APP1|iptc|8bim|xmp)\Z")
_XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\x00"
_INCH_IN_METERS = 0.0254


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Name and data of each intact chunk that tells something, before the pixels or after them."""
    file.seek(len(_SIGNATURE))
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IEND":
            return
        if kind not in _READ or length > _LARGEST_CHUNK:
            file.seek(length + 4, 1)
            continue
        data, check = file.read(length), file.read(4)
        if check == struct.pack(">I", zlib.crc32(kind + data)):
            yield kind, data


def _packed(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunks(png: bytes, chunks: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The PNG file with these chunks, and no others, between its header and its pixels.

    Args:
        png: A whole file without a palette.
        chunks: Name and data of each.

    Returns:
        The other file.
    """
    packed = (_packed(*chunk) for chunk in chunks)
    pixels = _AFTER_IHDR
    while png[pixels + 4 : pixels + 8] != b"IDAT":
        pixels += 12 + struct.unpack_from(">I", png, pixels)[0]
    return b"".join([png[:_AFTER_IHDR], *packed, memoryview(png)[pixels:]])


def _inflated(data: bytes) -> bytes:
    """What was compressed; nothing if it is torn or unpacks to more than a photo's texts ever do."""
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data, _LARGEST_TEXT)
    except zlib.error:
        return b""
    return text if unpacker.eof else b""


def _text(kind: bytes, data: bytes) -> tuple[bytes, bytes]:
    """Key and text of a chunk of text."""
    key, _, rest = data.partition(b"\x00")
    if kind == b"tEXt":
        return key, rest
    if kind == b"zTXt":
        return key, _inflated(rest[1:])
    is_compressed, after = rest[:1] == b"\x01", rest[2:].split(b"\x00", 2)
    text = after[2] if len(after) == 3 else b""
    return key, _inflated(text) if is_compressed else text


def _raw_profile(text: bytes) -> bytes:
    """What old programs hid as hexadecimal digits, after a name and a length."""
    lines = text.strip().split(b"\n", 2)
    try:
        return binascii.unhexlify(b"".join(lines[2].split())) if len(lines) == 3 else b""
    except binascii.Error:
        return b""


def _dpi(data: bytes) -> tuple[float, float] | None:
    if len(data) != 9 or data[8] != 1:
        return None
    return checked_dpi([value * _INCH_IN_METERS for value in struct.unpack_from(">II", data)])


def _with_text(origin: Origin, exif: bytes, key: bytes, text: bytes) -> tuple[Origin, bytes]:
    """The origin and EXIF after one text that tells more than its words: XMP, or what old programs hid."""
    if key == _XMP_KEY:
        return replace(origin, xmp=origin.xmp or text or None), exif
    hidden = _RAW_PROFILE.match(key)
    if hidden is None:
        return origin, exif
    data = _raw_profile(text)
    if hidden[1] in (b"exif", b"APP1") and data.startswith(EXIF_HEAD):
        return origin, exif or data
    if hidden[1] == b"xmp" or data.startswith(_XMP_HEAD):
        return replace(origin, xmp=origin.xmp or data.removeprefix(_XMP_HEAD) or None), exif
    if hidden[1] in (b"iptc", b"8bim"):
        return told_by_resources(origin, data), exif
    return origin, exif


def _is_plain(kind: bytes, data: bytes) -> bool:
    """Whether a chunk is copied as it is.

    What is kept as EXIF, IPTC or XMP is written where it belongs today; texts that cannot be unpacked are left out.
    """
    if kind not in _TEXTS:
        return kind in _COPIED
    key, text = _text(kind, data)
    return key != _XMP_KEY and _RAW_PROFILE.match(key) is None and (kind == b"tEXt" or bool(text))


def _read_origin(chunks: list[tuple[bytes, bytes]]) -> tuple[Origin, bytes | None]:
    """What the chunks tell, and the color profile."""
    first = dict(reversed(chunks))
    origin, exif = Origin(format="PNG", dpi=_dpi(first.get(b"pHYs", b""))), first.get(b"eXIf", b"")
    for kind, data in chunks:
        if kind in _TEXTS:
            origin, exif = _with_text(origin, exif, *_text(kind, data))
    profile = _inflated(first.get(b"iCCP", b"").partition(b"\x00")[2][1:]) or None
    described = rgb_profile(profile) if profile else profile_of_chunks(first)
    kept = tuple(chunk for chunk in chunks if _is_plain(*chunk))
    origin = replace(origin, lost=(MANIFEST,) if b"caBX" in first else ())
    return described_by_exif(replace(origin, icc_profile=described, chunks=kept), exif), profile


def _open(file: BinaryIO) -> Opened:
    file.seek(len(_SIGNATURE) + 4)
    if file.read(4) == b"CgBI":
        raise UnreadableError("a PNG as apps of iPhones hold it (CgBI); open it on a Mac and export it as PNG")
    chunks = list(_chunks(file))
    origin, profile = _read_origin(chunks)
    image = open_with("png", file)
    channels: Channels = "gray" if image.bands < 3 else "rgb"
    picture = Picture(image.width, image.height, channels, image.bands in (2, 4), image.rows, profile)
    pictures = max((int.from_bytes(data[:4], "big") for kind, data in chunks if kind == b"acTL"), default=1)
    return Opened(picture, origin, left_out=further_pictures(pictures))


def _chunks_of(origin: Origin) -> list[tuple[bytes, bytes]]:
    """All that is told of a photo, as chunks."""
    chunks = list(origin.chunks)
    if origin.icc_profile is not None:
        chunks = [chunk for chunk in chunks if chunk[0] != b"sRGB"]  # a file may have the one or the other
        chunks.append((b"iCCP", b"icc\x00\x00" + zlib.compress(origin.icc_profile)))
    if origin.dpi is not None and not any(kind == b"pHYs" for kind, _ in chunks):
        per_meter = [round(value / _INCH_IN_METERS).to_bytes(4, "big") for value in origin.dpi]
        chunks.append((b"pHYs", b"".join(per_meter) + b"\x01"))
    if origin.comment:
        chunks.append((b"tEXt", b"Comment\x00" + origin.comment.replace(b"\x00", b"")))
    if origin.xmp is not None:
        chunks.append((b"iTXt", _XMP_KEY + b"\x00" * 5 + origin.xmp))
    if origin.iptc:  # as ExifTool and ImageMagick write it, for the format knows no place
        blocks = with_iptc(b"", origin.iptc)
        digits = b"\niptc\n%8d\n%s\n" % (len(blocks), binascii.hexlify(blocks))
        chunks.append((b"zTXt", b"Raw profile type iptc\x00\x00" + zlib.compress(digits)))
    return [*chunks, (b"eXIf", origin.exif)]


def _encode(image: Any, origin: Origin) -> bytes:
    return with_chunks(encoded(image, "png", compression=1, filter="sub"), _chunks_of(origin))


def _all_chunks(png: bytes) -> Iterator[tuple[bytes, memoryview, bool]]:
    """Name and data of each chunk, and whether it is intact; of the last one as much as there is."""
    place, view = len(_SIGNATURE), memoryview(png)
    while place + 8 <= len(png):
        length, kind = struct.unpack_from(">I4s", png, place)
        data, check = view[place + 8 : place + 8 + length], png[place + 8 + length : place + 12 + length]
        yield kind, data, check == struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
        place += 12 + length


def _repacked(parts: Iterable[memoryview], stride: int, most_rows: int) -> tuple[list[bytes], int]:
    """The rows that can still be unpacked, as chunks, and their number; few of them are unpacked at a time.

    Args:
        parts: Of the packed rows.
        stride: Bytes of a row.
        most_rows: There may be more, which do not count.
    """
    unpacker, packer = zlib.decompressobj(), zlib.compressobj(1)
    chunks: list[bytes] = []

    def add(packed: bytes) -> None:
        if packed:
            chunks.append(_packed(b"IDAT", packed))

    rest, rows = bytearray(), 0
    pieces = (part[start : start + _PIECE] for part in parts for start in range(0, len(part), _PIECE))
    with suppress(zlib.error):
        for piece in pieces:
            rest += unpacker.decompress(piece)
            whole = min(len(rest) // stride, most_rows - rows)
            add(packer.compress(rest[: whole * stride]))
            del rest[: whole * stride]
            rows += whole
            if rows == most_rows or unpacker.eof:
                break
    add(packer.flush())
    return chunks, rows


def _mend(content: bytes, most_pixels: int) -> Mended | None:
    """A file of the rows that can still be unpacked, without chunks that are torn."""
    chunks = list(_all_chunks(content))
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        return None
    width, height, bits, kind, *_, interlacing = struct.unpack(">IIBBBBB", chunks[0][1])
    if not 0 < width * height <= most_pixels or kind not in _CHANNELS or bits not in _DEPTHS or interlacing:
        return None
    stride = 1 + (width * bits * _CHANNELS[kind] + 7) // 8
    pixels, rows = _repacked((data for name, data, _ in chunks if name == b"IDAT"), stride, height)
    if not rows or (not chunks[0][2] and rows < height):  # the size itself may be wrong
        return None
    told = [(name, bytes(data)) for name, data, is_whole in chunks[1:] if is_whole and name not in (b"IDAT", b"IEND")]
    header = struct.pack(">II", width, rows) + chunks[0][1][8:]
    before = [_packed(*part) for part in ((b"IHDR", header), *told)]
    return Mended(b"".join([_SIGNATURE, *before, *pixels, _packed(b"IEND", b"")]), height, rows)


FORMAT = Format(
    name="PNG",
    suffixes=(".png",),
    media_type="image/png",
    recognizes=lambda head: head.startswith(_SIGNATURE),
    open=_open,
    encode=_encode,
    bits=16,
    can_turn=True,
    tags=ALL_TAGS - {"Photoshop's resources"},
    mend=_mend,
)

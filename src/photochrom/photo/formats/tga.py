"""Targa, as drawing programs and early frame grabbers wrote it; read, but not written."""

import io
import itertools
import struct
from dataclasses import replace
from typing import BinaryIO

from PIL import TgaImagePlugin

from photochrom.photo.formats._format import Format, Opened, opened_by_pillow

__all__ = ["FORMAT"]

_HEADER = struct.Struct("<3B 5s 4x 2H 2B")
_PALETTE, _COLOR, _GRAY, _RUN_LENGTHS = 1, 2, 3, 8
_DEPTHS = {_PALETTE: (8,), _COLOR: (16, 24, 32), _GRAY: (8, 16)}
"""Bits of a pixel that Pillow decodes; of others it would make a black picture."""

_DESCRIPTOR, _OPACITY_BITS, _RESERVED_BITS = 17, 0x0F, 0xC0

_MARK, _FOOTER, _EXTENSION = b"TRUEVISION-XFILE.\x00", 26, 495
_TEXTS = (2, 43, 124, 205, 286, 367)
"""Where the author's name and four lines of comments begin in the extension area, and where the last of them ends."""


def _recognizes(head: bytes) -> bool:
    """Targa has no mark at its beginning, so that all fields of its header have to make sense."""
    if len(head) < _HEADER.size:
        return False
    _, palettes, kind, palette, width, height, depth, descriptor = _HEADER.unpack_from(head)
    plain = kind & ~_RUN_LENGTHS
    return (
        depth in _DEPTHS.get(plain, ())
        and palettes == (plain == _PALETTE)
        and any(palette) == (plain == _PALETTE)
        and width > 0
        and height > 0
        and not descriptor & _RESERVED_BITS
    )


def _comment(file: BinaryIO) -> bytes:
    """What was typed in, line by line: the label of the picture, its author, and comments.

    Reference:
        Truevision TGA file format specification, version 2.0, fields 6, 11 and 12.
    """
    file.seek(0)
    label = file.read(file.read(_HEADER.size)[0])
    file.seek(-_FOOTER, io.SEEK_END)
    footer = file.read()
    extension = b""
    if footer.endswith(_MARK):
        file.seek(int.from_bytes(footer[:4], "little"))
        extension = file.read(_EXTENSION)
    texts = [label, *(extension[start:end] for start, end in itertools.pairwise(_TEXTS))]
    return b"\n".join(filter(None, (text.partition(b"\x00")[0].strip() for text in texts)))


def _open(file: BinaryIO) -> Opened:
    opened = opened_by_pillow(TgaImagePlugin.TgaImageFile, file)
    picture = opened.picture
    file.seek(_DESCRIPTOR)
    if picture.has_alpha and not file.read(1)[0] & _OPACITY_BITS:  # the last channel is there, but means nothing
        rows = picture.rows
        picture = replace(picture, has_alpha=False, rows=lambda count: (strip[..., :-1] for strip in rows(count)))
    return opened._replace(picture=picture, origin=replace(opened.origin, comment=_comment(file)))


FORMAT = Format(
    name="TGA",
    suffixes=(".tga", ".icb", ".vda", ".vst"),
    media_type="image/x-tga",
    recognizes=_recognizes,
    open=_open,
    tags=frozenset(),
)

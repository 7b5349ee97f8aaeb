"""JPEG 2000: read, but not written, for few programs show it."""

from dataclasses import replace
from typing import BinaryIO

from PIL import Jpeg2KImagePlugin

from photochrom.photo._metadata import described_by_exif
from photochrom.photo._pillow import open_with_pillow, origin_of_image, picture_of
from photochrom.photo.formats._boxes import uuid_boxes
from photochrom.photo.formats._format import Format, Opened

__all__ = ["FORMAT"]

_BOXES, _CODESTREAM = b"\x00\x00\x00\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"
_XMP, _EXIF = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC"), b"JpgTiffExif->JP2"
_TO_DEPTH = 42
"""Bytes from the start of the codestream to the depth of its first channel (ISO/IEC 15444-1, annex A.5.1)."""


def _depth(file: BinaryIO) -> int:
    """Bits of the first channel; 0 if the file does not tell at its beginning."""
    file.seek(0)
    head = file.read(65536)
    place = head.find(_CODESTREAM)
    depth = head[place + _TO_DEPTH :][:1] if place >= 0 else b""
    return (depth[0] & 0x7F) + 1 if depth else 0


def _open(file: BinaryIO) -> Opened:
    told = dict(uuid_boxes(file))
    depth = _depth(file)
    image = open_with_pillow(Jpeg2KImagePlugin.Jpeg2KImageFile, file)
    origin = replace(origin_of_image(image), xmp=told.get(_XMP) or None)
    is_cut = depth > 8 and not image.mode.startswith("I")
    left_out = f"{depth} bits of each channel, of which 8 are read" if is_cut else ""
    return Opened(picture_of(image), described_by_exif(origin, told.get(_EXIF)), left_out=left_out)


FORMAT = Format(
    name="JPEG2000",
    suffixes=(".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc"),
    media_type="image/jp2",
    recognizes=lambda head: head.startswith((_BOXES, _CODESTREAM)),
    open=_open,
    tags=frozenset({"EXIF", "XMP", "ICC"}),
)

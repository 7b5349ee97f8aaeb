"""PCX, as old scanning programs wrote it; read, but not written."""

from typing import BinaryIO

from PIL import PcxImagePlugin

from photochrom.photo._pillow import open_with_pillow, origin_of_image, picture_of
from photochrom.photo.formats._format import Format, Opened

__all__ = ["FORMAT"]


def _open(file: BinaryIO) -> Opened:
    image = open_with_pillow(PcxImagePlugin.PcxImageFile, file)
    return Opened(picture_of(image), origin_of_image(image))


FORMAT = Format(
    name="PCX",
    suffixes=(".pcx",),
    media_type="image/vnd.zbrush.pcx",
    recognizes=lambda head: head[:1] == b"\n" and head[1:2] in b"\x00\x02\x03\x04\x05" and head[2:3] == b"\x01",
    open=_open,
    tags=frozenset(),
)

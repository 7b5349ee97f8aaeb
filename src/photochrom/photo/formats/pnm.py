"""Netpbm: plain rows of pixels, as some scanning programs write them; read, but not written."""

from typing import BinaryIO

from PIL import PpmImagePlugin

from photochrom.photo._pillow import open_with_pillow, origin_of_image, picture_of
from photochrom.photo.formats._format import Format, Opened

__all__ = ["FORMAT"]


def _open(file: BinaryIO) -> Opened:
    image = open_with_pillow(PpmImagePlugin.PpmImageFile, file)
    return Opened(picture_of(image), origin_of_image(image))


FORMAT = Format(
    name="PPM",
    suffixes=(".ppm", ".pgm", ".pbm", ".pnm"),
    media_type="image/x-portable-anymap",
    recognizes=lambda head: head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace(),
    open=_open,
    tags=frozenset(),
)

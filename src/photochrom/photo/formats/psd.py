"""Photoshop's own files: their flat picture is read, without layers; not written."""

from contextlib import suppress
from dataclasses import replace
from typing import Any, BinaryIO

from PIL import PsdImagePlugin

from photochrom.errors import UnreadableError
from photochrom.photo._metadata import described_by_exif, joined_resources, told_by_resources
from photochrom.photo._pillow import open_with_pillow, origin_of_image, picture_of
from photochrom.photo.formats._format import Format, Opened

__all__ = ["FORMAT"]

_DEPTH = slice(22, 24)
_VERSION_INFO = 1057
"""A resource whose fifth byte tells whether the flat picture is there or is only white."""


def _open(file: BinaryIO) -> Opened:
    file.seek(0)
    depth = int.from_bytes(file.read(_DEPTH.stop)[_DEPTH], "big")
    if depth not in (1, 8):
        raise UnreadableError(f"a Photoshop file of {depth} bits; save it as TIFF")
    image: Any = open_with_pillow(PsdImagePlugin.PsdImageFile, file)
    if any(number == _VERSION_INFO and data[4:5] == b"\x00" for number, _, data in image.resources):
        raise UnreadableError(
            "a Photoshop file without its flat picture; save it with 'maximize compatibility', or as TIFF"
        )
    blocks = joined_resources((number, data) for number, _, data in image.resources)
    origin = described_by_exif(told_by_resources(origin_of_image(image), blocks), None)
    with suppress(Exception):  # torn layers are no reason to refuse the flat picture
        origin = replace(origin, lost=("Photoshop's layers",) if image.layers else ())
    return Opened(picture_of(image), origin)


FORMAT = Format(
    name="PSD",
    suffixes=(".psd",),
    media_type="image/vnd.adobe.photoshop",
    recognizes=lambda head: head.startswith(b"8BPS\x00\x01"),
    open=_open,
)

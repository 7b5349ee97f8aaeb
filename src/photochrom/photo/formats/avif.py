"""AVIF: read and written by Pillow, which keeps EXIF as it is; libvips would write it anew."""

import io
from dataclasses import replace
from typing import Any, BinaryIO

from PIL import AvifImagePlugin, Image

from photochrom.photo._metadata import EXIF_HEAD, Origin
from photochrom.photo._pillow import open_with_pillow, origin_of_image, picture_of
from photochrom.photo.formats._boxes import manifests_in
from photochrom.photo.formats._format import Format, Opened, further_pictures

__all__ = ["FORMAT"]

_BRANDS = (b"avif", b"avis")
_QUALITY = 90
_SPEED = 9
"""Of 10: each step below takes about twice as long."""


def _open(file: BinaryIO) -> Opened:
    image = open_with_pillow(AvifImagePlugin.AvifImageFile, file)
    pictures = int(getattr(image, "n_frames", 1))
    origin = replace(origin_of_image(image), lost=manifests_in(file))
    return Opened(picture_of(image), origin, left_out=further_pictures(pictures))


def _encode(image: Any, origin: Origin) -> bytes:
    told = {"exif": EXIF_HEAD + origin.exif, "icc_profile": origin.icc_profile, "xmp": origin.xmp}
    file = io.BytesIO()
    Image.fromarray(image.numpy()).save(
        file,
        "AVIF",
        quality=_QUALITY,
        subsampling="4:4:4",
        speed=_SPEED,
        max_threads=1,
        **{name: value for name, value in told.items() if value},
    )
    return file.getvalue()


FORMAT = Format(
    name="AVIF",
    suffixes=(".avif",),
    media_type="image/avif",
    recognizes=lambda head: head[4:8] == b"ftyp" and head[8:12] in _BRANDS,
    open=_open,
    encode=_encode,
    tags=frozenset({"EXIF", "XMP", "ICC"}),
)

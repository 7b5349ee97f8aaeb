"""HEIF, as phones write it: read and written by the optional package pillow-heif."""

import io
from dataclasses import replace
from typing import Any, BinaryIO

from PIL import Image, ImageFile

from photochrom.photo._metadata import EXIF_HEAD, Origin
from photochrom.photo._pillow import open_with_pillow, origin_of_image, picture_of, pillow_heif
from photochrom.photo.formats._boxes import manifests_in
from photochrom.photo.formats._format import Format, Opened

__all__ = ["FORMAT"]

_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"})
_QUALITY = 90


def _opener(file: BinaryIO) -> ImageFile.ImageFile:
    image: ImageFile.ImageFile = pillow_heif().HeifImageFile(file)
    return image


def _open(file: BinaryIO) -> Opened:
    # A file of several pictures names one the primary one, which is what phones show and what is read.
    image = open_with_pillow(_opener, file)
    return Opened(picture_of(image), replace(origin_of_image(image), lost=manifests_in(file)))


def _encode(image: Any, origin: Origin) -> bytes:
    picture = Image.fromarray(image.numpy())
    told = {"exif": EXIF_HEAD + origin.exif, "icc_profile": origin.icc_profile, "xmp": origin.xmp}
    picture.info.update({name: value for name, value in told.items() if value})
    file = io.BytesIO()
    pillow_heif().from_pillow(picture).save(file, quality=_QUALITY, chroma=444)
    return file.getvalue()


FORMAT = Format(
    name="HEIF",
    suffixes=(".heic", ".heif", ".hif"),
    media_type="image/heic",
    recognizes=lambda head: head[4:8] == b"ftyp" and head[8:12] in _BRANDS,
    open=_open,
    encode=_encode,
    tags=frozenset({"EXIF", "XMP", "ICC"}),
)

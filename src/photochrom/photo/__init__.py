"""Photos as files: what is in one, and how the same photo is written in color."""

from photochrom.photo._decoding import HEAD_BYTES, Levels, sniff, to_8_bits
from photochrom.photo._origin import SOFTWARE, SUFFIXES, Origin
from photochrom.photo._photo import (
    MAX_MEGAPIXELS,
    WRITTEN_FORMATS,
    Photo,
    encode_photo,
    photo_from_image,
    read_photo,
    write_photo,
)
from photochrom.photo._tint import Coloring

__all__ = [
    "HEAD_BYTES",
    "MAX_MEGAPIXELS",
    "SOFTWARE",
    "SUFFIXES",
    "WRITTEN_FORMATS",
    "Coloring",
    "Levels",
    "Origin",
    "Photo",
    "encode_photo",
    "photo_from_image",
    "read_photo",
    "sniff",
    "to_8_bits",
    "write_photo",
]

"""Photos as files: what is in one, and how the same photo is written in color."""

from photochrom.photo._credentials import Signer, holds_manifest, require_signer, with_manifest
from photochrom.photo._kinds import Kind, kind_of
from photochrom.photo._losses import dropped_tags, losses
from photochrom.photo._metadata import SOFTWARE, Origin
from photochrom.photo._photo import (
    MAX_MEGAPIXELS,
    Photo,
    encode_photo,
    photo_from_image,
    read_photo,
    write_photo,
    written_format,
)
from photochrom.photo._pixels import Levels, to_8_bits
from photochrom.photo._raw import RAW_SUFFIXES, develops
from photochrom.photo._tint import Coloring
from photochrom.photo.formats import FORMATS, HEAD_BYTES, SUFFIXES, USUAL_SUFFIXES, WRITTEN_FORMATS, Format, format_of

__all__ = [
    "FORMATS",
    "HEAD_BYTES",
    "MAX_MEGAPIXELS",
    "RAW_SUFFIXES",
    "SOFTWARE",
    "SUFFIXES",
    "USUAL_SUFFIXES",
    "WRITTEN_FORMATS",
    "Coloring",
    "Format",
    "Kind",
    "Levels",
    "Origin",
    "Photo",
    "Signer",
    "develops",
    "dropped_tags",
    "encode_photo",
    "format_of",
    "holds_manifest",
    "kind_of",
    "losses",
    "photo_from_image",
    "read_photo",
    "require_signer",
    "to_8_bits",
    "with_manifest",
    "write_photo",
    "written_format",
]

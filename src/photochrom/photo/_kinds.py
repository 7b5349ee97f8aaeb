"""Kinds of files that are not read, and what would help."""

from collections.abc import Callable
from pathlib import PurePath
from typing import NamedTuple

from photochrom.photo._raw import RAW_REMEDY, RAW_SUFFIXES, develops


class Kind(NamedTuple):
    """A kind of files.

    Attributes:
        name: Such as `PDF`.
        remedy: What makes a photo of it that can be read; empty if it is none.
    """

    name: str
    remedy: str = ""


_VIDEO = Kind("video", "save one of its pictures")
_ARCHIVE = Kind("archive", "unpack it")
_PICTURE = "save it as PNG or TIFF"
_RAW = Kind("camera raw", RAW_REMEDY)

_BY_HEAD: tuple[tuple[Kind, Callable[[bytes], bool]], ...] = (
    (Kind("PDF", "export its pages as PNG or TIFF"), lambda head: head.startswith(b"%PDF")),
    (Kind("JPEG XL", _PICTURE), lambda head: head.startswith((b"\xff\x0a", b"\x00\x00\x00\x0cJXL "))),
    (Kind("JPEG XR", _PICTURE), lambda head: head.startswith(b"II\xbc\x01")),
    (Kind("large Photoshop file", "save it as TIFF"), lambda head: head.startswith(b"8BPS\x00\x02")),
    (Kind("GIMP file", "export it as PNG or TIFF"), lambda head: head.startswith(b"gimp xcf")),
    (Kind("PostScript", "export it as PNG or TIFF"), lambda head: head.startswith((b"%!PS", b"\xc5\xd0\xd3\xc6"))),
    (Kind("OpenEXR", _PICTURE), lambda head: head.startswith(b"v/1\x01")),
    (Kind("DjVu", "export its pages as PNG or TIFF"), lambda head: head.startswith(b"AT&TFORM")),
    (_ARCHIVE, lambda head: head.startswith((b"PK\x03\x04", b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b"))),
    (_VIDEO, lambda head: head[4:8] in (b"ftyp", b"moov", b"mdat") or head.startswith(b"\x1a\x45\xdf\xa3")),
    (_VIDEO, lambda head: head[:4] == b"RIFF" and head[8:12] == b"AVI "),
)

_BY_SUFFIX = {
    ".svg": Kind("SVG", "export it as PNG"),
    ".dcm": Kind("DICOM", "export it as PNG or TIFF"),
    ".pict": Kind("PICT", _PICTURE),
    ".pct": Kind("PICT", _PICTURE),
    ".pcd": Kind("Photo CD", _PICTURE),
    ".fpx": Kind("FlashPix", _PICTURE),
    ".wmf": Kind("WMF", "export it as PNG"),
    ".ico": Kind("icon"),
    ".mpg": _VIDEO,
    ".mpeg": _VIDEO,
    ".wmv": _VIDEO,
    ".mts": _VIDEO,
    ".m2ts": _VIDEO,
}


def kind_of(head: bytes, name: str = "") -> Kind | None:
    """The kind of a file that is of no format of the catalogue.

    Returns:
        None if nothing is known of it.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix in RAW_SUFFIXES and not develops():
        return _RAW
    found = next((kind for kind, recognizes in _BY_HEAD if recognizes(head)), None)
    return found or _BY_SUFFIX.get(suffix)

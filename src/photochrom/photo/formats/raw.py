"""Raw files of cameras that are no TIFFs; the others are told apart by the TIFF reader."""

from typing import BinaryIO

from photochrom.photo._metadata import Origin
from photochrom.photo._raw import open_raw
from photochrom.photo.formats._format import Format, Opened

__all__ = ["FORMAT"]

_HEADS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\x00", b"FOVb", b"\x00MRM", b"II\x1a\x00\x00\x00HEAPCCDR")


def _open(file: BinaryIO) -> Opened:
    return Opened(*open_raw(file, Origin(format="RAW")))


FORMAT = Format(
    name="RAW",
    suffixes=(".raf", ".orf", ".rw2", ".x3f", ".mrw", ".crw", ".cr3"),
    media_type="image/x-dcraw",
    recognizes=lambda head: head.startswith(_HEADS) or head[4:11] == b"ftypcrx",
    open=_open,
    tags=frozenset(),
)

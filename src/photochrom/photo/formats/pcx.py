"""PCX, as old scanning programs wrote it; read, but not written."""

from functools import partial

from PIL import PcxImagePlugin

from photochrom.photo.formats._format import Format, opened_by_pillow

__all__ = ["FORMAT"]

FORMAT = Format(
    name="PCX",
    suffixes=(".pcx",),
    media_type="image/vnd.zbrush.pcx",
    recognizes=lambda head: head[:1] == b"\n" and head[1:2] in b"\x00\x02\x03\x04\x05" and head[2:3] == b"\x01",
    open=partial(opened_by_pillow, PcxImagePlugin.PcxImageFile),
    tags=frozenset(),
)

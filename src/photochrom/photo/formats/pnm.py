"""Netpbm: plain rows of pixels, as some scanning programs write them; read, but not written."""

from functools import partial

from PIL import PpmImagePlugin

from photochrom.photo.formats._format import Format, opened_by_pillow

__all__ = ["FORMAT"]

FORMAT = Format(
    name="PPM",
    suffixes=(".ppm", ".pgm", ".pbm", ".pnm"),
    media_type="image/x-portable-anymap",
    recognizes=lambda head: head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace(),
    open=partial(opened_by_pillow, PpmImagePlugin.PpmImageFile),
    tags=frozenset(),
)

"""GIF: read, but not written, for 256 colors are too few."""

from typing import BinaryIO

from photochrom.photo._metadata import Origin
from photochrom.photo._pixels import Picture
from photochrom.photo._vips import open_with
from photochrom.photo.formats._format import Format, Opened, further_pictures

__all__ = ["FORMAT"]


def _open(file: BinaryIO) -> Opened:
    image = open_with("gif", file)
    picture = Picture(
        image.width,
        image.height,
        "gray" if image.bands < 3 else "rgb",
        image.bands in (2, 4),
        image.rows,
    )
    pages = image.image.get("n-pages") if image.image.get_typeof("n-pages") else 1
    return Opened(picture, Origin(format="GIF"), left_out=further_pictures(pages))


FORMAT = Format(
    name="GIF",
    suffixes=(".gif",),
    media_type="image/gif",
    recognizes=lambda head: head.startswith(b"GIF8"),
    open=_open,
    tags=frozenset(),
)

"""GIF: read, but not written, for 256 colors are too few."""

from typing import BinaryIO

from photochrom.photo._metadata import Origin
from photochrom.photo._pixels import Channels, Picture
from photochrom.photo._vips import open_with
from photochrom.photo.formats._format import MANIFEST, Format, Opened, further_pictures

__all__ = ["FORMAT"]

_EXTENSION, _APPLICATION, _COMMENT = b"\x21", b"\xff", b"\xfe"
_LARGEST = 16 * 1024 * 1024


def _told(file: BinaryIO) -> Origin:
    """XMP, comments and a manifest that stand before the first picture; what is torn is left out."""
    xmp = b""
    lost: tuple[str, ...] = ()
    comments: list[bytes] = []
    file.seek(0)
    head = file.read(13)
    file.seek(3 * 2 ** ((head[10] & 7) + 1) if head[10:11] and head[10] & 0x80 else 0, 1)
    while file.read(1) == _EXTENSION:
        label, size = file.read(1), file.read(1)
        name = file.read(size[0]) if label == _APPLICATION and size else b""
        if name == b"XMP DataXMP":  # it stands as it is, and a long tail leads readers of blocks to the end
            xmp = file.read(_LARGEST).partition(b"\x01\xff\xfe")[0]
            break
        if name.startswith(b"C2PA_GIF"):
            lost = (MANIFEST,)
        parts: list[bytes] = [] if label == _APPLICATION or not size else [file.read(size[0])]
        while (length := file.read(1)) not in (b"", b"\x00"):
            parts.append(file.read(length[0]))
        if label == _COMMENT:
            comments.append(b"".join(parts))
    return Origin(format="GIF", xmp=xmp or None, comment=b"\n".join(comments), lost=lost)


def _open(file: BinaryIO) -> Opened:
    origin = _told(file)
    image = open_with("gif", file)
    channels: Channels = "gray" if image.bands < 3 else "rgb"
    picture = Picture(image.width, image.height, channels, image.bands in (2, 4), image.rows)
    pages = image.image.get("n-pages") if image.image.get_typeof("n-pages") else 1
    return Opened(picture, origin, left_out=further_pictures(pages))


FORMAT = Format(
    name="GIF",
    suffixes=(".gif",),
    media_type="image/gif",
    recognizes=lambda head: head.startswith(b"GIF8"),
    open=_open,
    tags=frozenset(),
)

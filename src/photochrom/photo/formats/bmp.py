"""BMP: pixels and a resolution."""

import struct
from typing import Any, BinaryIO

import numpy as np
from PIL import BmpImagePlugin

from photochrom.photo._metadata import Origin
from photochrom.photo._pillow import open_with_pillow, origin_of_image, picture_of
from photochrom.photo._salvage import Mended
from photochrom.photo.formats._format import Format, Opened

__all__ = ["FORMAT"]

_INCH_IN_METERS = 0.0254
_PLAIN, _MASKED = 0, 3
_PLAIN_HEADER, _V4_HEADER = 40, 108
_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
"""Lengths of the headers that there are."""

_DEPTHS = frozenset({1, 4, 8, 16, 24, 32})
"""Bits of a pixel that there are."""

_MASKS = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"sRGB"[::-1]


def _open(file: BinaryIO) -> Opened:
    image = open_with_pillow(BmpImagePlugin.BmpImageFile, file)
    return Opened(picture_of(image), origin_of_image(image))


def _encode(image: Any, origin: Origin) -> bytes:
    """Rows from the bottom to the top; opacity needs the masks of a longer header, or readers ignore it."""
    pixels = image.numpy()
    height, width, channels = pixels.shape
    stride = (width * channels + 3) // 4 * 4
    rows = np.zeros((height, stride), np.uint8)
    stored = rows[:, : width * channels].reshape(height, width, channels)
    stored[..., :3] = pixels[::-1, :, 2::-1]
    stored[..., 3:] = pixels[::-1, :, 3:]
    per_meter = [round(value / _INCH_IN_METERS) for value in origin.dpi or (0.0, 0.0)]
    size, compression = (_PLAIN_HEADER, _PLAIN) if channels == 3 else (_V4_HEADER, _MASKED)
    header = struct.pack(
        "<IiiHHIIiiII", size, width, height, 1, 8 * channels, compression, rows.nbytes, *per_meter, 0, 0
    )
    header += _MASKS.ljust(size - len(header), b"\x00") if channels == 4 else b""
    start = 14 + size
    return b"".join([b"BM", struct.pack("<IHHI", start + rows.nbytes, 0, 0, start), header, rows.data])


def _mend(content: bytes, most_pixels: int) -> Mended | None:
    """Rows usually lie in the file from the bottom to the top, so that the top is what is missing."""
    if len(content) < 54 or struct.unpack_from("<I", content, 14)[0] < _PLAIN_HEADER:
        return None
    start, _, width, height, _, bits, compression = struct.unpack_from("<IIiiHHI", content, 10)
    stride = (width * bits + 31) // 32 * 4
    if compression not in (_PLAIN, _MASKED) or bits not in _DEPTHS or not 0 < width * abs(height) <= most_pixels:
        return None
    missing = max(0, start + stride * abs(height) - len(content))
    rows = max(0, len(content) - start) // stride
    # Not each number stands for a color in a palette, but 0 does.
    blank = (b"\x80" if bits > 8 else b"\x00") * missing
    return Mended(content + blank, abs(height), min(rows, abs(height)), lacks_top=height > 0)


FORMAT = Format(
    name="BMP",
    suffixes=(".bmp", ".dib"),
    media_type="image/bmp",
    recognizes=lambda head: head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _HEADERS,
    open=_open,
    encode=_encode,
    tags=frozenset({"resolution"}),
    mend=_mend,
)

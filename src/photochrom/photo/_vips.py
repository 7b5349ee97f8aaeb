"""libvips, set up for photos of strangers: few loaders, one core, and nothing kept from one photo to the next."""

import io
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, BinaryIO

import numpy as np

from photochrom.errors import UnreadableError
from photochrom.photo._pixels import Levels, Pixels

FAIL_ON = "error"
"""How much harm in a file libvips takes without an error; one of `none`, `truncated`, `error`, `warning`."""

_LOADERS = ("Nsgif", "Png", "Tiff", "Webp")
_SAVERS = ("Jpeg", "Png", "Tiff", "Webp")
_FORMATS = {"uchar": np.uint8, "ushort": np.uint16, "short": np.int16, "uint": np.uint32, "int": np.int32}


@cache
def vips() -> Any:
    """The module `pyvips`, imported when the first photo needs it.

    Nothing but the loaders and savers of this package's formats can run, operations are not cached (a cached one
    would hold one caller's pixels while another's are read), and encoders use one thread unless `VIPS_CONCURRENCY`
    says otherwise, because each worker process has one core.
    """
    import pyvips

    logging.getLogger("pyvips").setLevel(logging.CRITICAL)  # not a word on torn tags or on fields that nobody knows
    pyvips.block_untrusted_set(True)
    pyvips.operation_block_set("VipsForeign", True)
    for names, kind in ((_LOADERS, "Load"), (_SAVERS, "Save")):
        for name in names:
            pyvips.operation_block_set(f"VipsForeign{kind}{name}", False)
    if "VIPS_CONCURRENCY" not in os.environ:
        pyvips.concurrency_set(1)
    for set_maximum in (pyvips.cache_set_max, pyvips.cache_set_max_mem, pyvips.cache_set_max_files):
        set_maximum(0)
    return pyvips


@dataclass(frozen=True, eq=False)
class Undecoded:
    """A picture whose header libvips has read, to be decoded row by row from the top.

    Attributes:
        image: Of libvips.
        source: What its bytes come from. It has to live as long as the picture: libvips itself does not keep Python
            from giving the memory of these bytes to another photo.
    """

    image: Any
    source: Any

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self.image.width)

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.image.height)

    @property
    def bands(self) -> int:
        """How many channels there are."""
        return int(self.image.bands)

    def rows(self, count: int) -> Iterator[Pixels]:
        """The pixels from top to bottom, without ever holding all of them.

        Yields:
            Shape (rows, width, channels), in the picture's own type.

        Raises:
            pyvips.Error: The pixels are broken.
            UnreadableError: They are floating-point numbers, or of 8 bits with a sign.
        """
        if self.image.format not in _FORMATS:
            raise UnreadableError("pixels that are fractions or have a sign; save the photo with 8 or 16 bits")
        region = vips().Region.new(self.image)
        for top in range(0, self.height, count):
            rows = min(count, self.height - top)
            pixels = np.frombuffer(region.fetch(0, top, self.width, rows), _FORMATS[self.image.format])
            yield pixels.reshape(rows, self.width, self.bands)


def open_with(loader: str, file: BinaryIO, **options: Any) -> Undecoded:
    """Read the header of a picture.

    Args:
        loader: `png`, `webp`, `gif` or `tiff`.
        file: Nothing else may move in it until the pixels have been read.
        **options: The loader's.

    Raises:
        pyvips.Error: The header is broken.
    """
    file.seek(0)
    # A file on the disk is read as decoding goes on; only what is in memory already is handed over as bytes.
    if isinstance(file, io.BytesIO):
        source = vips().Source.new_from_memory(file.getvalue())
    else:
        source = vips().Source.new_from_descriptor(file.fileno())
    load = getattr(vips().Image, f"{loader}load_source")
    return Undecoded(load(source, access="sequential", fail_on=FAIL_ON, **options), source)


def image_from(levels: Levels) -> Any:
    """An array as libvips sees it; it is not copied.

    Args:
        levels: Shape (height, width, channels), uint8 or uint16; one channel is gray, three are sRGB.
    """
    height, width, channels = levels.shape
    kind, names = ("uchar", ("b-w", "srgb")) if levels.dtype == np.uint8 else ("ushort", ("grey16", "rgb16"))
    image = vips().Image.new_from_memory(np.ascontiguousarray(levels).data, width, height, channels, kind)
    return image.copy(interpretation=names[channels > 2])


def encoded(image: Any, saver: str, **options: Any) -> bytes:
    """A picture as a file without any tags, which each format adds by itself.

    libvips would write EXIF anew, and so move a camera's own notes, which only the camera knows how to read then.

    Args:
        saver: `jpeg`, `png`, `webp` or `tiff`.
        **options: The saver's.
    """
    content: bytes = getattr(image, f"{saver}save_buffer")(keep="none", **options)
    return content

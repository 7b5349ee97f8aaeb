"""Raw files of cameras, developed by the optional package rawpy."""

import importlib
import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType
from typing import Any, BinaryIO

from photochrom.errors import PhotoError
from photochrom.photo._directories import EMPTY_BLOCK, short_field, with_fields
from photochrom.photo._metadata import ORIENTATION, UPRIGHT, Origin, described_by_exif
from photochrom.photo._pixels import Picture, Pixels, rows_from

RAW_REMEDY = "pip install 'photochrom[raw]' reads it, or export it as TIFF"
"""What helps where the package is not installed."""

RAW_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "fff", "iiq", "kdc", "mef", "mos", "mrw", "nef"),
        *("nrw", "orf", "pef", "raf", "raw", "rw2", "rwl", "sr2", "srf", "srw", "x3f"),
    )
)
"""Of files as cameras write them."""

_ORIENTATIONS = MappingProxyType({3: 3, 5: 8, 6: 6})
"""EXIF's orientations by LibRaw's numbers of how a picture is turned."""


def develops() -> bool:
    """Whether the package is installed."""
    return importlib.util.find_spec("rawpy") is not None


def open_raw(file: BinaryIO, origin: Origin) -> tuple[Picture, Origin]:
    """A raw file whose header has been read. It is developed, with the camera's white balance, when rows are asked for.

    Args:
        file: Is read from its beginning.

    Returns:
        The picture in sRGB of 16 bits, and the origin with its orientation.

    Raises:
        PhotoError: The package is not installed.
    """
    if not develops():
        raise PhotoError(f"camera raw is not read; {RAW_REMEDY}")
    file.seek(0)
    raw: Any = importlib.import_module("rawpy").imread(file)
    sizes = raw.sizes

    def rows(count: int) -> Iterator[Pixels]:
        return rows_from(raw.postprocess(use_camera_wb=True, output_bps=16, user_flip=0))(count)

    fields = {ORIENTATION: short_field(_ORIENTATIONS.get(sizes.flip, UPRIGHT))}
    exif = with_fields(origin.exif or EMPTY_BLOCK, fields)
    return Picture(sizes.width, sizes.height, "rgb", False, rows), described_by_exif(replace(origin, exif=b""), exif)

"""TIFF and BigTIFF: one directory of tags tells of pixels and photo alike."""

import io
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, TiffImagePlugin

from photochrom.errors import UnreadableError
from photochrom.photo._directories import (
    Directory,
    Field,
    bytes_field,
    directories_of,
    fraction_field,
    integers_of,
    long_field,
    read_directory,
    short_field,
    with_fields,
)
from photochrom.photo._metadata import (
    ORIENTATION,
    Origin,
    described_by_exif,
    dpi_of_tags,
    iptc_of_resources,
    kept_resources,
    rgb_profile,
)
from photochrom.photo._pillow import open_with_pillow, picture_of
from photochrom.photo._pixels import Channels, Picture, Pixels, rows_from
from photochrom.photo._tags import COMPRESSIONS, described_in, descriptive
from photochrom.photo._vips import encoded, open_with
from photochrom.photo.formats._format import Format, Opened

__all__ = ["FORMAT"]

_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 0x00FE, 0x0100, 0x0101, 0x0102, 0x0103, 0x0106
_SAMPLES, _PLANES, _EXTRA_SAMPLES, _TILE_OFFSETS, _TILE_LENGTHS = 0x0115, 0x011C, 0x0152, 0x0144, 0x0145
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
_XMP, _IPTC, _RESOURCES, _ICC = 0x02BC, 0x83BB, 0x8649, 0x8773
_UNKNOWN = frozenset({ORIENTATION, _X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT})
"""What libvips writes whether it was told or not."""

_PIXEL_TAGS = frozenset(
    {_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANES, _EXTRA_SAMPLES}
)

_SMALL_COPY, _MASK = 1, 4
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _YCBCR, _LABS = 0, 1, 6, frozenset({8, 9, 10})
_SEPARATE = 2
_UNSPECIFIED, _STRAIGHT = 0, 2
_INCHES = 2
_BYTES, _ANYTHING, _LONGS = 1, 7, 4

_JPEGS = frozenset({6, 7})
_OF_LIBVIPS = frozenset({1, 2, 3, 4, 5, *_JPEGS, 8, 32773, 32946})
_OF_PILLOW = frozenset({34925, 50000, 50001})
_OTHERS = MappingProxyType(
    {33003: "JPEG 2000", 33005: "JPEG 2000", 34712: "JPEG 2000", 34713: "Nikon's raw", 34887: "LERC", 50002: "JPEG XL"}
)
_WRITTEN = MappingProxyType({1: "none", COMPRESSIONS["lzw"]: "lzw", COMPRESSIONS["deflate"]: "deflate"})

_CHANNELS: Mapping[int, tuple[Channels, int]] = MappingProxyType(
    {_WHITE_IS_ZERO: ("gray", 1), _BLACK_IS_ZERO: ("gray", 1), 5: ("cmyk", 4)}
)
"""What the channels mean and how many these are, by TIFF's number; palettes and all others become RGB."""


class _Tiff(TiffImagePlugin.TiffImageFile):
    """Pillow's TIFF without its fixed limit of pixels; the limit that the user sets has been checked before."""

    def load_prepare(self) -> None:
        if self._im is None:
            self.im = Image.new(self.mode, self._tile_size).im
        super(TiffImagePlugin.TiffImageFile, self).load_prepare()


def _open(file: BinaryIO) -> Opened:
    pages = directories_of(file, 1000, _PIXEL_TAGS)
    tags = pages[0]
    kinds = [integers_of(page, _SUBFILE, 0)[0] for page in pages]
    refusal = ""
    if kinds[0] & _SMALL_COPY:
        refusal = "a camera's raw file; export it as JPEG or TIFF"
    elif any(not kind & (_SMALL_COPY | _MASK) for kind in kinds[1:]):
        refusal = "a file of several pages; save each page as a file of its own"
    origin, profile = _read_origin(file)
    return Opened(_read_picture(file, tags, profile), origin, refusal)


def _read_origin(file: BinaryIO) -> tuple[Origin, bytes | None]:
    """What the tags tell of the photo, and the color profile."""
    tags = read_directory(file, frozenset({0x935C, 0x0111, 0x0117, _TILE_OFFSETS, _TILE_LENGTHS}))
    blocks, profile = _bytes_of(tags, _RESOURCES), _bytes_of(tags, _ICC) or None
    compression = integers_of(tags, _COMPRESSION, 1)[0]
    compression = COMPRESSIONS["deflate"] if compression == 32946 else compression
    origin = Origin(
        format="TIFF",
        icc_profile=rgb_profile(profile),
        xmp=_bytes_of(tags, _XMP) or None,
        dpi=dpi_of_tags(tags),
        iptc=_captions(tags) or iptc_of_resources(blocks),
        resources=kept_resources(blocks),
        compression=compression if compression in _WRITTEN else COMPRESSIONS["lzw"],
    )
    return described_by_exif(origin, described_in(file)), profile


def _bytes_of(tags: Directory, tag: int) -> bytes:
    field = tags.get(tag)
    return field.data if isinstance(field, Field) else b""


def _captions(tags: Directory) -> bytes:
    """IPTC's records, which many programs declare as 32-bit numbers though they are bytes."""
    field = tags.get(_IPTC)
    if not isinstance(field, Field):
        return b""
    if field.kind == _LONGS and not field.data.startswith(b"\x1c"):
        return np.frombuffer(field.data, "<u4").byteswap().tobytes()
    return field.data


def _read_picture(file: BinaryIO, tags: Directory, profile: bytes | None) -> Picture:
    compression, photometric = integers_of(tags, _COMPRESSION, 1)[0], integers_of(tags, _PHOTOMETRIC, 1)[0]
    if compression not in _OF_LIBVIPS | _OF_PILLOW:
        name = _OTHERS.get(compression, "a rare kind")
        raise UnreadableError(f"a TIFF compressed by {name} ({compression}); save it without, or with LZW")
    is_rare = photometric in _LABS or (photometric == _YCBCR and compression not in _JPEGS)
    if is_rare or compression in _OF_PILLOW or 12 in integers_of(tags, _BITS):
        return picture_of(open_with_pillow(_Tiff, file))
    if integers_of(tags, _PLANES, 1)[0] == _SEPARATE and _TILE_OFFSETS in read_directory(file):
        return _picture_of_planes(file, tags, profile)
    image = open_with("tiff", file)
    return _picture(image.width, image.height, tags, profile, image.bands, image.rows)


def _picture(width: int, height: int, tags: Directory, profile: bytes | None, bands: int, rows: Any) -> Picture:
    """The picture without channels that have no meaning for it, such as a scanner's infrared."""
    channels, colors = _CHANNELS.get(integers_of(tags, _PHOTOMETRIC, 1)[0], ("rgb", 3))
    if bands < colors:
        raise UnreadableError("the pixels are of a rare kind; save the photo as a plain TIFF")
    has_alpha = bands > colors and integers_of(tags, _EXTRA_SAMPLES, _STRAIGHT)[0] != _UNSPECIFIED
    kept = colors + has_alpha

    def meaningful(count: int) -> Iterator[Pixels]:
        for strip in rows(count):
            yield strip[..., :kept]

    return Picture(width, height, channels, has_alpha, meaningful, profile)


def _picture_of_planes(file: BinaryIO, tags: Directory, profile: bytes | None) -> Picture:
    """A picture whose tiles lie plane by plane, which libvips reads only when each plane is a picture of its own."""
    width, height = integers_of(tags, _WIDTH, 0)[0], integers_of(tags, _HEIGHT, 0)[0]
    samples = integers_of(tags, _SAMPLES, 1)[0]

    def rows(count: int) -> Iterator[Pixels]:
        file.seek(0)
        content = file.read()
        planes = [_plane(content, tags, number, samples) for number in range(samples)]
        return rows_from(np.dstack(planes))(count)

    return _picture(width, height, tags, profile, samples, rows)


def _plane(content: bytes, tags: Directory, number: int, samples: int) -> Pixels:
    everything = read_directory(content)
    offsets, lengths = integers_of(everything, _TILE_OFFSETS), integers_of(everything, _TILE_LENGTHS)
    tiles = len(offsets) // samples
    own = slice(number * tiles, (number + 1) * tiles)
    is_inverted = number == 0 and integers_of(tags, _PHOTOMETRIC, 1)[0] == _WHITE_IS_ZERO
    fields: Directory = {
        _BITS: short_field(integers_of(tags, _BITS, 8)[0]),
        _PHOTOMETRIC: short_field(_WHITE_IS_ZERO if is_inverted else _BLACK_IS_ZERO),
        _SAMPLES: short_field(1),
        _PLANES: short_field(1),
        _TILE_OFFSETS: long_field(*offsets[own]),
        _TILE_LENGTHS: long_field(*lengths[own]),
    }
    image = open_with("tiff", io.BytesIO(with_fields(content, fields, frozenset({_EXTRA_SAMPLES}))))
    return np.concatenate(list(image.rows(1024)))[..., 0]


def _encode(image: Any, origin: Origin) -> bytes:
    content = encoded(image, "tiff", compression=_WRITTEN[origin.compression])
    fields = dict(descriptive(read_directory(origin.exif)))
    if origin.dpi is not None and _X_RESOLUTION not in fields:
        across, down = origin.dpi
        fields |= {_X_RESOLUTION: fraction_field(across), _Y_RESOLUTION: fraction_field(down)}
        fields[_RESOLUTION_UNIT] = short_field(_INCHES)
    told = {
        _ICC: (_ANYTHING, origin.icc_profile),
        _XMP: (_BYTES, origin.xmp),
        _IPTC: (_ANYTHING, origin.iptc),
        _RESOURCES: (_BYTES, origin.resources),
    }
    fields |= {tag: bytes_field(data, kind) for tag, (kind, data) in told.items() if data}
    if image.hasalpha():
        fields[_EXTRA_SAMPLES] = short_field(_STRAIGHT)
    return with_fields(content, fields, _UNKNOWN)


FORMAT = Format(
    name="TIFF",
    suffixes=(".tif", ".tiff"),
    media_type="image/tiff",
    recognizes=lambda head: head[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
    open=_open,
    encode=_encode,
    bits=16,
    can_turn=True,
)

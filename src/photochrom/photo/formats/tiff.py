"""TIFF and BigTIFF: one directory of tags tells of pixels and photo alike."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
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
    tags_in,
    with_fields,
    with_first_directory,
)
from photochrom.photo._metadata import (
    ORIENTATION,
    Origin,
    described_by_exif,
    dpi_of_tags,
    rgb_profile,
    told_by_resources,
)
from photochrom.photo._pillow import open_with_pillow, picture_of
from photochrom.photo._pixels import Channels, Picture, Pixels, rows_from
from photochrom.photo._raw import open_raw
from photochrom.photo._tags import COMPRESSIONS, LAYERS, described_in, descriptive
from photochrom.photo._vips import encoded, open_with
from photochrom.photo.formats._format import ALL_TAGS, MANIFEST, Format, Opened, further_pictures
from photochrom.photo.formats._strips import STRIPS, TILES, mend_tiff, places_of, require_what_is_promised

__all__ = ["FORMAT"]

_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 0x00FE, 0x0100, 0x0101, 0x0102, 0x0103, 0x0106
_SAMPLES, _PLANES, _EXTRA_SAMPLES = 0x0115, 0x011C, 0x0152
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
_XMP, _IPTC, _RESOURCES, _ICC, _MANIFEST = 0x02BC, 0x83BB, 0x8649, 0x8773, 0xCD41
_UNKNOWN = frozenset({ORIENTATION, _X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT})
"""What libvips writes whether it was told or not."""

_PIXEL_TAGS = frozenset(
    {_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANES, _EXTRA_SAMPLES}
)

_SMALL_COPY, _MASK = 1, 4
_SUBDIRECTORIES, _DNG_VERSION, _MOSAICS = 0x014A, 0xC612, frozenset({32803, 34892})
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _PALETTE, _YCBCR, _LABS = 0, 1, 3, 6, frozenset({8, 9, 10})
_SEPARATE = 2
_UNSPECIFIED, _MULTIPLIED, _STRAIGHT = 0, 1, 2
_GRAY_AND_OPACITY, _MOST_CHANNELS = 2, 8
_INCHES = 2
_BYTES, _ANYTHING, _LONGS = 1, 7, 4

_OLD_JPEG = 6
_JPEGS = frozenset({_OLD_JPEG, 7})
_OF_LIBVIPS = frozenset({1, 2, 3, 4, 5, *_JPEGS, 8, 32773, 32946, 50001})
_OF_PILLOW = MappingProxyType({34925: "LZMA", 50000: "Zstandard"})
_OTHERS = MappingProxyType(
    {33003: "JPEG 2000", 33005: "JPEG 2000", 34712: "JPEG 2000", 34713: "Nikon's raw", 34887: "LERC", 50002: "JPEG XL"}
)
_WRITTEN = MappingProxyType({1: "none", COMPRESSIONS["lzw"]: "lzw", COMPRESSIONS["deflate"]: "deflate"})

_CHANNELS: Mapping[int, tuple[Channels, int]] = MappingProxyType(
    {_WHITE_IS_ZERO: ("gray", 1), _BLACK_IS_ZERO: ("gray", 1), 5: ("cmyk", 4)}
)
"""What the channels mean and how many these are, by TIFF's number; palettes and all others become RGB."""

_PLAIN = frozenset({_WHITE_IS_ZERO, _BLACK_IS_ZERO, 2, 5})
"""TIFF's numbers of what each channel may be decoded by itself."""


class _Tiff(TiffImagePlugin.TiffImageFile):
    """Pillow's TIFF without its fixed limit of pixels; the limit that the user sets has been checked before."""

    def load_prepare(self) -> None:
        if self._im is None:
            self.im = Image.new(self.mode, self._tile_size).im
        super(TiffImagePlugin.TiffImageFile, self).load_prepare()


def _open(file: BinaryIO) -> Opened:
    pages = directories_of(file, 1000, _PIXEL_TAGS)
    kinds = [integers_of(page, _SUBFILE, 0)[0] for page in pages]
    if _is_raw(file):
        return Opened(*open_raw(file, described_by_exif(Origin(format="RAW"), described_in(file))))
    photos = [number for number, kind in enumerate(kinds) if not kind & (_SMALL_COPY | _MASK)] or [0]
    if photos[0] > 0:  # a small copy stands before the photo
        file.seek(0)
        file = io.BytesIO(with_first_directory(file.read(), photos[0]))
    origin, profile = _read_origin(file)
    picture = _read_picture(file, pages[photos[0]], profile)
    return Opened(picture, origin, left_out=further_pictures(len(photos)))


def _is_raw(file: BinaryIO) -> bool:
    """Whether this is a camera's raw file, by its first directory."""
    (first,), tags = directories_of(file, 1, _PIXEL_TAGS), tags_in(file)
    is_small = bool(integers_of(first, _SUBFILE, 0)[0] & _SMALL_COPY)
    is_mosaic = integers_of(first, _PHOTOMETRIC, 1)[0] in _MOSAICS
    return is_mosaic or (is_small and (_SUBDIRECTORIES in tags or _DNG_VERSION in tags))


def _read_origin(file: BinaryIO) -> tuple[Origin, bytes | None]:
    """What the tags tell of the photo, and the color profile."""
    tags = read_directory(file, frozenset({LAYERS, *STRIPS, *TILES}))
    present = tags_in(file)
    blocks, profile = _bytes_of(tags, _RESOURCES), _bytes_of(tags, _ICC) or None
    compression = integers_of(tags, _COMPRESSION, 1)[0]
    compression = COMPRESSIONS["deflate"] if compression == 32946 else compression
    origin = Origin(
        format="TIFF",
        icc_profile=rgb_profile(profile),
        xmp=_bytes_of(tags, _XMP) or None,
        dpi=dpi_of_tags(tags),
        iptc=_captions(tags),
        compression=compression if compression in _WRITTEN else COMPRESSIONS["lzw"],
    )
    held = {LAYERS: "Photoshop's layers", _MANIFEST: MANIFEST}
    origin = replace(origin, lost=tuple(text for tag, text in held.items() if tag in present))
    return described_by_exif(told_by_resources(origin, blocks), described_in(file)), profile


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
    is_ycbcr = photometric == _YCBCR
    if compression not in _OF_LIBVIPS | _OF_PILLOW.keys() or (compression == _OLD_JPEG and not is_ycbcr):
        name = _OTHERS.get(compression, "a rare kind")
        raise UnreadableError(f"a TIFF compressed by {name} ({compression}); save it without, or with LZW")
    if compression in _OF_PILLOW and integers_of(tags, _SAMPLES, 1)[0] > 1 and max(integers_of(tags, _BITS, 8)) > 8:
        raise UnreadableError(
            f"a TIFF of 16 bits in color compressed by {_OF_PILLOW[compression]}; save it without, or with LZW"
        )
    if is_ycbcr and compression == 1:
        raise UnreadableError("a TIFF of YCbCr without compression; save it as RGB")
    require_what_is_promised(file)
    is_rare = photometric in _LABS or (is_ycbcr and compression not in _JPEGS)
    if is_rare or compression in _OF_PILLOW or 12 in integers_of(tags, _BITS):
        return picture_of(open_with_pillow(_Tiff, file))
    # Planes of gray and opacity are mixed up by libvips, and planes in tiles are not read.
    if integers_of(tags, _PLANES, 1)[0] == _SEPARATE:
        everything = read_directory(file)
        if places_of(everything) == TILES or integers_of(tags, _SAMPLES, 1)[0] == _GRAY_AND_OPACITY:
            return _picture_of_planes(file, everything, profile)
    image = open_with("tiff", file, unlimited=True)  # how many pixels there are is checked by ourselves
    channels, has_alpha, kept = _channels(tags, image.bands)

    def rows(count: int) -> Iterator[Pixels]:
        return (strip[..., :kept] for strip in image.rows(count))

    return Picture(image.width, image.height, channels, has_alpha, rows, profile)


def _channels(tags: Directory, bands: int) -> tuple[Channels, bool, int]:
    """What the channels mean, whether opacity follows, and how many these are.

    Further channels have no meaning for the photo, such as a scanner's infrared.
    """
    photometric = integers_of(tags, _PHOTOMETRIC, 1)[0]
    channels, colors = _CHANNELS.get(photometric, ("rgb", 3))
    if photometric == _PALETTE and bands < colors:  # libvips makes gray of a palette without colors
        channels, colors = "gray", 1
    if not colors <= bands <= _MOST_CHANNELS:
        raise UnreadableError("the pixels are of a rare kind; save the photo as a plain TIFF")
    has_alpha = bands > colors and integers_of(tags, _EXTRA_SAMPLES, _STRAIGHT)[0] != _UNSPECIFIED
    return channels, has_alpha, colors + has_alpha


def _picture_of_planes(file: BinaryIO, tags: Directory, profile: bytes | None) -> Picture:
    """A picture whose planes libvips reads rightly only when each of them is a picture of its own."""
    if integers_of(tags, _PHOTOMETRIC, 1)[0] not in _PLAIN:
        raise UnreadableError("the pixels are of a rare kind; save the photo as a plain TIFF")
    samples = integers_of(tags, _SAMPLES, 1)[0]
    channels, has_alpha, kept = _channels(tags, samples)
    is_multiplied = has_alpha and integers_of(tags, _EXTRA_SAMPLES, _STRAIGHT)[0] == _MULTIPLIED

    def rows(count: int) -> Iterator[Pixels]:
        file.seek(0)
        content = file.read()
        pixels = np.dstack([_plane(content, tags, number, samples) for number in range(kept)])
        return (_straight(strip) if is_multiplied else strip for strip in rows_from(pixels)(count))

    width, height = integers_of(tags, _WIDTH, 0)[0], integers_of(tags, _HEIGHT, 0)[0]
    return Picture(width, height, channels, has_alpha, rows, profile)


def _straight(pixels: Pixels) -> Pixels:
    """Colors into which opacity was multiplied, as they were before."""
    highest = np.iinfo(pixels.dtype).max
    alpha = np.maximum(pixels[..., -1:], 1).astype(np.float64)
    colors = np.minimum(np.rint(pixels[..., :-1] * (highest / alpha)), highest)
    return np.concatenate([np.where(pixels[..., -1:] > 0, colors, 0).astype(pixels.dtype), pixels[..., -1:]], axis=-1)


def _plane(content: bytes, tags: Directory, number: int, samples: int) -> Pixels:
    """One channel; shape (height, width)."""
    places = places_of(tags)
    everything = [integers_of(tags, tag) for tag in places]
    count = len(everything[0]) // samples
    offsets, lengths = (numbers[number * count : (number + 1) * count] for numbers in everything)
    is_inverted = number == 0 and integers_of(tags, _PHOTOMETRIC, 1)[0] == _WHITE_IS_ZERO
    fields: Directory = {
        _BITS: short_field(integers_of(tags, _BITS, 8)[0]),
        _PHOTOMETRIC: short_field(_WHITE_IS_ZERO if is_inverted else _BLACK_IS_ZERO),
        _SAMPLES: short_field(1),
        _PLANES: short_field(1),
        places[0]: long_field(*offsets),
        places[1]: long_field(*lengths),
    }
    image = open_with("tiff", io.BytesIO(with_fields(content, fields, frozenset({_EXTRA_SAMPLES}))), unlimited=True)
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
    tags=ALL_TAGS - {"comment", "texts"},
    is_raw=_is_raw,
    mend=mend_tiff,
)

"""Broken and hostile files: whatever the bytes are, there is a photo or one clear line."""

import io
import struct
import zlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from photochrom.errors import PhotoError
from photochrom.photo import Photo, encode_photo, read_photo
from photochrom.photo._directories import short_field, text_field, with_fields

KINDS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "HEIF")
MAGIC = (
    b"\xff\xd8\xff\xe0",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF\x00\x01\x00\x00WEBP",
    b"II*\x00",
    b"MM\x00*",
    b"BM",
    b"GIF89a",
)
HEIF_HEAD = b"\x00\x00\x00\x18ftypheic"


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


SEEDS: list[bytes] = []
"""Small valid files of each format, with all that files tell."""


@pytest.fixture(scope="module", autouse=True)
def seeds(made: ModuleType) -> None:
    SEEDS[:] = small_files(made)


def small_files(made: ModuleType) -> list[bytes]:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 9, 4), dtype=np.uint8)
    rgba = Image.fromarray(np.repeat(np.repeat(pixels, 3, axis=0), 3, axis=1))
    rgb, deep = rgba.convert("RGB"), np.asarray(rgba).astype(np.uint16) * 257
    colors, levels, opacity = np.asarray(rgb), deep[..., :3], deep[..., 3]
    told = Image.Exif()
    told[0x0112], told[0x0131] = 6, "Scanner"
    told.get_ifd(0x8769)[0x9003] = "1931:05:06 07:08:09"
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    files = [
        encoded(rgb, "JPEG", exif=told, icc_profile=icc, xmp=b"<x/>", comment=b"c"),
        encoded(rgb, "JPEG", progressive=True),
        encoded(rgb.convert("L"), "JPEG"),
        encoded(rgb.convert("CMYK"), "JPEG", icc_profile=icc[:16] + b"CMYK" + icc[20:]),
        encoded(rgba, "PNG", exif=told, icc_profile=icc, dpi=(300, 300)),
        encoded(rgb.convert("P"), "PNG", transparency=3),
        encoded(rgb.convert("1"), "PNG"),
        encoded(rgba, "WEBP", exif=told, icc_profile=icc, lossless=True),
        encoded(rgb, "WEBP", exif=told, xmp=b"<x/>"),
        encoded(rgb, "TIFF", exif=told, icc_profile=icc),
        encoded(rgba, "TIFF", compression="tiff_lzw"),
        encoded(rgb.convert("P"), "TIFF", compression="tiff_adobe_deflate"),
        encoded(rgb.convert("1"), "TIFF", compression="group4"),
        encoded(rgb, "TIFF", compression="jpeg"),
        encoded(rgb, "BMP"),
        encoded(rgb.convert("P"), "BMP"),
        encoded(rgb, "GIF"),
        *(
            encode_photo(levels, Photo(levels[..., 0], alpha), kind)
            for kind in ("PNG", "TIFF")
            for alpha in (None, opacity)
        ),
        made.png(deep[..., :1]),
        *(made.tiff(deep[..., :3], planes=planes, tile=tile) for planes in (False, True) for tile in (0, 16)),
        made.tiff(deep[..., :1], big=True, order=">", tags={0x010E: (2, b"x" * 20)}),
        encoded(rgb, "AVIF", exif=told),
        with_fields(made.tiff(deep[..., :3], extra=None), {0x0112: short_field(5), 0x8769: {1: text_field(b"x")}}),
        encode_photo(colors, Photo(colors[..., 0], np.asarray(rgba)[..., 3]), "BMP"),
    ]
    try:
        import pillow_heif
    except ImportError:
        return files
    file = io.BytesIO()
    pillow_heif.from_pillow(rgb.resize((64, 64))).save(file, exif=told.tobytes())
    return [*files, file.getvalue()]


def flip_bits(data: bytearray, rng: np.random.Generator) -> None:
    for place in rng.integers(0, len(data), rng.integers(1, 8)):
        data[place] ^= 1 << int(rng.integers(8))


def flip_bits_of_the_head(data: bytearray, rng: np.random.Generator) -> None:
    for place in rng.integers(0, min(len(data), 64), rng.integers(1, 4)):
        data[place] ^= 1 << int(rng.integers(8))


def overwrite_numbers(data: bytearray, rng: np.random.Generator) -> None:
    """Sizes, counts and offsets become extreme."""
    for place in rng.integers(0, max(1, len(data) - 4), rng.integers(1, 4)):
        extreme = (
            b"\xff\xff\xff\xff",
            b"\x00\x00\x00\x00",
            b"\x7f\xff\xff\xff",
            b"\x00\x00\x00\x01",
            b"\x01\x00\x00\x00",
        )
        data[place : place + 4] = extreme[rng.integers(len(extreme))]


def truncate(data: bytearray, rng: np.random.Generator) -> None:
    del data[rng.integers(len(data)) :]


def cut_out(data: bytearray, rng: np.random.Generator) -> None:
    start = int(rng.integers(len(data)))
    del data[start : start + int(rng.integers(1, 200))]


def repeat_a_part(data: bytearray, rng: np.random.Generator) -> None:
    start = int(rng.integers(len(data)))
    data[start:start] = data[start : start + int(rng.integers(1, 200))]


def swap_parts(data: bytearray, rng: np.random.Generator) -> None:
    first, second, third = sorted(int(place) for place in rng.integers(0, len(data), 3))
    data[first:third] = data[second:third] + data[first:second]


def wrong_head(data: bytearray, rng: np.random.Generator) -> None:
    heads = (*MAGIC, HEIF_HEAD)
    head = heads[rng.integers(len(heads))]
    data[: len(head)] = head


def graft(data: bytearray, rng: np.random.Generator) -> None:
    """The beginning of one file, the end of another."""
    other = SEEDS[rng.integers(len(SEEDS))]
    data[int(rng.integers(len(data))) :] = other[int(rng.integers(len(other))) :]


MUTATIONS: tuple[Callable[[bytearray, np.random.Generator], None], ...] = (
    flip_bits,
    flip_bits_of_the_head,
    overwrite_numbers,
    truncate,
    cut_out,
    repeat_a_part,
    swap_parts,
    wrong_head,
    graft,
)


def mended_png(data: bytes) -> bytes:
    """The PNG with right check sums, or else nothing that is deeper in the file would ever be read."""
    whole, place = bytearray(data), 8
    while place + 12 <= len(whole):
        end = place + 8 + struct.unpack_from(">I", whole, place)[0]
        if end + 4 > len(whole):
            break
        struct.pack_into(">I", whole, end, zlib.crc32(whole[place + 4 : end]))
        place = end + 4
    return bytes(whole)


def mutant(number: int) -> bytes:
    rng = np.random.default_rng(number)
    data = bytearray(SEEDS[number % len(SEEDS)])
    for _ in range(rng.integers(1, 3)):
        if data:
            MUTATIONS[rng.integers(len(MUTATIONS))](data, rng)
    is_mended = data[:4] == b"\x89PNG" and rng.random() < 0.8
    return mended_png(bytes(data)) if is_mended else bytes(data)


def is_read_or_refused_in_one_line(data: bytes) -> bool:
    """Whether it is read; what is read is written and read again."""
    try:
        photo = read_photo(data, max_megapixels=1)
    except PhotoError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert len(refusal.splitlines()) == 1, repr(refusal)
        return False
    again = read_photo(encode_photo(np.repeat(photo.luma[..., None], 3, axis=2), photo))
    assert again.size == photo.size
    return True


def test_the_files_that_are_broken_below_are_whole() -> None:
    assert all(is_read_or_refused_in_one_line(data) for data in SEEDS)


def test_hundreds_of_broken_files_are_read_or_refused_in_one_line() -> None:
    read = sum(is_read_or_refused_in_one_line(mutant(number)) for number in range(400))
    assert 0 < read < 400


@pytest.mark.slow
def test_thousands_of_broken_files_are_read_or_refused_in_one_line() -> None:
    read = sum(is_read_or_refused_in_one_line(mutant(number)) for number in range(400, 2400))
    assert 0 < read < 2000


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.sampled_from((b"", *MAGIC, HEIF_HEAD)))
def test_any_bytes_are_refused_in_one_line(data: bytes, head: bytes) -> None:
    is_read_or_refused_in_one_line(head + data)


def png_of_size(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"".join(
        [MAGIC[1], chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"\x00" * 1000)), chunk(b"IEND", b"")]
    )


def jpeg_of_size(width: int, height: int) -> bytes:
    data = bytearray(encoded(Image.new("RGB", (8, 8)), "JPEG"))
    struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, height, width)
    return bytes(data)


def tiff_of_size(width: int, height: int) -> bytes:
    data = encoded(Image.new("RGB", (8, 8)), "TIFF")
    return with_fields(data, {0x100: short_field(width), 0x101: short_field(height)})


def bmp_of_size(width: int, height: int) -> bytes:
    data = bytearray(encoded(Image.new("RGB", (8, 8)), "BMP"))
    struct.pack_into("<ii", data, 18, width, height)
    return bytes(data)


def gif_of_size(width: int, height: int) -> bytes:
    data = bytearray(encoded(Image.new("L", (8, 8)), "GIF"))
    struct.pack_into("<HH", data, 6, width, height)
    struct.pack_into("<HH", data, data.index(b",\0\0\0\0") + 5, width, height)
    return bytes(data)


SIZED = {"JPEG": jpeg_of_size, "PNG": png_of_size, "TIFF": tiff_of_size, "BMP": bmp_of_size, "GIF": gif_of_size}


@pytest.mark.parametrize("kind", SIZED)
def test_a_header_that_promises_too_much_is_refused_before_anything_is_decoded(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(*_: object) -> None:
        pytest.fail("pixels were decoded")

    monkeypatch.setattr("photochrom.photo._photo.decode", decode)
    with pytest.raises(PhotoError, match=r"too large \(60000x50000 are 3000 megapixels, at most 200 are read\)"):
        read_photo(SIZED[kind](60000, 50000))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_a_header_that_promises_what_the_file_does_not_hold_is_refused(kind: str) -> None:
    with pytest.raises(PhotoError, match="broken photo"):
        read_photo(SIZED[kind](3000, 2000))


def test_fields_that_share_the_same_bytes_do_not_fill_the_memory() -> None:
    """65,535 fields of a megabyte each, in a file of two."""
    count, size = 65535, 1 << 20
    entries = b"".join(struct.pack("<HHII", tag, 7, size, 8) for tag in range(count))
    block = b"II*\x00" + struct.pack("<I", 8 + size) + b"\x00" * size + struct.pack("<H", count) + entries + b"\x00" * 4
    png = encoded(Image.new("L", (8, 8)), "PNG", exif=b"Exif\x00\x00" + block)
    assert is_read_or_refused_in_one_line(png)


def test_a_tiff_whose_pages_go_in_circles_ends() -> None:
    data = bytearray(encoded(Image.new("L", (8, 8)), "TIFF"))
    first = struct.unpack_from("<I", data, 4)[0]
    after = first + 2 + 12 * struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, after, first)
    is_read_or_refused_in_one_line(bytes(data))

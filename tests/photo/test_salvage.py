"""What is left of torn files is read, what is missing is blank and told, and `strict` refuses."""

import io
import struct
import tracemalloc
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from photochrom.errors import PhotoError, UnreadableError
from photochrom.photo import FORMATS, Photo, read_photo

HEIGHT, WIDTH = 320, 200


def ramps() -> npt.NDArray[np.uint8]:
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
    noise = np.random.default_rng(0).integers(0, 30, (HEIGHT, WIDTH))
    return (20 + down // 2 + across // 4 + noise).astype(np.uint8)  # above mid gray at the bottom


def saved(kind: str, mode: str = "L", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(ramps()).convert(mode).save(file, kind, **options)
    return file.getvalue()


WHOLE = {
    "jpeg": saved("JPEG", quality=92),
    "jpeg rgb": saved("JPEG", "RGB", quality=92),
    "jpeg cmyk": saved("JPEG", "CMYK", quality=92),
    "png": saved("PNG"),
    "png rgba": saved("PNG", "RGBA"),
    "tiff": saved("TIFF"),
    "tiff rgb": saved("TIFF", "RGB"),
    "bmp": saved("BMP", "RGB"),
}


def missing(photo: Photo) -> int:
    (remark,) = photo.remarks
    assert len(remark.splitlines()) == 1
    return int(remark.split("torn: ")[1].split(" of ")[0]) if "torn: " in remark else 0


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("share", [0.95, 0.6])
def test_the_rows_that_are_there_are_read_and_the_others_are_blank(kind: str, share: float) -> None:
    data = WHOLE[kind]
    whole, torn = read_photo(data), read_photo(data[: int(len(data) * share)])
    assert torn.size == whole.size
    count = missing(torn)
    assert (1 - share) * HEIGHT * 0.4 < count < (1 - share) * HEIGHT * 1.6 + 16
    rows = slice(count, None) if kind == "bmp" else slice(0, HEIGHT - count - 16)  # a JPEG ends within a block
    np.testing.assert_array_equal(torn.luma[rows], whole.luma[rows])
    blank = torn.luma[: count - 1] if kind == "bmp" else torn.luma[HEIGHT - count + 1 :]
    assert len(np.unique(blank)) <= 1


def test_a_torn_file_is_mended_where_any_size_is_read() -> None:
    assert missing(read_photo(WHOLE["png"][: len(WHOLE["png"]) * 3 // 4], float("inf"))) > 0


@pytest.mark.parametrize("kind", WHOLE)
def test_a_file_of_which_less_than_half_is_left_is_refused(kind: str) -> None:
    data = WHOLE[kind]
    with pytest.raises(UnreadableError, match=rf"only \d+ of {HEIGHT} rows can be read"):
        read_photo(data[: int(len(data) * 0.35)])


@pytest.mark.parametrize("kind", WHOLE)
def test_strict_refuses_what_is_torn(kind: str) -> None:
    with pytest.raises(UnreadableError, match="broken photo"):
        read_photo(WHOLE[kind][: int(len(WHOLE[kind]) * 0.95)], strict=True)


@pytest.mark.parametrize("kind", ["jpeg", "jpeg rgb"])
@pytest.mark.parametrize("end", [b"", b"\xff"])
def test_a_jpeg_without_its_end_is_whole(kind: str, end: bytes) -> None:
    photo = read_photo(WHOLE[kind][:-2] + end)
    assert photo.remarks == ("the file is torn, but all rows can be read",)
    np.testing.assert_array_equal(photo.luma, read_photo(WHOLE[kind]).luma)


def test_a_torn_progressive_jpeg_is_read_if_half_of_its_frequencies_have_begun() -> None:
    data = saved("JPEG", quality=92, progressive=True)
    photo = read_photo(data[: len(data) * 9 // 10])
    assert photo.remarks == ("the file is torn, but all rows can be read, if less sharply",)
    assert np.abs(photo.luma.astype(int) - ramps()).mean() < 12
    with pytest.raises(UnreadableError, match="broken photo"):
        read_photo(data[: data.index(b"\xff\xda") + 60])


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_a_png_with_wrong_checksums_or_without_its_end_is_whole() -> None:
    data = WHOLE["png"]
    pixels = data.index(b"IDAT") - 4
    torn_text = struct.pack(">I", 7) + b"tEXta\x00words" + bytes(4)
    text = chunk(b"tEXt", b"Title\x00Grandmother")
    wrong = bytearray(data)
    wrong[pixels + 8 + int.from_bytes(data[pixels : pixels + 4], "big")] ^= 1
    for torn in (
        data[:pixels] + torn_text + text + data[pixels:],
        data[:pixels] + text + data[pixels:-12],
        data[:pixels] + text + data[pixels:-5],
        bytes(wrong[:pixels]) + text + bytes(wrong[pixels:]),
    ):
        photo = read_photo(torn)
        np.testing.assert_array_equal(photo.luma, ramps())
        assert (b"tEXt", b"Title\x00Grandmother") in photo.origin.chunks


def test_a_torn_file_that_promises_too_much_is_not_unpacked() -> None:
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    with pytest.raises(PhotoError, match=r"broken photo|too large"):
        read_photo(
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", header)
            + struct.pack(">I", 99)
            + b"IDAT"
            + zlib.compress(bytes(10**6))
        )


@pytest.mark.parametrize(
    "data",
    [
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 0, 0, 0, 54, 40, 2000, 1000, 1, 2000, *[0] * 6),
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 2000, 1000, 200, 6, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(bytes(10**8))),
    ],
)
def test_pixels_of_more_bits_than_there_are_take_no_memory(data: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableError):
            read_photo(data)
        assert tracemalloc.get_traced_memory()[1] < 10**7
    finally:
        tracemalloc.stop()


def test_a_large_torn_png_is_mended_without_ever_holding_its_pixels() -> None:
    side = 6000
    rows = np.tile(np.arange(side, dtype=np.uint8), (side, 1))
    packed = zlib.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes())
    torn = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    torn += struct.pack(">I", len(packed)) + b"IDAT" + packed[: len(packed) * 3 // 4]
    mend = FORMATS["PNG"].mend
    assert mend is not None
    tracemalloc.start()
    try:
        mended = mend(torn, side * side)
        assert tracemalloc.get_traced_memory()[1] < side * side // 2
    finally:
        tracemalloc.stop()
    assert mended is not None
    assert mended.height == side
    assert mended.rows is not None
    assert side // 2 < mended.rows < side


def test_bytes_before_a_photo_are_passed_over() -> None:
    for leading in (b"\r\n", b"\xef\xbb\xbf"):
        np.testing.assert_array_equal(read_photo(leading + WHOLE["png"]).luma, ramps())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_what_is_there_of_a_torn_photo_is_known_however_it_lies(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(kind, exif=exif)
    photo = read_photo(data[: int(len(data) * 0.8)])
    assert photo.there is not None
    blank = np.ones(photo.luma.shape, bool)
    blank[photo.there] = False
    assert blank.sum() == missing(photo) * WIDTH
    assert len(np.unique(photo.luma[blank])) == 1
    assert photo.luma[photo.there].std() > 10


def test_what_is_there_of_a_torn_bmp_is_its_bottom() -> None:
    photo = read_photo(WHOLE["bmp"][: int(len(WHOLE["bmp"]) * 0.8)])
    assert photo.there is not None
    np.testing.assert_array_equal(photo.luma[photo.there], ramps()[missing(photo) :])


@pytest.mark.parametrize("kind", WHOLE)
def test_all_is_there_of_a_whole_photo(kind: str) -> None:
    assert read_photo(WHOLE[kind]).there is None

"""The contract that every format of the catalogue keeps, and that 16 bits give what 8 bits give."""

import io
import struct
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from photochrom.errors import TooLargeError, UnreadableError
from photochrom.photo import (
    FORMATS,
    SUFFIXES,
    WRITTEN_FORMATS,
    Origin,
    Photo,
    dropped_tags,
    encode_photo,
    format_of,
    read_photo,
    to_8_bits,
)
from photochrom.photo._directories import EMPTY_BLOCK, Field, read_directory, short_field, text_field, with_fields
from photochrom.photo._vips import vips
from photochrom.photo.formats import HEAD_BYTES

Levels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

ORIENTATION, DESCRIPTION = 0x0112, 0x010E
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>who</x:xmpmeta>"
IPTC = b"\x1c\x02\x78\x00\x03who"
RESOURCE = b"8BIM\x03\xed\x00\x00\x00\x00\x00\x02ok"
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture(autouse=True)
def needs_heif() -> None:
    pytest.importorskip("pillow_heif")


def ramps(height: int = 24, width: int = 40, bits: int = 8) -> Levels:
    """Luma without any symmetry."""
    down, across = np.mgrid[0:height, 0:width]
    levels = 40 + (down * 5 + across * 3) % 150
    return levels.astype(np.uint8) if bits == 8 else (levels * 257 + 99).astype(np.uint16)


def photo_with(**told: Any) -> Photo:
    fields: dict[int, Any] = {
        DESCRIPTION: text_field(b"Grandmother"),
        ORIENTATION: short_field(told.get("orientation", 1)),
    }
    return Photo(ramps(), origin=Origin(exif=with_fields(EMPTY_BLOCK, fields), **told))


def gray_rgb(luma: Levels) -> Levels:
    return np.repeat(luma[..., None], 3, axis=2)


def written(photo: Photo, name: str) -> Photo:
    """The photo after it was written in a format, in gray, and read again."""
    return read_photo(encode_photo(gray_rgb(photo.luma), photo, name))


def test_levels_of_eight_bits_need_no_rounding() -> None:
    eight = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(to_8_bits(eight), eight)
    np.testing.assert_array_equal(to_8_bits(eight.astype(np.uint16) * 257), eight)


# --- the contract -------------------------------------------------------------------------------------------------


def test_names_suffixes_and_media_types_are_each_of_one_format() -> None:
    suffixes = [suffix for one in FORMATS.values() for suffix in one.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in suffixes)
    assert len({one.media_type for one in FORMATS.values()}) == len(FORMATS)
    assert set(SUFFIXES) == set(WRITTEN_FORMATS)


@pytest.mark.parametrize("name", WRITTEN_FORMATS)
def test_a_format_recognizes_its_own_files_and_no_others(name: str) -> None:
    head = encode_photo(gray_rgb(ramps()), photo_with(), name)[:HEAD_BYTES]
    assert format_of(head).name == name
    assert [one.name for one in FORMATS.values() if one.recognizes(head)] == [name]


@pytest.mark.parametrize("name", WRITTEN_FORMATS)
@pytest.mark.parametrize(("height", "width"), [(24, 40), (1, 1), (3, 5), (131, 67)])
def test_any_size_comes_back(name: str, height: int, width: int) -> None:
    again = written(Photo(ramps(height, width)), name)
    assert again.size == (width, height)
    assert again.coloring == "gray"
    assert again.origin.format == name
    assert np.abs(again.luma.astype(int) - ramps(height, width)).mean() < 2


@pytest.mark.parametrize("name", WRITTEN_FORMATS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_comes_back_upright(name: str, orientation: int) -> None:
    again = written(photo_with(orientation=orientation), name)
    np.testing.assert_allclose(again.luma.astype(int), ramps(), atol=6)
    assert again.origin.orientation == (orientation if FORMATS[name].can_turn else 1)


@pytest.mark.parametrize("name", WRITTEN_FORMATS)
def test_a_format_carries_the_tags_that_it_says_and_the_others_are_told(name: str) -> None:
    told: dict[str, Any] = {"xmp": XMP, "iptc": IPTC, "icc_profile": ICC, "dpi": (300.0, 600.0)}
    photo = photo_with(**told, comment=b"attic", chunks=((b"tEXt", b"Title\x00Oma"),), resources=RESOURCE)
    origin = written(photo, name).origin
    description = read_directory(origin.exif).get(DESCRIPTION) if origin.exif else None
    carried = {
        "EXIF": isinstance(description, Field) and description.data == b"Grandmother\x00",
        "XMP": origin.xmp == XMP,
        "IPTC": origin.iptc == IPTC,
        "ICC": origin.icc_profile == ICC,
        "resolution": origin.dpi == pytest.approx((300, 600), abs=0.1),
        "comment": origin.comment == b"attic" or (b"tEXt", b"Comment\x00attic") in origin.chunks,
        "texts": (b"tEXt", b"Title\x00Oma") in origin.chunks,
        "Photoshop's resources": origin.resources == RESOURCE,
    }
    assert {tag for tag, is_carried in carried.items() if is_carried} == FORMATS[name].tags
    assert set(dropped_tags(photo, name)) == set(carried) - FORMATS[name].tags


@pytest.mark.parametrize("name", WRITTEN_FORMATS)
def test_opacity_comes_back_or_becomes_white(name: str) -> None:
    alpha = np.where(ramps() > 100, 255, 0).astype(np.uint8)
    again = written(Photo(ramps(), alpha), name)
    if FORMATS[name].has_alpha:
        assert again.alpha is not None
        assert np.abs(again.alpha.astype(int) - alpha).mean() < 3
    else:
        assert again.alpha is None
        assert again.luma[alpha == 0].mean() > 240


@pytest.mark.parametrize("name", WRITTEN_FORMATS)
@pytest.mark.parametrize("has_alpha", [False, True])
def test_16_bits_come_back_to_the_bit_or_rounded(name: str, has_alpha: bool) -> None:
    luma = ramps(bits=16)
    again = written(Photo(luma, luma[::-1].copy() if has_alpha and FORMATS[name].has_alpha else None), name)
    assert again.bits == FORMATS[name].bits
    if again.bits == 16:
        np.testing.assert_array_equal(again.luma, luma)
    else:
        assert np.abs(again.luma.astype(int) - to_8_bits(np.asarray(luma, np.uint16))).mean() < 3


@pytest.mark.parametrize("name", WRITTEN_FORMATS)
def test_a_cut_file_and_a_large_one_are_refused_by_type(name: str) -> None:
    data = encode_photo(gray_rgb(ramps(64, 64)), Photo(ramps(64, 64)), name)
    with pytest.raises(UnreadableError, match="broken photo"):
        read_photo(data[: len(data) * 2 // 3], strict=True)
    with pytest.raises(TooLargeError, match=r"too large \(64x64"):
        read_photo(data, max_megapixels=0.004)


# --- 16 bits give what 8 bits give --------------------------------------------------------------------------------


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    channels=st.integers(1, 4),
    extra=st.sampled_from([None, 0, 1, 2]),
    planes=st.booleans(),
    tile=st.sampled_from([0, 16, 32]),
    order=st.sampled_from("<>"),
    big=st.booleans(),
    white_is_zero=st.booleans(),
    is_gray=st.booleans(),
    orientation=st.integers(1, 8),
    seed=st.integers(0, 2**16),
)
def test_16_bits_reduced_are_what_8_bits_are_in_any_tiff(
    made: ModuleType,
    channels: int,
    extra: int | None,
    planes: bool,
    tile: int,
    order: str,
    big: bool,
    white_is_zero: bool,
    is_gray: bool,
    orientation: int,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    levels = rng.integers(0, 256, (20, 37, channels), dtype=np.uint8)
    if is_gray:
        levels[..., : channels - (channels in (2, 4))] = levels[..., :1]
    if channels in (2, 4) and extra == 1:  # no color is brighter than its opacity
        levels[..., :-1] = np.minimum(levels[..., :-1], levels[..., -1:])
    options = {"planes": planes, "tile": tile, "order": order, "big": big}
    options["extra"] = extra if channels in (2, 4) else None
    if channels < 3:
        options["photometric"] = 0 if white_is_zero and channels == 1 else 1
    options["tags"] = {ORIENTATION: (3, struct.pack(order + "H", orientation))}
    eight = read_photo(made.tiff(levels, **options))
    sixteen = read_photo(made.tiff(levels.astype(np.uint16) * 257, **options))
    same_in_8_and_16_bits(eight, sixteen)
    plain = read_photo(made.tiff(levels, **{**options, "planes": False, "tile": 0, "big": False}))
    shown = slice(None) if plain.alpha is None else plain.alpha > 0
    assert np.abs(plain.luma.astype(int) - eight.luma)[shown].max(initial=0) <= 1  # however it lies in the file


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bits_reduced_are_what_8_bits_are_in_a_png(made: ModuleType, channels: int) -> None:
    levels = np.random.default_rng(channels).integers(0, 256, (20, 37, channels), dtype=np.uint8)
    same_in_8_and_16_bits(read_photo(made.png(levels)), read_photo(made.png(levels.astype(np.uint16) * 257)))


def same_in_8_and_16_bits(eight: Photo, sixteen: Photo) -> None:
    assert (eight.bits, sixteen.bits) == (8, 16)
    assert eight.coloring == sixteen.coloring
    assert eight.origin == sixteen.origin
    seen = slice(None) if eight.alpha is None else eight.alpha > 0
    assert np.abs(to_8_bits(np.asarray(sixteen.luma, np.uint16)).astype(int) - eight.luma)[seen].max(initial=0) <= 1
    assert (eight.alpha is None) == (sixteen.alpha is None)
    if eight.alpha is not None and sixteen.alpha is not None:
        np.testing.assert_array_equal(to_8_bits(np.asarray(sixteen.alpha, np.uint16)), eight.alpha)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("tile", [0, 16])
def test_planes_are_put_together_rightly(made: ModuleType, bits: int, tile: int) -> None:
    levels = np.random.default_rng(5).integers(0, 2**bits, (40, 56, 3)).astype(np.uint8 if bits == 8 else np.uint16)
    photo = read_photo(made.tiff(levels, planes=True, tile=tile))
    expected = np.rint(levels.astype(np.float64) @ [0.299, 0.587, 0.114])
    assert np.abs(photo.luma - expected).max() <= 1


def test_a_channel_without_a_meaning_is_no_opacity(made: ModuleType) -> None:
    levels = np.random.default_rng(5).integers(0, 65536, (40, 56, 4), dtype=np.uint16)
    assert read_photo(made.tiff(levels, extra=0)).alpha is None
    assert read_photo(made.tiff(levels, extra=2)).alpha is not None


# --- tags, wherever they stand ------------------------------------------------------------------------------------


def description_of(origin: Origin) -> bytes:
    field = read_directory(origin.exif)[DESCRIPTION]
    assert isinstance(field, Field)
    return field.data


def block(orientation: int = 6) -> bytes:
    return with_fields(EMPTY_BLOCK, {DESCRIPTION: text_field(b"Grandmother"), ORIENTATION: short_field(orientation)})


def test_exif_after_the_pixels_of_a_png_is_read(made: ModuleType) -> None:
    origin = read_photo(made.png(ramps()[..., None], (b"eXIf", block()))).origin
    assert description_of(origin) == b"Grandmother\x00"
    assert origin.orientation == 6


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt"])
def test_exif_and_captions_in_texts_of_a_png_are_read_and_written_where_they_belong(
    made: ModuleType, kind: bytes
) -> None:
    import zlib

    def chunk(name: bytes, data: bytes) -> tuple[bytes, bytes]:
        digits = b"\n%s\n%8d\n%s\n" % (name, len(data), data.hex().encode())
        packed = digits if kind == b"tEXt" else b"\x00" + zlib.compress(digits)
        return kind, b"Raw profile type " + name + b"\x00" + packed

    resource = b"8BIM\x04\x04\x00\x00" + struct.pack(">I", len(IPTC)) + IPTC
    chunks = [chunk(b"exif", b"Exif\x00\x00" + block()), chunk(b"iptc", resource)]
    photo = read_photo(made.png(ramps()[..., None], *chunks))
    assert photo.origin.orientation == 6
    assert photo.origin.iptc == IPTC
    again = encode_photo(gray_rgb(photo.luma), photo)
    assert again.count(b"Raw profile type") == 1
    assert read_photo(again).origin.iptc == IPTC
    assert Image.open(io.BytesIO(again)).getexif()[ORIENTATION] == 6


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", [1, 4, 7])
def test_captions_of_a_tiff_are_kept_whatever_they_are_declared_as(made: ModuleType, order: str, kind: int) -> None:
    captions = IPTC + b"\x00" * (-len(IPTC) % 4)
    data = made.tiff(ramps()[..., None], order=order, tags={0x83BB: (kind, captions)})
    photo = read_photo(data)
    assert photo.origin.iptc == captions
    for name in ("JPEG", "TIFF", "PNG"):
        assert written(photo, name).origin.iptc == captions


def test_a_big_tiff_keeps_its_tags(made: ModuleType) -> None:
    photo = read_photo(made.tiff(ramps()[..., None], big=True, tags={DESCRIPTION: (2, b"Grandmother\x00")}))
    assert description_of(written(photo, "TIFF").origin) == b"Grandmother\x00"


def jpeg_with(*segments: tuple[int, bytes]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(ramps()).save(file, "JPEG")
    packed = (struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data for marker, data in segments)
    return b"\xff\xd8" + b"".join(packed) + file.getvalue()[2:]


def test_captions_in_many_segments_of_a_jpeg_are_one() -> None:
    long = b"".join(b"\x1c\x02\x78" + struct.pack(">H", 30000) + bytes([letter]) * 30000 for letter in b"abc")
    resource = b"8BIM\x04\x04\x00\x00" + struct.pack(">I", len(long)) + long + b"\x00" * (len(long) % 2)
    head = b"Photoshop 3.0\x00"
    parts = [(0xED, head + resource[start : start + 60000]) for start in range(0, len(resource), 60000)]
    photo = read_photo(jpeg_with(*parts))
    assert photo.origin.iptc == long
    assert written(photo, "JPEG").origin.iptc == long


def test_xmp_that_is_too_long_for_a_segment_is_kept_in_an_extension() -> None:
    start = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
    told = (
        b"<rdf:Description rdf:about='' xmlns:dc='d'><dc:title>" + b"long " * 30000 + b"</dc:title></rdf:Description>"
    )
    photo = photo_with(xmp=start + told + b"</rdf:RDF></x:xmpmeta>")
    jpeg = encode_photo(gray_rgb(photo.luma), photo, "JPEG")
    assert b"HasExtendedXMP" in jpeg
    again = read_photo(jpeg)
    assert again.origin.xmp is not None
    assert told in again.origin.xmp
    assert b"HasExtendedXMP" not in again.origin.xmp
    assert told in (written(again, "PNG").origin.xmp or b"")


@pytest.mark.parametrize(
    "form", [b'tiff:Orientation="6"', b"tiff:Orientation='6'", b"><tiff:Orientation>6</tiff:Orientation"]
)
@pytest.mark.parametrize("name", WRITTEN_FORMATS)
def test_orientation_in_xmp_is_that_of_the_written_pixels(form: bytes, name: str) -> None:
    xmp = b"<rdf:Description xmlns:tiff='t' " + form + b"/>"
    photo = replace(photo_with(orientation=8), origin=replace(photo_with(orientation=8).origin, xmp=xmp))
    told = written(photo, name).origin.xmp
    if "XMP" in FORMATS[name].tags:
        assert told == xmp.replace(b"6", b"8" if FORMATS[name].can_turn else b"1")


def test_the_gray_thumbnails_of_a_source_are_not_handed_on() -> None:
    file = io.BytesIO()
    Image.fromarray(ramps()).resize((16, 16)).save(file, "JPEG", quality=40)
    thumbnail = file.getvalue()
    directory = bytearray(block(1))
    start = len(directory) + 2 + 12 * 2 + 4
    after = (
        struct.pack("<H", 2)
        + struct.pack("<HHII", 0x201, 4, 1, start)
        + struct.pack("<HHII", 0x202, 4, 1, len(thumbnail))
        + bytes(4)
    )
    struct.pack_into("<I", directory, len(directory) - 4, len(directory))
    resource = b"8BIM\x04\x0c\x00\x00" + struct.pack(">I", len(thumbnail)) + thumbnail + b"\x00" * (len(thumbnail) % 2)
    segments = ((0xE1, b"Exif\x00\x00" + directory + after + thumbnail), (0xED, b"Photoshop 3.0\x00" + resource))
    source = jpeg_with(*segments)
    assert source.count(thumbnail) == 2
    photo = read_photo(source)
    assert description_of(photo.origin) == b"Grandmother\x00"
    for name in ("JPEG", "TIFF", "PNG"):
        assert thumbnail[20:120] not in encode_photo(gray_rgb(photo.luma), photo, name)


def test_layers_of_photoshop_are_not_handed_on(made: ModuleType) -> None:
    layers = b"Adobe Photoshop Document Data Block\x00" + ramps().tobytes()
    photo = read_photo(made.tiff(ramps()[..., None], tags={0x935C: (7, layers)}))
    assert b"Data Block" not in encode_photo(gray_rgb(photo.luma), photo)


def test_comments_that_are_longer_than_a_segment_stay() -> None:
    photo = read_photo(jpeg_with((0xFE, b"a" * 40_000), (0xFE, b"b" * 40_000)))
    again = written(photo, "JPEG").origin.comment
    assert again.replace(b"\n", b"") == b"a" * 40_000 + b"b" * 40_000


def test_a_resolution_that_makes_no_sense_is_left_out() -> None:
    photo = read_photo(jpeg_with((0xE0, b"JFIF\x00\x01\x01\x02\xff\xff\xff\xff\x00\x00")))
    assert photo.origin.dpi is None
    assert written(photo, "JPEG").size == photo.size


def test_what_follows_a_jpeg_is_not_handed_on() -> None:
    photo = read_photo(jpeg_with() + b"a video of the same" * 100)
    assert b"a video" not in encode_photo(gray_rgb(photo.luma), photo)


@pytest.mark.parametrize(("compression", "name"), [(34712, "JPEG 2000"), (50002, "JPEG XL"), (12345, "a rare kind")])
def test_a_compression_that_is_not_read_is_named(made: ModuleType, compression: int, name: str) -> None:
    data = with_fields(made.tiff(ramps()[..., None]), {0x0103: short_field(compression)})
    with pytest.raises(UnreadableError, match=rf"a TIFF compressed by {name} \({compression}\)"):
        read_photo(data)


# --- strangers' photos --------------------------------------------------------------------------------------------


def test_nothing_but_the_loaders_of_the_formats_can_run(tmp_path: Path) -> None:
    library = vips()
    for content in (b"<svg xmlns='http://www.w3.org/2000/svg' width='8' height='8'/>", b"1 1\n1\n"):
        path = tmp_path / "file"
        path.write_bytes(content)
        with pytest.raises(library.Error):
            library.Image.new_from_file(str(path)).avg()
    assert library.concurrency_get() == 1

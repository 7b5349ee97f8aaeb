"""Each format and mode in, and the same file out."""

import io
import struct
import sys
import warnings
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps

from photochrom.errors import PhotoError
from photochrom.photo import (
    SOFTWARE,
    WRITTEN_FORMATS,
    Origin,
    Photo,
    encode_photo,
    photo_from_image,
    read_photo,
    write_photo,
)
from photochrom.photo._directories import (
    EMPTY_BLOCK,
    Field,
    bytes_field,
    long_field,
    read_directory,
    short_field,
    text_field,
    with_fields,
)
from photochrom.photo._pillow import origin_of_image
from photochrom.photo.formats.png import with_chunks

Levels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

ORIENTATION, SOFTWARE_TAG, DESCRIPTION, EXIF_IFD, DATE, MAKER_NOTE = 0x0112, 0x0131, 0x010E, 0x8769, 0x9003, 0x927C
LOSSLESS = {"PNG": {}, "TIFF": {}, "BMP": {}, "WEBP": {"lossless": True}}
EXIF_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF")
HEIGHT, WIDTH = 40, 56


@pytest.fixture(autouse=True)
def quiet_heif() -> None:
    """Files of HEIC are made with it, by name, so that Pillow itself does not learn the format."""
    pytest.importorskip("pillow_heif")


def drawn() -> npt.NDArray[np.uint8]:
    """Blobs of color whose shape has no symmetry."""
    coarse = np.random.default_rng(4).integers(30, 226, (5, 7, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))


def picture(mode: str = "RGB") -> Image.Image:
    image = Image.fromarray(drawn())
    if mode in ("LA", "RGBA"):
        image.putalpha(Image.linear_gradient("L").resize((WIDTH, HEIGHT)))
    return image.convert(mode)


def content(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.from_pillow(image).save(file, quality=95, **options)
    else:
        image.save(file, kind, **options)
    return file.getvalue()


def saved_by_vips(levels: Levels, suffix: str) -> bytes:
    """A file of gray, RGB or RGBA in 8 or 16 bits."""
    channels = 1 if levels.ndim == 2 else levels.shape[2]
    names = {(1, 1): "b-w", (1, 2): "grey16", (3, 1): "srgb", (3, 2): "rgb16"}
    image = pyvips.Image.new_from_array(levels)
    image = image.copy(interpretation=names[min(channels, 3), levels.dtype.itemsize])
    saved: bytes = image.write_to_buffer(suffix)
    return saved


def read_by_vips(data: bytes) -> Any:
    return pyvips.Image.new_from_buffer(data, "").numpy()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def exif(orientation: int = 1, software: str | None = None) -> Image.Exif:
    made = Image.Exif()
    made[ORIENTATION] = orientation
    made[DESCRIPTION] = "Grandmother, 1931"
    if software:
        made[SOFTWARE_TAG] = software
    made.get_ifd(EXIF_IFD)[DATE] = "1931:05:06 07:08:09"
    return made


@cache  # LittleCMS writes the time into it, so that two of them may differ
def rgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def profile_for(space: bytes) -> bytes:
    """A profile whose header tells another space of colors."""
    profile = rgb_profile()
    return profile[:16] + space + profile[20:]


def colored(photo: Photo) -> Levels:
    """Colors of which each pixel differs from its neighbors, and whose luma is about the photo's."""
    shifts = np.array([12, -8, 6]) * (257 if photo.bits == 16 else 1)
    highest = np.iinfo(photo.luma.dtype).max
    return np.clip(photo.luma[..., None].astype(np.int64) + shifts, 0, highest).astype(photo.luma.dtype)


def refusal(source: Path | bytes, **options: Any) -> str:
    with pytest.raises(PhotoError) as caught:
        read_photo(source, **options)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def png_chunk_kinds(data: bytes) -> list[bytes]:
    kinds, place = [], 8
    while place < len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        kinds.append(kind)
        place += 12 + length
    return kinds


# Reading


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_luma_is_what_pillow_gives(kind: str, mode: str) -> None:
    image = picture(mode)
    photo = read_photo(content(image, kind))
    np.testing.assert_array_equal(photo.luma, np.asarray(image.convert("RGB").convert("L")))
    assert photo.alpha is None
    assert photo.size == (WIDTH, HEIGHT)
    assert photo.bits == 8
    assert photo.origin.format == kind


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "HEIF"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_luma_of_lossy_formats_is_close(kind: str, mode: str) -> None:
    image = picture(mode)
    photo = read_photo(content(image, kind))
    assert photo.origin.format == kind
    assert np.abs(photo.luma.astype(int) - np.asarray(image.convert("L"))).mean() < 3


def test_luma_of_a_jpeg_is_what_pillow_gives_but_for_rounding() -> None:
    data = content(picture(), "JPEG", quality=90)
    np.testing.assert_allclose(read_photo(data).luma.astype(int), np.asarray(opened(data).convert("L")), atol=2)


@pytest.mark.parametrize("options", [{"compression": name} for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits")])
def test_compressed_tiffs_are_read(options: dict[str, str]) -> None:
    np.testing.assert_array_equal(
        read_photo(content(picture(), "TIFF", **options)).luma, np.asarray(picture().convert("L"))
    )


def test_color_and_gray_are_told() -> None:
    assert read_photo(content(picture(), "PNG")).coloring == "color"
    assert read_photo(content(picture(), "JPEG")).coloring == "color"
    assert read_photo(content(picture("L").convert("RGB"), "JPEG")).coloring == "gray"
    assert read_photo(content(picture("L"), "TIFF")).coloring == "gray"
    assert read_photo(content(picture("LA"), "PNG")).coloring == "gray"


@pytest.mark.parametrize("kind", EXIF_FORMATS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_is_upright_and_written_turned(kind: str, orientation: int) -> None:
    data = content(picture("L"), kind, exif=exif(orientation), **LOSSLESS.get(kind, {"quality": 95}))
    photo = read_photo(data)
    upright = ImageOps.exif_transpose(opened(data)).convert("L")
    np.testing.assert_allclose(photo.luma.astype(int), np.asarray(upright), atol=1)
    written = encode_photo(colored(photo), photo)
    np.testing.assert_allclose(read_photo(written).luma.astype(int), photo.luma, atol=6)
    if kind == "TIFF":  # Pillow would turn it while loading
        stored = read_directory(written)
        sides = [int.from_bytes(stored[tag].data[:2], "little") for tag in (0x0100, 0x0101, ORIENTATION)]
        assert sides == [WIDTH, HEIGHT, orientation]
    else:
        assert opened(written).size == (WIDTH, HEIGHT)
        assert opened(written).getexif()[ORIENTATION] == orientation


def test_cmyk_becomes_rgb() -> None:
    image = picture().convert("CMYK")
    data = content(image, "JPEG", icc_profile=profile_for(b"CMYK"))
    photo = read_photo(data)  # the profile is broken, so that Pillow's own way is taken
    np.testing.assert_allclose(photo.luma.astype(int), np.asarray(opened(data).convert("RGB").convert("L")), atol=1)
    written = opened(encode_photo(colored(photo), photo))
    assert written.mode == "RGB"
    assert "icc_profile" not in written.info


@pytest.mark.parametrize("mode", ["CMYK", "LAB", "YCbCr", "HSV", "RGBX", "PA", "La", "RGBa"])
def test_pictures_of_rare_modes_are_taken(mode: str) -> None:
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(picture(), srgb, lab, outputMode="LAB")
    elif mode in ("La", "RGBa"):
        image = picture("LA" if mode == "La" else "RGBA").convert(mode)
    else:
        image = picture("P").convert("PA") if mode == "PA" else picture().convert(mode)
    assert image is not None
    photo = photo_from_image(image)
    expected = np.asarray(picture().convert("L")).astype(int)
    shown = slice(None) if photo.alpha is None else photo.alpha > 64  # little is left of what is hardly to be seen
    limit = 12 if mode == "PA" else 3
    assert np.abs(photo.luma.astype(int) - expected)[shown].mean() < limit


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "HEIF"])
def test_transparency_stays(kind: str) -> None:
    image = picture("RGBA")
    photo = read_photo(content(image, kind, **LOSSLESS.get(kind, {})))
    assert photo.alpha is not None
    np.testing.assert_allclose(photo.alpha.astype(int), np.asarray(image)[..., 3], atol=1)
    again = read_photo(encode_photo(colored(photo), photo))
    assert again.alpha is not None
    np.testing.assert_allclose(again.alpha.astype(int), photo.alpha, atol=1)


def test_transparency_of_a_bmp_stays() -> None:
    photo = read_photo(content(picture("RGBA"), "PNG"))
    bmp = encode_photo(colored(photo), photo, "BMP")
    np.testing.assert_array_equal(np.asarray(opened(bmp)), np.dstack([colored(photo), photo.alpha]))
    again = read_photo(bmp)
    np.testing.assert_array_equal(again.alpha, photo.alpha)
    np.testing.assert_array_equal(read_photo(encode_photo(colored(again), again)).alpha, photo.alpha)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_one_transparent_color_becomes_opacity(mode: str) -> None:
    image = picture(mode)
    pixel: Any = image.getpixel((0, 0))
    photo = read_photo(content(image, "PNG", transparency=pixel))
    assert photo.alpha is not None
    assert set(np.unique(photo.alpha)) == {0, 255}
    np.testing.assert_array_equal(photo.luma, np.asarray(image.convert("RGB").convert("L")))


def test_full_opacity_is_none() -> None:
    image = picture()
    image.putalpha(255)
    assert read_photo(content(image, "PNG")).alpha is None


def test_a_format_without_transparency_gets_a_white_ground() -> None:
    luma = np.zeros((16, 16), np.uint8)
    photo = Photo(luma, alpha=np.zeros((16, 16), np.uint8))
    assert np.asarray(opened(encode_photo(np.zeros((16, 16, 3), np.uint8), photo, "JPEG"))).min() >= 254


# 16 bits


def deep(channels: int) -> npt.NDArray[np.uint16]:
    levels = np.random.default_rng(channels).integers(0, 65536, (HEIGHT, WIDTH, channels), dtype=np.uint16)
    return levels[..., 0] if channels == 1 else levels


def exact_luma(rgb: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    return np.floor(rgb[..., :3].astype(np.float64) @ [299, 587, 114] / 1000 + 0.5).astype(np.uint16)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_gray_of_16_bits_is_exact(suffix: str) -> None:
    photo = read_photo(saved_by_vips(deep(1), suffix))
    assert photo.bits == 16
    assert photo.coloring == "gray"
    np.testing.assert_array_equal(photo.luma, deep(1))


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [3, 4])
def test_color_of_16_bits_is_exact_and_written_exactly(suffix: str, channels: int) -> None:
    photo = read_photo(saved_by_vips(deep(channels), suffix))
    np.testing.assert_array_equal(photo.luma, exact_luma(deep(channels)))
    rgb = deep(3)[..., ::-1].copy()
    written = read_by_vips(encode_photo(rgb, photo))
    assert written.dtype == np.uint16
    np.testing.assert_array_equal(written[..., :3], rgb)
    if channels == 4:
        np.testing.assert_array_equal(photo.alpha, deep(4)[..., 3])
        np.testing.assert_array_equal(written[..., 3], deep(4)[..., 3])


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_turned_tiff_of_16_bits_is_upright(orientation: int) -> None:
    tiff = saved_by_vips(deep(3), ".tiff")
    photo = read_photo(with_fields(tiff, {ORIENTATION: short_field(orientation)}))
    turned = np.rot90(exact_luma(deep(3)), {1: 0, 3: 2, 6: -1}[orientation])
    np.testing.assert_array_equal(photo.luma, turned)
    again = read_photo(encode_photo(np.repeat(photo.luma[..., None], 3, axis=2), photo))
    np.testing.assert_array_equal(again.luma, turned)


@pytest.mark.parametrize(("mark", "is_inverted"), [("<", False), ("<", True), (">", False)])
def test_gray_tiffs_of_16_bits_of_any_byte_order_and_polarity_are_read(mark: str, is_inverted: bool) -> None:
    levels = deep(1)
    pixels = (65535 - levels if is_inverted else levels).astype(f"{mark}u2").tobytes()
    tags = {0x100: WIDTH, 0x101: HEIGHT, 0x102: 16, 0x103: 1, 0x106: 0 if is_inverted else 1, 0x115: 1, 0x116: HEIGHT}
    tags |= {0x111: 8, 0x117: len(pixels)}
    head = (b"II*\x00" if mark == "<" else b"MM\x00*") + struct.pack(mark + "I", 8 + len(pixels))
    entries = b"".join(struct.pack(mark + "HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    data = head + pixels + struct.pack(mark + "H", len(tags)) + entries + b"\x00" * 4
    np.testing.assert_array_equal(read_photo(data).luma, levels)


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I"])
def test_pictures_of_16_bits_keep_their_levels(mode: str) -> None:
    levels = deep(1)
    order = {"I;16": "<u2", "I;16B": ">u2", "I": "<i4"}[mode]
    image = Image.frombytes(mode, (WIDTH, HEIGHT), levels.astype(order).tobytes())
    np.testing.assert_array_equal(photo_from_image(image).luma, levels)


def test_one_transparent_level_of_16_bits_becomes_opacity() -> None:
    levels = deep(1)
    png = with_chunks(saved_by_vips(levels, ".png"), [(b"tRNS", struct.pack(">H", int(levels[2, 3])))])
    photo = read_photo(png)
    assert photo.alpha is not None
    np.testing.assert_array_equal(photo.alpha == 0, levels == levels[2, 3])


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "BMP", "HEIF"])
def test_formats_of_8_bits_get_16_bits_rounded(kind: str) -> None:
    photo = photo_from_image(Image.fromarray(np.full((16, 16), 40000, np.uint16)))
    written = read_photo(encode_photo(np.full((16, 16, 3), 40000, np.uint16), photo, kind))
    assert written.bits == 8
    assert np.abs(written.luma.astype(int) - round(40000 / 257)).max() <= 1


# What the file tells


@pytest.mark.parametrize("kind", EXIF_FORMATS)
def test_exif_stays_and_software_also_names_photochrom(kind: str) -> None:
    photo = read_photo(content(picture(), kind, exif=exif(software="Scanner 2.0")))
    told = opened(encode_photo(colored(photo), photo)).getexif()
    assert told[DESCRIPTION] == "Grandmother, 1931"
    assert told[SOFTWARE_TAG] == f"Scanner 2.0; {SOFTWARE.decode()}"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_directories_within_exif_stay(kind: str) -> None:
    photo = read_photo(content(picture(), kind, exif=exif()))
    told = opened(encode_photo(colored(photo), photo)).getexif()
    assert told.get_ifd(EXIF_IFD)[DATE] == "1931:05:06 07:08:09"


def test_directories_within_a_tiff_stay() -> None:
    date = {DATE: text_field(b"1931:05:06 07:08:09")}
    photo = read_photo(with_fields(content(picture(), "TIFF"), {EXIF_IFD: date}))
    for kind in ("TIFF", "JPEG", "PNG"):
        told = opened(encode_photo(colored(photo), photo, kind)).getexif()
        assert told.get_ifd(EXIF_IFD)[DATE] == "1931:05:06 07:08:09"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF"])
def test_a_file_without_exif_gets_the_software_alone(kind: str) -> None:
    photo = read_photo(content(picture(), kind))
    again = read_photo(encode_photo(colored(photo), photo))
    told = read_directory(again.origin.exif)
    assert isinstance(told[SOFTWARE_TAG], Field)
    assert told[SOFTWARE_TAG].data == SOFTWARE + b"\x00"
    assert ORIENTATION not in told or kind == "HEIF"


def test_photochrom_is_named_once() -> None:
    photo = read_photo(content(picture(), "PNG"))
    again = read_photo(encode_photo(colored(photo), photo))
    twice = opened(encode_photo(colored(again), again)).getexif()
    assert twice[SOFTWARE_TAG] == SOFTWARE.decode()


@pytest.mark.parametrize("order", [b"II", b"MM"])
def test_a_camera_s_own_notes_keep_their_place(order: bytes) -> None:
    """Offsets within them count from the beginning of the block."""
    made = exif()
    made.get_ifd(EXIF_IFD)[MAKER_NOTE] = b"notes of a camera"
    made.endian = "<" if order == b"II" else ">"
    block = made.tobytes().removeprefix(b"Exif\x00\x00")
    assert block[:2] == order
    photo = read_photo(content(picture(), "JPEG", exif=b"Exif\x00\x00" + block))
    written = opened(encode_photo(colored(photo), photo)).info["exif"].removeprefix(b"Exif\x00\x00")
    assert written.index(b"notes of a camera") == block.index(b"notes of a camera")


def test_exif_too_long_for_a_jpeg_gives_way_but_not_the_orientation() -> None:
    made = exif(6)
    made[DESCRIPTION] = "x" * 65400
    photo = read_photo(content(picture(), "PNG", exif=made))
    told = opened(encode_photo(colored(photo), photo, "JPEG")).getexif()
    assert told[ORIENTATION] == 6
    assert told[SOFTWARE_TAG] == SOFTWARE.decode()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF"])
def test_an_rgb_profile_stays_and_a_gray_one_goes(kind: str) -> None:
    photo = read_photo(content(picture(), kind, icc_profile=rgb_profile()))
    assert opened_by_us(encode_photo(colored(photo), photo)).icc_profile == rgb_profile()
    photo = read_photo(content(picture("L"), kind, icc_profile=profile_for(b"GRAY")))
    assert opened_by_us(encode_photo(colored(photo), photo)).icc_profile is None


def opened_by_us(data: bytes) -> Origin:
    return read_photo(data).origin


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP"])
def test_resolution_stays(kind: str) -> None:
    photo = read_photo(content(picture(), kind, dpi=(300, 600)))
    assert opened(encode_photo(colored(photo), photo)).info["dpi"] == pytest.approx((300, 600), abs=0.1)


def test_xmp_stays_in_each_format() -> None:
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>who</x:xmpmeta>"
    photo = read_photo(content(picture(), "JPEG", xmp=xmp))
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "HEIF"):
        again = read_photo(encode_photo(colored(photo), photo, kind))
        assert again.origin.xmp == xmp
        assert read_photo(encode_photo(colored(again), again)).origin.xmp == xmp


def test_texts_and_gamma_of_a_png_stay_once() -> None:
    chunks = [
        (b"gAMA", struct.pack(">I", 45455)),
        (b"tEXt", b"Title\x00Grandmother"),
        (b"tIME", b"\x07\x8b\5\6\7\x08\x09"),
        (b"pHYs", struct.pack(">IIB", 11811, 11811, 1)),
    ]
    photo = read_photo(with_chunks(content(picture(), "PNG"), chunks))
    kinds = png_chunk_kinds(encode_photo(colored(photo), photo))
    for kind in (b"gAMA", b"tEXt", b"tIME", b"pHYs", b"eXIf"):
        assert kinds.count(kind) == 1


def test_captions_and_comment_of_a_jpeg_stay() -> None:
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00\x00\x00\x00\x08\x1c\x02\x78\x00\x03who"
    segment = b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc
    photo = read_photo(content(picture(), "JPEG", comment=b"found in the attic", extra=segment))
    written = opened(encode_photo(colored(photo), photo))
    assert written.info["comment"] == b"found in the attic"
    assert ("APP13", iptc) in written.applist


@pytest.mark.parametrize("quality", [30, 75, 99])
def test_a_jpeg_is_written_no_worse_than_it_was_and_without_shrunk_colors(quality: int) -> None:
    source = content(picture(), "JPEG", quality=quality)
    photo = read_photo(source)
    written = opened(encode_photo(colored(photo), photo))
    for index, table in written.quantization.items():
        assert np.all(np.array(table) <= np.array(opened(source).quantization[index]))
    assert written.layer == [(1, 1, 1, 0), (2, 1, 1, 1), (3, 1, 1, 1)]


@pytest.mark.parametrize("name", ["raw", "tiff_lzw", "tiff_adobe_deflate"])
def test_a_tiff_keeps_its_compression(name: str) -> None:
    photo = read_photo(content(picture(), "TIFF", compression=name))
    assert opened(encode_photo(colored(photo), photo)).info["compression"] == name


@pytest.mark.parametrize("is_lossless", [False, True])
def test_a_webp_stays_lossless_or_lossy(is_lossless: bool) -> None:
    photo = read_photo(content(picture(), "WEBP", lossless=is_lossless, icc_profile=rgb_profile()))
    assert photo.origin.lossless is is_lossless
    written = np.asarray(opened(encode_photo(colored(photo), photo)))
    assert np.array_equal(written, colored(photo)) is is_lossless


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.integers(1, 0xFFFE), st.binary(max_size=40), max_size=12),
    st.dictionaries(st.integers(1, 0xFFFE), st.integers(0, 65535), max_size=8),
)
def test_fields_that_are_added_to_a_block_are_read_again(texts: dict[int, bytes], numbers: dict[int, int]) -> None:
    pointers = {0x8769, 0x8825, 0xA005}
    first = {tag: text_field(text) for tag, text in texts.items() if tag not in pointers}
    second = {tag: short_field(number) for tag, number in numbers.items() if tag not in pointers}
    for start in (EMPTY_BLOCK, b"MM\x00*\x00\x00\x00\x08" + b"\x00" * 6):
        block = with_fields(with_fields(start, first), {**second, EXIF_IFD: first})
        assert read_directory(block) == {**first, **second, EXIF_IFD: first}


# Formats and names


@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "HEIF"])
@pytest.mark.parametrize("target", WRITTEN_FORMATS)
def test_each_format_can_be_written_as_each_other_one(source: str, target: str) -> None:
    options = {"exif": exif(8)} if source in EXIF_FORMATS else {}
    photo = read_photo(content(picture(), source, **options))
    again = read_photo(encode_photo(colored(photo), photo, target))
    assert again.origin.format == target
    assert again.size == photo.size
    assert np.abs(again.luma.astype(int) - photo.luma).mean() < 6


@pytest.mark.parametrize("quality_free", ["PNG", "TIFF", "BMP"])
def test_lossless_formats_hold_the_very_colors(quality_free: str) -> None:
    photo = read_photo(content(picture(), quality_free))
    np.testing.assert_array_equal(np.asarray(opened(encode_photo(colored(photo), photo))), colored(photo))


def test_a_still_gif_becomes_a_png() -> None:
    photo = read_photo(content(picture("P"), "GIF"))
    assert photo.suffix == ".png"
    assert opened(encode_photo(colored(photo), photo)).format == "PNG"


def test_a_file_with_a_wrong_name_keeps_the_format_of_its_content(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(content(picture(), "PNG"))
    photo = read_photo(tmp_path / "photo.jpg")
    assert photo.suffix == ".png"
    write_photo(colored(photo), photo, tmp_path / "colored.jpg")
    assert opened((tmp_path / "colored.jpg").read_bytes()).format == "PNG"


@pytest.mark.parametrize(
    ("name", "kind"), [("a.PNG", "PNG"), ("a.jpeg", "JPEG"), ("a.tif", "TIFF"), ("a.webp", "WEBP"), ("a", "JPEG")]
)
def test_the_suffix_of_the_path_asks_for_a_format(name: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(content(picture(), "JPEG"))
    photo = read_photo(tmp_path / "photo.jpg")
    assert photo.suffix == ".jpg"
    write_photo(colored(photo), photo, tmp_path / name)
    assert opened((tmp_path / name).read_bytes()).format == kind


@pytest.mark.parametrize("name", ["a.gif", "a.psd", "a.txt"])
def test_a_suffix_that_cannot_be_written_is_refused(name: str, tmp_path: Path) -> None:
    photo = read_photo(content(picture("P"), "GIF"))
    with pytest.raises(PhotoError, match=r"cannot be written; choose one of: .*\.jpg, \.png"):
        write_photo(colored(photo), photo, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_only_when_allowed(tmp_path: Path) -> None:
    photo = photo_from_image(picture())
    path = tmp_path / "photo.png"
    path.write_bytes(b"precious")
    with pytest.raises(PhotoError, match="there is such a file already"):
        write_photo(colored(photo), photo, path)
    assert path.read_bytes() == b"precious"
    write_photo(colored(photo), photo, path, overwrite=True)
    assert read_photo(path).size == photo.size


def test_a_file_that_appears_while_the_photo_is_encoded_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, path = photo_from_image(picture()), tmp_path / "photo.png"

    def encode_slowly(*arguments: Any) -> bytes:
        path.write_bytes(b"precious")
        return encode_photo(*arguments)

    monkeypatch.setattr("photochrom.photo._photo.encode_photo", encode_slowly)
    with pytest.raises(PhotoError, match="there is such a file already"):
        write_photo(colored(photo), photo, path)
    assert path.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_where_a_folder_shall_be_is_told_as_that(tmp_path: Path) -> None:
    photo = photo_from_image(picture())
    (tmp_path / "folder").touch()
    with pytest.raises(PhotoError, match="cannot be written"):
        write_photo(colored(photo), photo, tmp_path / "folder" / "photo.png")


def test_a_folder_in_the_way_is_one_line(tmp_path: Path) -> None:
    photo = photo_from_image(picture())
    with pytest.raises(PhotoError, match="this is a folder"):
        write_photo(colored(photo), photo, tmp_path, overwrite=True)


def test_a_full_disk_is_one_line_and_the_old_file_stays(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    photo, path = photo_from_image(picture()), tmp_path / "photo.bmp"
    path.write_bytes(b"precious")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(PhotoError, match="cannot be written") as caught:
            write_photo(colored(photo), photo, path, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(str(caught.value).splitlines()) == 1
    assert path.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "colors",
    [
        np.zeros((HEIGHT, WIDTH, 3), np.uint16),
        np.zeros((WIDTH, HEIGHT, 3), np.uint8),
        np.zeros((HEIGHT, WIDTH), np.uint8),
    ],
)
def test_colors_of_another_photo_are_refused(colors: Levels) -> None:
    with pytest.raises(PhotoError, match="do not fit a photo"):
        encode_photo(colors, photo_from_image(picture()))


def test_a_format_that_nobody_knows_is_refused() -> None:
    photo = photo_from_image(picture())
    with pytest.raises(PhotoError, match=r"cannot write 'PDF'; choose one of: .*JPEG, PNG"):
        encode_photo(colored(photo), photo, "PDF")


def test_a_photo_too_long_for_its_format_is_one_line() -> None:
    photo = Photo(np.zeros((1, 16384), np.uint8))
    with pytest.raises(PhotoError, match=r"as WEBP .*try PNG or TIFF"):
        encode_photo(np.zeros((1, 16384, 3), np.uint8), photo, "WEBP")


# Refusals


def test_what_is_no_file_is_one_line(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "this is a folder; give a photo in it"
    missing = tmp_path / "missing.jpg"
    assert refusal(missing) == "no such file; check the name"
    assert "cannot be opened" in refusal(Path("a\x00b.jpg")) or "no such file" in refusal(Path("a\x00b.jpg"))


@pytest.mark.skipif(sys.platform == "win32", reason="no devices as files")
def test_a_device_is_no_photo() -> None:
    assert "this is no file" in refusal(Path("/dev/null"))


def test_a_file_that_must_not_be_read_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"")

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "open", refuse)  # not by its mode, which root is not bound by
    assert "no permission to read this file" in refusal(path)


def test_empty_and_other_files_are_one_line(tmp_path: Path) -> None:
    assert "the file is empty" in refusal(b"")
    path = tmp_path / "letter.jpg"
    path.write_text("Dear grandmother, here is the photo that you asked for.")
    assert refusal(path) == f"not a photo that can be read; save it as one of: {', '.join(WRITTEN_FORMATS)}"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "HEIF"])
def test_a_truncated_file_is_one_line(kind: str) -> None:
    data = content(picture(), kind)
    assert "broken photo" in refusal(data[: len(data) * 2 // 3], strict=True)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "HEIF"])
def test_a_photo_over_the_limit_is_refused(kind: str) -> None:
    data = content(picture(), kind)
    assert "too large (56x40 are 0.00224 megapixels, at most 0.002 are read)" in refusal(data, max_megapixels=0.002)
    assert read_photo(data, max_megapixels=0.00225).size == (WIDTH, HEIGHT)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_first_picture_is_read(kind: str) -> None:
    data = content(picture(), kind, save_all=True, append_images=[picture().rotate(180)])
    photo = read_photo(data)
    assert photo.remarks == ("a file of 2 pictures, of which only the first one is colored",)
    assert np.abs(photo.luma.astype(int) - read_photo(content(picture(), kind)).luma).mean() < 3
    assert "a file of 2 pictures" in refusal(data, strict=True)


def test_of_several_pages_the_first_is_read_and_a_thumbnail_is_no_page() -> None:
    data = content(picture(), "TIFF", save_all=True, append_images=[picture().rotate(180)])
    photo = read_photo(data)
    assert photo.remarks == ("a file of 2 pictures, of which only the first one is colored",)
    np.testing.assert_array_equal(photo.luma, np.asarray(picture().convert("L")))
    assert "a file of 2 pictures" in refusal(data, strict=True)
    small = picture().resize((14, 10))
    small.encoderinfo = {"tiffinfo": {0x00FE: 1}}  # type: ignore[attr-defined]
    data = content(picture(), "TIFF", save_all=True, append_images=[small])
    assert read_photo(data).size == (WIDTH, HEIGHT)


def test_a_thumbnail_before_the_photo_is_passed_over() -> None:
    whole = picture()
    whole.encoderinfo = {"tiffinfo": {0x00FE: 0}}  # type: ignore[attr-defined]
    small = picture().resize((14, 10))
    data = content(small, "TIFF", save_all=True, append_images=[whole], tiffinfo={0x00FE: 1})
    photo = read_photo(data)
    assert photo.size == (WIDTH, HEIGHT)
    assert photo.remarks == ()


def mosaic() -> bytes:
    """A small DNG: rows of a sensor whose pixels see one color each (DNG specification, chapter 4)."""
    levels = (np.add.outer(np.arange(128), np.arange(192)) * 150).astype("<u2")
    matrix = struct.pack("<18i", 1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1)
    fields = {
        0x0100: short_field(192),
        0x0101: short_field(128),
        0x0102: short_field(16),
        0x0103: short_field(1),
        0x0106: short_field(32803),
        0x0111: long_field(8),
        ORIENTATION: short_field(6),
        0x0115: short_field(1),
        0x0116: short_field(128),
        0x0117: long_field(levels.nbytes),
        0x010F: text_field(b"Maker"),
        0x0110: text_field(b"Model"),
        0x828D: short_field(2, 2),
        0x828E: bytes_field(bytes([0, 1, 1, 2])),
        0xC612: bytes_field(bytes([1, 4, 0, 0])),
        0xC614: text_field(b"Maker Model"),
        0xC61D: long_field(65535),
        0xC621: Field(10, matrix),
        0xC628: Field(5, struct.pack("<6I", 1, 1, 1, 1, 1, 1)),
        0xC65A: short_field(21),
    }
    place = 8 + levels.nbytes
    empty = struct.pack("<2sHI", b"II", 42, place) + levels.tobytes() + bytes(6)
    return with_fields(empty, fields)


def test_a_camera_s_raw_file_is_developed() -> None:
    pytest.importorskip("rawpy")
    photo = read_photo(mosaic())
    assert photo.bits == 16
    assert photo.size == (128, 192)
    assert photo.suffix == ".png"
    written = opened(encode_photo(colored(photo), photo))
    assert written.getexif()[0x010F] == "Maker"
    assert written.size == (192, 128)


def test_without_its_package_a_raw_file_is_refused_with_what_would_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("photochrom.photo._raw.develops", lambda: False)
    assert "pip install 'photochrom[raw]'" in refusal(mosaic())


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (Image.new("F", (8, 8)), "floating-point"),
        (Image.new("I", (8, 8), 70000), "32 bits"),
        (Image.new("I", (8, 8), -1), "32 bits"),
        (Image.new("L", (0, 8)), "empty"),
    ],
)
def test_pictures_that_cannot_be_colored_are_refused(image: Image.Image, reason: str) -> None:
    with pytest.raises(PhotoError, match=reason):
        photo_from_image(image)


def test_a_missing_package_for_heic_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    data = content(picture(), "HEIF")
    photo = photo_from_image(picture())
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert "pip install 'photochrom[heic]'" in refusal(data)
    with pytest.raises(PhotoError, match="photochrom"):
        encode_photo(colored(photo), photo, "HEIF")


# Pictures from Pillow


def test_a_picture_keeps_what_its_file_told() -> None:
    data = content(picture("L"), "JPEG", exif=exif(6), icc_profile=rgb_profile(), dpi=(200, 200))
    image = opened(data)
    photo = photo_from_image(image)
    assert image.size == (WIDTH, HEIGHT)
    assert photo.size == (HEIGHT, WIDTH)
    assert photo.origin == origin_of_image(opened(data))
    assert read_photo(data).origin == photo.origin
    assert opened(encode_photo(colored(photo), photo)).size == (WIDTH, HEIGHT)


def test_a_turned_tiff_that_pillow_turned_is_turned_once() -> None:
    photo = photo_from_image(opened(content(picture("L"), "TIFF", exif=exif(6))))
    assert photo.size == (HEIGHT, WIDTH)
    np.testing.assert_array_equal(photo.luma, np.rot90(np.asarray(picture("L")), -1))
    assert read_photo(encode_photo(colored(photo), photo)).size == (HEIGHT, WIDTH)


def test_a_made_picture_is_written_as_png() -> None:
    photo = photo_from_image(picture())
    assert photo.origin == Origin()
    assert photo.suffix == ".png"


def test_warnings_of_the_reader_are_not_heard() -> None:
    torn = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\x00" + b"\x12\x01\x03\x00" * 4
    data = content(picture(), "JPEG", exif=torn)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        photo = read_photo(data)
    assert heard == []
    assert photo.origin.exif == b""


def test_a_text_that_unpacks_to_much_is_left_out() -> None:
    bomb = b"Comment\x00\x00" + zlib.compress(b"\x00" * 50_000_000)
    photo = read_photo(with_chunks(content(picture(), "PNG"), [(b"zTXt", bomb)]))
    assert b"zTXt" not in png_chunk_kinds(encode_photo(colored(photo), photo))


# --- gray profiles --------------------------------------------------------------------------------------------------


def gray_profile(gamma: float) -> bytes:
    """An ICC profile for gray that has a gamma: header, and the tags that a gray profile needs."""
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    text = b"text\0\0\0\0test"
    name = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78) + b"\0"
    tags = {b"wtpt": white, b"kTRC": curve, b"cprt": text, b"desc": name}
    table, body, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for tag, content in tags.items():
        table += tag + struct.pack(">II", start + len(body), len(content))
        body += content
    size = start + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02100000, b"mntr", b"GRAY", b"XYZ ") + bytes(12) + b"acsp"
    header += bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + table + body


@pytest.mark.parametrize("bits", [8, 16])
def test_a_gray_profile_is_applied_and_left_out(bits: int, tmp_path: Path) -> None:
    levels = np.full((8, 8), 128, np.uint8) if bits == 8 else np.full((8, 8), 128 * 257, np.uint16)
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "TIFF", icc_profile=gray_profile(1.0))
    photo = read_photo(buffer.getvalue())
    assert photo.bits == bits
    assert photo.luma / (257 if bits == 16 else 1) == pytest.approx(188, abs=1.5)  # linear light, encoded as sRGB is
    assert photo.origin.icc_profile is None


def test_a_broken_gray_profile_is_no_reason_to_refuse_a_photo() -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.full((8, 8), 128, np.uint8)).save(buffer, "TIFF", icc_profile=gray_profile(1.0)[:150])
    assert (read_photo(buffer.getvalue()).luma == 128).all()

"""Odd files of public reports; each test names one."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image, ImageCms

from photochrom.errors import UnreadableError
from photochrom.photo import Photo, encode_photo, losses, read_photo
from photochrom.photo._profile import space_of

RAMP = np.add.outer(np.arange(120), np.arange(160)).astype(np.uint8)
LINE_COUNT = b"\xff\xdc\x00\x04"


def saved(kind: str, mode: str = "L", **more: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(RAMP).convert(mode).save(file, kind, **more)
    return file.getvalue()


def colored(photo: Photo) -> bytes:
    return encode_photo(np.stack([photo.luma] * 3, axis=-1), photo)


# --- JPEG -----------------------------------------------------------------------------------------------------------


def test_an_orientation_of_0_is_none_and_not_handed_on() -> None:
    """allgood/OpenNoteScanner, issue 248."""
    exif = Image.Exif()
    exif[0x0112] = 0
    photo = read_photo(saved("JPEG", exif=exif, quality=100))
    assert photo.luma.shape == RAMP.shape
    assert Image.open(io.BytesIO(colored(photo))).getexif()[0x0112] == 1


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_height_that_is_told_after_the_pixels_is_found(mode: str) -> None:
    """etemesi254/zune-image, pull request 410: scans of unknown length."""
    whole = saved("JPEG", mode, quality=100)
    place = whole.index(b"\xff\xc0") + 5
    late = whole[:place] + bytes(2) + whole[place + 2 : -2] + LINE_COUNT + whole[place : place + 2] + whole[-2:]
    photo = read_photo(late)
    np.testing.assert_array_equal(photo.luma, read_photo(whole).luma)
    assert (photo.coloring, photo.remarks) == ("gray", ())


def test_a_height_that_is_told_nowhere_is_a_broken_photo() -> None:
    whole = saved("JPEG")
    place = whole.index(b"\xff\xc0") + 5
    with pytest.raises(UnreadableError, match="broken photo"):
        read_photo(whole[:place] + bytes(2) + whole[place + 2 :])


def test_an_empty_table_is_passed_over() -> None:
    """image-rs/jpeg-decoder, pull request 94: a smartphone's."""
    whole = saved("JPEG", quality=100)
    empty = whole[:2] + b"\xff\xc4\x00\x02" + whole[2:]
    np.testing.assert_array_equal(read_photo(empty).luma, read_photo(whole).luma)


def option_file(index: bytes, color_space: int) -> bytes:
    """EXIF as cameras write it that are set to Adobe RGB."""
    exif = b"II*\x00\x08\x00\x00\x00" + struct.pack("<HHHII4x", 1, 0x8769, 4, 1, 26)
    exif += struct.pack("<HHHIIHHII4x", 2, 0xA001, 3, 1, color_space, 0xA005, 4, 1, 56)
    return b"Exif\x00\x00" + exif + struct.pack("<HHHI4s4x", 1, 1, 2, 4, index)


@pytest.mark.parametrize(("index", "color_space"), [(b"R03", 0xFFFF), (b"R98", 2)])
def test_adobe_rgb_that_exif_alone_tells_of_becomes_a_profile(index: bytes, color_space: int) -> None:
    """RawTherapee, issue 1805; photoprism, pull request 5178."""
    photo = read_photo(saved("JPEG", quality=100, exif=option_file(index, color_space)))
    space = space_of(photo.origin.icc_profile)
    assert space is not None
    assert photo.stored is not None
    profile = Image.open(io.BytesIO(colored(photo))).info["icc_profile"]
    assert ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip() == "gamma 2.20"
    green = space.to_linear_srgb @ (0.0, 1.0, 0.0)
    np.testing.assert_allclose(green, (-0.3982, 1.0, -0.0429), atol=0.01)  # as Adobe RGB (1998) has it, under D50


def test_a_camera_in_srgb_gets_no_profile() -> None:
    photo = read_photo(saved("JPEG", exif=option_file(b"R98", 1)))
    assert (photo.origin.icc_profile, photo.stored) == (None, None)


# --- PNG ------------------------------------------------------------------------------------------------------------


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def told_by_chunks(gamma: int | None, places: tuple[int, ...] = (), *, is_srgb: bool = False) -> bytes:
    """A PNG that tells its space in chunks."""
    png = saved("PNG", "RGB")
    more = chunk(b"gAMA", struct.pack(">I", gamma)) if gamma is not None else b""
    more += chunk(b"cHRM", struct.pack(">8I", *places)) if places else b""
    more += chunk(b"sRGB", b"\x00") if is_srgb else b""
    return png[:33] + more + png[33:]


SRGB = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
WIDE = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)


@pytest.mark.parametrize(("gamma", "exponent"), [(100_000, 1.0), (55_556, 1.8)])
def test_the_gamma_of_a_png_counts(gamma: int, exponent: float) -> None:
    """AOMediaCodec/libavif, issue 1139."""
    photo = read_photo(told_by_chunks(gamma))
    linear = (RAMP / 255.0) ** exponent
    shown = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055) * 255.0
    np.testing.assert_allclose(photo.luma, shown, atol=1.0)
    assert photo.stored is not None
    np.testing.assert_array_equal(photo.stored, RAMP)
    result = Image.open(io.BytesIO(colored(photo)))
    np.testing.assert_array_equal(np.asarray(result)[..., 0], RAMP)
    assert "icc_profile" in result.info


def test_the_primaries_of_a_png_count() -> None:
    space = space_of(read_photo(told_by_chunks(45_455, WIDE)).origin.icc_profile)
    assert space is not None
    np.testing.assert_allclose(space.to_linear_srgb @ np.ones(3), np.ones(3), atol=0.002)  # white is white
    red = space.to_linear_srgb @ (1.0, 0.0, 0.0)
    np.testing.assert_allclose(red, (1.2249, -0.0420, -0.0196), atol=0.003)  # of Display P3


@pytest.mark.parametrize(
    "png",
    [
        told_by_chunks(45_455),
        told_by_chunks(45_455, SRGB),
        told_by_chunks(None, SRGB),
        told_by_chunks(100_000, WIDE, is_srgb=True),
        told_by_chunks(0),
        told_by_chunks(45_455, (0,) * 8),
        told_by_chunks(45_455, (31270, 32900) * 4),
    ],
)
def test_chunks_that_tell_of_srgb_or_nothing_sensible_are_passed_over(png: bytes) -> None:
    photo = read_photo(png)
    np.testing.assert_array_equal(photo.luma, RAMP)
    assert photo.origin.icc_profile is None


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_a_photo_that_is_transparent_everywhere_is_shown(mode: str) -> None:
    """image-rs/image, issue 539: 32-bit BMPs with an unused fourth channel; the same happens in other formats."""
    image = Image.fromarray(RAMP).convert(mode)
    image.putalpha(0)
    file = io.BytesIO()
    image.save(file, "PNG")
    photo = read_photo(file.getvalue())
    assert photo.alpha is None
    assert photo.remarks == ("all of it is transparent, which is passed over",)
    np.testing.assert_array_equal(photo.luma, RAMP)


def test_a_color_photo_that_is_transparent_everywhere_is_a_color_photo() -> None:
    colors = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    image = Image.fromarray(colors).resize((160, 120), Image.Resampling.BICUBIC)
    image.putalpha(0)
    file = io.BytesIO()
    image.save(file, "PNG")
    assert read_photo(file.getvalue()).coloring == "color"


# --- BMP, Photoshop, TIFF -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("header", "masks"), [(40, 0), (56, 4), (124, 4)])
def test_the_fourth_channel_of_a_bmp_may_mean_nothing(header: int, masks: int) -> None:
    pixels = np.dstack([RAMP] * 3 + [np.zeros_like(RAMP)])[::-1].tobytes()
    channels = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)[: 4 * masks]
    fields = struct.pack("<IiiHHIIiiII", header, 160, 120, 1, 32, 3 if masks else 0, len(pixels), 0, 0, 0, 0)
    head = (fields + channels).ljust(header, b"\x00")
    start = struct.pack("<IHHI", 14 + len(head) + len(pixels), 0, 0, 14 + len(head))
    photo = read_photo(b"BM" + start + head + pixels)
    assert photo.alpha is None
    np.testing.assert_array_equal(photo.luma, RAMP)


def photoshop(levels: npt.NDArray[np.uint8], *, has_picture: bool) -> bytes:
    told = struct.pack(">I?", 1, has_picture) + bytes(8) + struct.pack(">Ix", 1)
    resources = b"8BIM" + struct.pack(">HHI", 1057, 0, 17) + told
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 1, *levels.shape, 8, 1)
    sections = bytes(4) + struct.pack(">I", len(resources)) + resources + bytes(4)
    return head + sections + bytes(2) + levels.tobytes()


def test_a_photoshop_file_without_its_flat_picture_is_no_white_photo() -> None:
    """QL-Win/QuickLook, issue 402; OpenImageIO, issue 3962."""
    np.testing.assert_array_equal(read_photo(photoshop(RAMP, has_picture=True)).luma, RAMP)
    with pytest.raises(UnreadableError, match="maximize compatibility"):
        read_photo(photoshop(np.full_like(RAMP, 255), has_picture=False))


def tiff(fields: dict[int, tuple[int, int]], pixels: bytes) -> bytes:
    """A TIFF of one strip; its fields are pairs of kind and value."""
    first = {0x100: (4, 160), 0x101: (4, 120), 0x102: (3, 8), 0x103: (3, 1), 0x106: (3, 1), 0x111: (4, 8)} | fields
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, (kind, value) in sorted(first.items()))
    directory = struct.pack("<H", len(first)) + entries + bytes(4)
    return b"II*\x00" + struct.pack("<I", 8 + len(pixels)) + pixels + directory


@pytest.mark.parametrize("fields", [{}, {0x117: (4, 0)}, {0x117: (4, 10**9)}, {0x116: (4, 2**32 - 1), 0x117: (4, 0)}])
def test_a_tiff_with_a_wrong_size_of_its_strip_or_none_is_read(fields: dict[int, tuple[int, int]]) -> None:
    """haraldk/TwelveMonkeys, issue 449; sbs20/scanservjs, issue 704: scanners."""
    np.testing.assert_array_equal(read_photo(tiff(fields, RAMP.tobytes())).luma, RAMP)


def test_pixels_with_a_sign_are_told_as_such() -> None:
    """libvips, issue 1717."""
    with pytest.raises(UnreadableError, match="have a sign"):
        read_photo(tiff({0x117: (4, RAMP.size), 0x153: (3, 2)}, RAMP.tobytes()))


def test_channels_without_a_meaning_are_passed_over() -> None:
    """libvips, issue 1471: five channels."""
    file = io.BytesIO()
    five = np.dstack([RAMP, RAMP, RAMP, RAMP * 0, RAMP * 0])
    tifffile.imwrite(file, five, photometric="rgb", extrasamples=[0, 0], metadata=None)
    photo = read_photo(file.getvalue())
    assert photo.alpha is None
    np.testing.assert_array_equal(photo.luma, RAMP)
    assert losses(photo) == ()

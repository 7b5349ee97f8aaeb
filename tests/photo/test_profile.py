"""Photos in other spaces than sRGB: the same look, the same profile, the same gray levels."""

import io
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from skimage.color import rgb2lab

from photochrom.photo import Levels, Origin, Photo, dropped_tags, encode_photo, read_photo
from photochrom.photo._profile import space_of

MATRICES = {
    "Adobe RGB": ([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]], 2.2),
    "ProPhoto": ([[0.79767, 0.13519, 0.03134], [0.28804, 0.71188, 0.00009], [0, 0, 0.82491]], 1.8),
    "Display P3": ([[0.51512, 0.29198, 0.1571], [0.2412, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]], "para"),
    "linear": ([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.7141]], 1.0),
    "table": ([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]], "curve"),
}
SRGB = ImageCms.createProfile("sRGB")
SHAPE = (96, 128)


def fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def curve(kind: Any) -> bytes:
    if kind == "para":  # the curve of sRGB
        numbers = fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
        return b"para" + bytes(4) + struct.pack(">HH", 3, 0) + numbers
    if kind == "curve":
        table = (np.linspace(0, 1, 1024) ** 2.0 * 65535).round().astype(">u2")
        return b"curv" + bytes(4) + struct.pack(">I", len(table)) + table.tobytes()
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(kind * 256))


def profile(name: str, **extra: bytes) -> bytes:
    """A profile of a matrix and curves (ICC.1:2022, section 8.3)."""
    matrix, kind = MATRICES[name]
    tags = {b"desc": b"desc" + bytes(4) + struct.pack(">I", 2) + b"x\x00" + bytes(78), b"cprt": b"text" + bytes(4)}
    tags |= {b"wtpt": b"XYZ " + bytes(4) + fixed(0.9642, 1.0, 0.8249)}
    for color, column in zip("rgb", np.array(matrix).T, strict=True):
        tags[f"{color}XYZ".encode()] = b"XYZ " + bytes(4) + fixed(*column)
        tags[f"{color}TRC".encode()] = curve(kind)
    tags |= {tag.encode(): data for tag, data in extra.items()}
    table, body = struct.pack(">I", len(tags)), b""
    for tag, data in tags.items():
        table += tag + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = 132 + 12 * len(tags) + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ ") + bytes(12) + b"acsp"
    return head.ljust(68, b"\x00") + fixed(0.9642, 1.0, 0.8249) + bytes(48) + table + body


def gray() -> npt.NDArray[np.uint8]:
    """A soft picture of all levels."""
    down, across = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]]
    return (across * 255 / (SHAPE[1] - 1) * (0.6 + 0.4 * down / SHAPE[0])).astype(np.uint8)


def guess(luma: Levels) -> Levels:
    """Vivid colors of about the luma, as a network gives them in sRGB."""
    highest = np.iinfo(luma.dtype).max
    shifts = np.array([0.22, -0.08, -0.2]) * highest * np.sin(np.linspace(0, 6, luma.shape[0]))[:, None, None]
    return np.clip(luma[..., None] + shifts, 0, highest).astype(luma.dtype)


def shown(data: bytes) -> npt.NDArray[Any]:
    """What a viewer that knows profiles shows; L*a*b*."""
    image = Image.open(io.BytesIO(data))
    icc = image.info.get("icc_profile")
    image = image.convert("RGB")
    if icc:
        image = ImageCms.profileToProfile(image, ImageCms.ImageCmsProfile(io.BytesIO(icc)), SRGB) or image
    return np.asarray(rgb2lab(np.asarray(image)))


def file_in(icc: bytes, kind: str) -> bytes:
    """The gray picture as a program that works in a space stores it."""
    target = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    stored = ImageCms.profileToProfile(Image.fromarray(gray()).convert("RGB"), SRGB, target)
    file = io.BytesIO()
    assert stored is not None
    stored.save(file, kind, icc_profile=icc, **({"quality": 95} if kind == "JPEG" else {}))
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("name", MATRICES)
def test_a_photo_in_any_space_looks_as_one_in_srgb(name: str, kind: str) -> None:
    icc = profile(name)
    photo = read_photo(file_in(icc, kind))
    assert np.abs(photo.luma.astype(int) - gray()).mean() < 3  # linear light has few dark levels
    data = encode_photo(guess(photo.luma), photo)
    assert Image.open(io.BytesIO(data)).info["icc_profile"] == icc
    same = shown(encode_photo(guess(photo.luma), Photo(photo.luma), kind))
    limit = 1.0 if kind in ("PNG", "TIFF") else 3.0  # what lossy formats lose differs from space to space
    assert np.linalg.norm(shown(data) - same, axis=-1).mean() < limit


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("bits", [8, 16])
def test_gray_levels_in_any_space_come_back_to_the_bit(name: str, bits: int) -> None:
    levels = np.arange(256, dtype=np.uint8) if bits == 8 else np.arange(0, 65536, 7, dtype=np.uint16)
    stored = np.repeat(levels[None, :, None], 3, axis=2)
    source = Photo(stored[..., 0], origin=Origin(format="TIFF"))
    icc = profile(name)
    file = encode_photo(stored, source)
    photo = read_photo(file)
    assert photo.stored is None
    tagged = encode_photo(stored, replace(source, origin=replace(source.origin, exif=photo.origin.exif)))
    photo = read_photo(with_profile(tagged, icc))
    assert photo.stored is not None
    np.testing.assert_array_equal(photo.stored[0], levels)
    again = read_photo(encode_photo(np.repeat(photo.luma[..., None], 3, axis=2), photo))
    np.testing.assert_array_equal(again.stored, photo.stored)


def with_profile(tiff: bytes, icc: bytes) -> bytes:
    from photochrom.photo._directories import bytes_field, with_fields

    return with_fields(tiff, {0x8773: bytes_field(icc, 7)})


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(MATRICES)), st.integers(0, 2**16))
def test_16_bits_in_a_space_reduced_are_what_8_bits_are(name: str, seed: int) -> None:
    space = space_of(profile(name))
    assert space is not None
    rgb = np.random.default_rng(seed).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    eight = space.of_srgb(rgb, rgb[..., 0])
    sixteen = space.of_srgb(rgb.astype(np.uint16) * 257, rgb[..., 0].astype(np.uint16) * 257)
    assert np.abs(sixteen / 257.0 - eight).max() <= 0.51


@pytest.mark.parametrize("name", MATRICES)
def test_values_are_those_that_littlecms_gives(name: str) -> None:
    icc = profile(name)
    space = space_of(icc)
    assert space is not None
    rgb = np.random.default_rng(1).integers(40, 216, (50, 50, 3), dtype=np.uint8)
    target = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    expected = ImageCms.profileToProfile(Image.fromarray(rgb), SRGB, target, renderingIntent=1)
    assert np.abs(space.of_srgb(rgb, rgb[..., 0]).astype(int) - np.asarray(expected)).max() <= 2


def test_srgb_itself_and_broken_profiles_change_nothing() -> None:
    assert space_of(ImageCms.ImageCmsProfile(SRGB).tobytes()) is None
    assert space_of(None) is None
    icc = profile("Adobe RGB")
    rng = np.random.default_rng(0)
    for length in range(0, len(icc), 7):
        space_of(icc[:length])
    for _ in range(300):
        mutant = bytearray(icc)
        for place in rng.integers(0, len(icc), 6):
            mutant[place] = rng.integers(256)
        space = space_of(bytes(mutant))
        if space is not None:
            rgb = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
            assert space.of_srgb(rgb, space.gray_as_srgb(rgb.dtype)[rgb[..., 0]], rgb[..., 0]).shape == rgb.shape


def test_a_format_without_profiles_gets_srgb() -> None:
    photo = read_photo(file_in(profile("ProPhoto"), "PNG"))
    assert dropped_tags(photo, "BMP") == ("ICC",)
    data = encode_photo(guess(photo.luma), photo, "BMP")
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), guess(photo.luma))

"""How photos without colors are told from those with them, on drawn pictures; rates on real ones stand in the code."""

import io

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from photochrom.photo._tint import judge_coloring

Levels = npt.NDArray[np.uint8]

TONES = {
    "sepia": ((20, 10, 2), (135, 105, 75), (255, 240, 205)),
    "cyanotype": ((5, 15, 50), (60, 110, 160), (235, 245, 250)),
    "faded": ((70, 55, 45), (160, 145, 122), (238, 228, 205)),
    "split": ((8, 12, 30), (130, 126, 122), (255, 244, 220)),
}
SIDE = 160


@pytest.fixture(scope="module")
def blobs() -> Levels:
    """Pictures of blobs of color, whose luma says nothing about their chroma."""
    coarse = np.random.default_rng(3).integers(20, 236, (12, 6, 6, 3), dtype=np.uint8)
    smooth = [Image.fromarray(one).resize((SIDE, SIDE), Image.Resampling.BICUBIC) for one in coarse]
    return np.stack([np.asarray(one) for one in smooth])


def gray(rgb: Levels) -> Levels:
    return np.asarray(Image.fromarray(rgb).convert("L"))


def toned(rgb: Levels, tone: str) -> npt.NDArray[np.float64]:
    shadow, middle, light = (np.array(color) for color in TONES[tone])
    luma = gray(rgb)
    channels = [np.interp(luma, [0, 128, 255], [shadow[c], middle[c], light[c]]) for c in range(3)]
    return np.stack(channels, axis=-1)


def to_levels(values: npt.NDArray[np.float64]) -> Levels:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def through_jpeg(rgb: Levels, quality: int) -> Levels:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def test_color_is_color(blobs: Levels) -> None:
    assert [judge_coloring(blob) for blob in blobs] == ["color"] * len(blobs)


@pytest.mark.parametrize("quality", [30, 95])
def test_gray_is_gray_after_jpeg_too(quality: int, blobs: Levels) -> None:
    for blob in blobs:
        assert judge_coloring(through_jpeg(np.repeat(gray(blob)[..., None], 3, axis=2), quality)) == "gray"


@pytest.mark.parametrize("tone", TONES)
def test_one_tone_is_a_tint(tone: str, blobs: Levels) -> None:
    assert {judge_coloring(to_levels(toned(blob, tone))) for blob in blobs} == {"tinted"}


@pytest.mark.parametrize("tone", TONES)
def test_grain_and_jpeg_do_not_make_color_of_a_tint(tone: str, blobs: Levels) -> None:
    rng = np.random.default_rng(1)
    for blob in blobs:
        grainy = to_levels(toned(blob, tone) + rng.normal(0, 10, blob.shape))
        assert judge_coloring(through_jpeg(grainy, 40)) == "tinted"


def test_a_print_that_yellowed_from_one_side_is_tinted(blobs: Levels) -> None:
    yellowing = np.linspace(0, 1, SIDE)[None, :, None] * np.array([0, -8, -40])
    assert {judge_coloring(to_levels(toned(blob, "sepia") + yellowing)) for blob in blobs} == {"tinted"}


def test_a_stain_does_not_make_color_of_a_tint(blobs: Levels) -> None:
    for blob in blobs:
        stained = toned(blob, "sepia")
        stained[:30, :30] -= [10, 40, 90]
        assert judge_coloring(to_levels(stained)) == "tinted"


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2, 0.35])
@pytest.mark.parametrize("tone", [None, *TONES])
def test_a_print_on_a_colored_ground_is_told_from_a_color_photo(tone: str | None, share: float, blobs: Levels) -> None:
    side = round(SIDE / (1 - share) ** 0.5)
    first = (side - SIDE) // 3
    for index, blob in enumerate(blobs):
        print_ = np.repeat(gray(blob)[..., None], 3, axis=2) if tone is None else toned(blob, tone)
        table = np.asarray(Image.fromarray(blobs[index - 1]).resize((side, side))).astype(float)
        table[first : first + SIDE, first : first + SIDE] = print_
        grain = np.random.default_rng(index).normal(0, 3, table.shape)
        assert judge_coloring(through_jpeg(to_levels(table + grain), 85)) in ("tinted", "print")


@pytest.mark.parametrize("wide", [0.1, 0.2, 0.3])
def test_a_colored_strip_beside_a_gray_print_makes_no_color_photo(wide: float, blobs: Levels) -> None:
    for blob in blobs:
        scan = np.repeat(gray(blob)[..., None], 3, axis=2)
        scan[:, : round(wide * SIDE)] = (200, 30, 30)
        assert judge_coloring(scan) == "print"


def test_a_bare_wall_makes_no_print_of_a_color_photo(blobs: Levels) -> None:
    for blob in blobs:
        walled = blob.copy()
        light = np.linspace(180, 205, SIDE)[:, None, None]  # uneven, but without contrast
        walled[:, : round(0.6 * SIDE)] = light
        assert judge_coloring(walled) == "color"


def test_what_is_transparent_does_not_count(blobs: Levels) -> None:
    alpha = np.full((SIDE, 2 * SIDE), 255, np.uint8)
    alpha[:, SIDE:] = 0
    for blob in blobs:
        beside_color = np.hstack([to_levels(toned(blob, "sepia")), blob])
        assert judge_coloring(beside_color, alpha) == "tinted"
        assert judge_coloring(beside_color[:, ::-1], alpha) == "color"


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_any_shape_is_judged_and_equal_channels_are_gray(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    assert judge_coloring(noise, noise[..., 0]) in ("gray", "tinted", "print", "color")
    assert judge_coloring(np.repeat(noise[..., :1], 3, axis=2)) == "gray"

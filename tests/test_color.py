from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from skimage.color import rgb2ycbcr

from photochrom.color import (
    cast_with_wraparound,
    fit_gamut,
    luma,
    merge,
    rgb_to_chroma,
    share_out_of_range,
    to_signed,
    to_uint8,
)

Floats = npt.NDArray[np.float32]

LEVELS = np.arange(256, dtype=np.uint8)
NO_TIME_LIMIT = settings(deadline=None)


def signed_arrays(lowest: float, highest: float) -> st.SearchStrategy[Floats]:
    return hnp.arrays(
        np.float32, hnp.array_shapes(max_dims=3, max_side=6), elements=st.floats(lowest, highest, width=32)
    )


def exact_levels(signed: Floats) -> npt.NDArray[np.float64]:
    return (signed.astype(np.float64) + 1.0) * 127.5


@pytest.mark.parametrize(("level", "signed"), [(0, -1.0), (51, -0.6), (102, -0.2), (204, 0.6), (255, 1.0)])
def test_a_level_has_the_signed_value_worked_out_by_hand(level: int, signed: float) -> None:
    assert to_signed(np.array([level], dtype=np.uint8))[0] == pytest.approx(signed, abs=1e-6)


def test_signed_values_are_float32_in_numpy_and_in_torch() -> None:
    assert to_signed(LEVELS).dtype == np.float32
    assert to_signed(torch.from_numpy(LEVELS)).dtype == torch.float32


@pytest.mark.parametrize(
    ("signed", "level"),
    [(-1.0, 0), (-0.6, 51), (0.6, 204), (1.0, 255), (0.5, 191), (-0.5, 64), (0.0, 128), (0.003, 128), (-0.005, 127)],
)
def test_a_signed_value_becomes_the_nearest_level(signed: float, level: int) -> None:
    assert to_uint8(np.array([signed])).tolist() == [level]


def test_every_level_survives_the_way_to_signed_and_back() -> None:
    np.testing.assert_array_equal(to_uint8(to_signed(LEVELS)), LEVELS)
    assert torch.equal(to_uint8(to_signed(torch.from_numpy(LEVELS))), torch.from_numpy(LEVELS))


@pytest.mark.parametrize("beyond", [1.001, 1.01, 3.0, 1e9, np.inf])
def test_values_beyond_the_range_become_the_nearest_end(beyond: float) -> None:
    assert to_uint8(np.array([-beyond, beyond])).tolist() == [0, 255]
    assert to_uint8(torch.tensor([-beyond, beyond])).tolist() == [0, 255]


@NO_TIME_LIMIT
@given(signed_arrays(-3.0, 3.0))
def test_clamping_comes_before_rounding(signed: Floats) -> None:
    np.testing.assert_array_equal(to_uint8(signed), to_uint8(np.minimum(np.maximum(signed, -1), 1)))
    assert (to_uint8(signed)[signed >= 1] == 255).all()
    assert (to_uint8(signed)[signed <= -1] == 0).all()


@NO_TIME_LIMIT
@given(signed_arrays(-1.0, 1.0))
def test_rounding_moves_a_value_by_half_a_level_at_most(signed: Floats) -> None:
    assert np.abs(to_uint8(signed) - exact_levels(signed)).max() <= 0.5 + 1e-4


@NO_TIME_LIMIT
@given(signed_arrays(-3.0, 3.0))
def test_a_larger_value_never_becomes_a_lower_level(signed: Floats) -> None:
    levels = to_uint8(np.sort(signed, axis=None)).astype(int)
    assert (np.diff(levels) >= 0).all()


@NO_TIME_LIMIT
@given(signed_arrays(-100.0, 100.0))
@pytest.mark.parametrize("function", [to_uint8, cast_with_wraparound])
def test_numpy_and_torch_make_the_same_pixels(function: Any, signed: Floats) -> None:
    from_numpy, from_torch = function(signed), function(torch.from_numpy(signed))
    assert from_numpy.dtype == np.uint8
    assert from_torch.dtype == torch.uint8
    np.testing.assert_array_equal(from_numpy, from_torch.numpy())


def test_numpy_and_torch_make_the_same_signed_values() -> None:
    np.testing.assert_array_equal(to_signed(LEVELS), to_signed(torch.from_numpy(LEVELS)).numpy())


@pytest.mark.parametrize(
    ("signed", "level"),
    [
        (-1.0, 0),
        (0.0, 127),
        (1.0, 255),
        (1.01, 0),
        (1.1, 11),
        (3.0, 254),
        (5.0, 253),
        (-1.005, 0),
        (-1.01, 255),
        (-1.1, 244),
        (-3.0, 1),
        (-5.0, 2),
    ],
)
def test_the_study_s_cast_wraps_round_as_worked_out_by_hand(signed: float, level: int) -> None:
    assert cast_with_wraparound(np.array([signed])).tolist() == [level]


@NO_TIME_LIMIT
@given(signed_arrays(-100.0, 100.0))
def test_the_study_s_cast_keeps_the_low_byte_of_the_truncated_value(signed: Floats) -> None:
    # What C makes of a float beyond a byte's range is undefined, and differs between processors. The study ran on
    # x86, which truncates to a 32-bit integer and keeps its low byte; through int32 that is defined everywhere.
    truncated = torch.from_numpy(signed).div(2).add(0.5).mul(255).to(torch.int32)
    np.testing.assert_array_equal(cast_with_wraparound(signed), (truncated & 0xFF).numpy())


@NO_TIME_LIMIT
@given(signed_arrays(-1.0, 1.0))
def test_within_the_range_the_study_s_cast_is_at_most_one_level_darker(signed: Floats) -> None:
    darker = to_uint8(signed).astype(int) - cast_with_wraparound(signed)
    assert set(darker.ravel()) <= {0, 1}


@pytest.mark.parametrize("make", [np.array, torch.tensor])
def test_the_ends_of_the_range_are_not_out_of_range(make: Any) -> None:
    assert share_out_of_range(make([[-1.0, 1.0], [0.0, 1.0001]])) == 0.25
    assert share_out_of_range(make([-1.0, 1.0])) == 0.0
    assert share_out_of_range(make([-2.0, 1.5])) == 1.0


def random_rgb(seed: int = 0) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (2, 3, 20, 30), dtype=np.uint8)


def test_luma_is_what_pillow_makes_of_color() -> None:
    rgb = random_rgb()
    pillows = np.stack([np.asarray(Image.fromarray(picture.transpose(1, 2, 0)).convert("L")) for picture in rgb])
    # Pillow works in whole numbers, so it may round the other way.
    assert np.abs(to_uint8(luma(to_signed(rgb)))[:, 0].astype(int) - pillows).max() <= 1
    assert np.abs(exact_levels(luma(to_signed(rgb)))[:, 0] - pillows).max() <= 0.51


def test_chroma_is_that_of_another_library() -> None:
    rgb = random_rgb()
    theirs = rgb2ycbcr(rgb, channel_axis=1)[:, 1:]  # 128 is gray, 112 the farthest
    np.testing.assert_allclose(rgb_to_chroma(to_signed(rgb)), (theirs - 128.0) / 112.0, atol=2e-4)


def test_luma_and_chroma_make_the_color_again() -> None:
    rgb = to_signed(random_rgb())
    np.testing.assert_allclose(merge(luma(rgb), rgb_to_chroma(rgb)), rgb, atol=1e-5)
    np.testing.assert_allclose(fit_gamut(luma(rgb), rgb_to_chroma(rgb)), rgb, atol=1e-5)


grays = hnp.arrays(np.uint8, (1, 1, 4, 5)).map(to_signed)
chromas = hnp.arrays(np.float32, (1, 2, 4, 5), elements=st.floats(-1.0, 1.0, width=32))


@NO_TIME_LIMIT
@given(grays, chromas)
def test_luma_survives_whatever_the_chroma(gray: Floats, chroma: Floats) -> None:
    rgb = fit_gamut(gray, chroma)
    assert np.abs(rgb).max() <= 1.0
    np.testing.assert_allclose(luma(rgb), gray, atol=1e-5)
    assert np.abs(luma(to_uint8(rgb).astype(np.float64)) - exact_levels(gray)).max() <= 0.5 + 1e-3
    np.testing.assert_allclose(fit_gamut(torch.from_numpy(gray), torch.from_numpy(chroma)), rgb, atol=1e-6)


@NO_TIME_LIMIT
@given(grays, chromas)
def test_fading_keeps_the_hue(gray: Floats, chroma: Floats) -> None:
    wanted, given_ = merge(gray, chroma) - gray, fit_gamut(gray, chroma) - gray
    products = np.sum(wanted * given_, axis=1)
    lengths = np.linalg.norm(wanted, axis=1) * np.linalg.norm(given_, axis=1)
    np.testing.assert_allclose(products, lengths, atol=1e-4)


def test_black_and_white_take_no_color() -> None:
    gray = np.array([-1.0, 1.0], dtype=np.float32).reshape(1, 1, 1, 2)
    rgb = fit_gamut(gray, np.full((1, 2, 1, 2), 0.3, dtype=np.float32))
    np.testing.assert_allclose(rgb, np.broadcast_to(gray, rgb.shape), atol=1e-6)

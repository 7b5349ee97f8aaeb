from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from photochrom.color import cast_with_wraparound, share_out_of_range, to_signed, to_uint8

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

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import skimage.color
import skimage.metrics
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from photochrom.color import STUDY_MARGIN
from photochrom.errors import DataError
from photochrom.lab.metrics import (
    accuracy_within,
    by_picture,
    calibration,
    chroma_error,
    color_difference,
    colorfulness,
    is_within,
    largest_luma_change,
    mean_squared_error,
    peak_signal_to_noise,
    pooled,
    structural_similarity,
)

Pictures = npt.NDArray[np.uint8]

PICTURE_MEASURES = [peak_signal_to_noise, structural_similarity, chroma_error, color_difference]
any_pictures = arrays(np.uint8, st.tuples(st.integers(1, 4), st.just(11), st.just(12), st.just(3)))


def pictures(seed: int, count: int = 5) -> Pictures:
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 9, 3), dtype=np.uint8)


def near(truth: Pictures, seed: int) -> Pictures:
    """Pictures off by up to 24 levels, so that about half of the values count as right."""
    offset = np.random.default_rng(seed).integers(-24, 25, truth.shape)
    return (truth.astype(int) + offset).clip(0, 255).astype(np.uint8)


def signed(seed: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-1.2, 1.2, (5, 3, 8, 9)).astype(np.float32)


def hasler_suesstrunk(picture: Pictures) -> float:
    """M3 of the paper, written out with the standard library's words for one picture."""
    r, g, b = picture.astype(np.float64).reshape(-1, 3).T
    rg, yb = r - g, 0.5 * (r + g) - b
    return float(np.sqrt(rg.std() ** 2 + yb.std() ** 2) + 0.3 * np.sqrt(rg.mean() ** 2 + yb.mean() ** 2))


def test_a_value_off_by_11_counts_and_one_off_by_12_does_not() -> None:
    assert STUDY_MARGIN == 12
    truth = np.array([100, 100, 100, 100], dtype=np.uint8)
    assert accuracy_within(np.array([111, 111, 89, 89], dtype=np.uint8), truth) == 1.0
    assert accuracy_within(np.array([112, 112, 88, 88], dtype=np.uint8), truth) == 0.0


def test_accuracy_is_the_share_worked_out_by_hand() -> None:
    prediction = np.array([[[0, 11, 12], [255, 100, 7]]], dtype=np.uint8)
    truth = np.array([[[0, 0, 0], [0, 105, 250]]], dtype=np.uint8)
    assert accuracy_within(prediction, truth) == pytest.approx(3 / 6)


def test_levels_do_not_wrap_round_when_they_are_compared() -> None:
    black, white = np.zeros((4, 3), dtype=np.uint8), np.full((4, 3), 255, dtype=np.uint8)
    assert accuracy_within(black, white) == 0.0
    assert accuracy_within(white, black) == 0.0


@pytest.mark.parametrize(("margin", "accuracy"), [(1, 0.25), (2, 0.5), (256, 1.0)])
def test_another_margin_is_strict_too(margin: int, accuracy: float) -> None:
    prediction, truth = np.array([5, 6, 7, 255], dtype=np.uint8), np.array([5, 5, 5, 0], dtype=np.uint8)
    assert accuracy_within(prediction, truth, margin=margin) == accuracy


def test_accuracy_does_not_care_which_side_is_the_truth() -> None:
    truth = pictures(0)
    prediction = near(truth, 1)
    assert 0.2 < accuracy_within(prediction, truth) < 0.8
    assert accuracy_within(prediction, truth) == accuracy_within(truth, prediction)


def test_mean_over_pictures_is_the_mean_over_values() -> None:
    truth = pictures(0)
    prediction = near(truth, 1)
    one_by_one = [accuracy_within(ours, theirs) for ours, theirs in zip(prediction, truth, strict=True)]
    assert len(set(one_by_one)) > 1
    assert accuracy_within(prediction, truth) == pytest.approx(np.mean(one_by_one), abs=1e-6)


def test_mean_squared_error_is_the_one_of_scikit_image() -> None:
    ours, theirs = signed(0), signed(1)
    expected = skimage.metrics.mean_squared_error(ours, theirs)
    assert mean_squared_error(ours, theirs) == pytest.approx(expected, rel=1e-5)


def test_mean_squared_error_punishes_what_leaves_the_range() -> None:
    assert mean_squared_error(np.array([3.0]), np.array([1.0])) == 4.0


def test_colorfulness_is_the_formula_of_the_paper() -> None:
    color = pictures(3)
    color[1] //= 4
    assert colorfulness(color) == pytest.approx(np.mean([hasler_suesstrunk(one) for one in color]), rel=1e-5)


def test_colorfulness_of_red_stripes_on_black_is_as_worked_out_by_hand() -> None:
    stripes = np.zeros((1, 4, 4, 3), dtype=np.uint8)
    stripes[0, ::2, :, 0] = 255
    # rg is 255 or 0, yb is 127.5 or 0: means and deviations are 127.5 and 63.75.
    assert colorfulness(stripes) == pytest.approx(1.3 * (127.5**2 + 63.75**2) ** 0.5, rel=1e-6)


def test_gray_pictures_have_no_colorfulness() -> None:
    assert colorfulness(np.repeat(pictures(4)[..., :1], 3, axis=3)) == 0.0


@pytest.mark.parametrize(
    ("metric", "arguments"),
    [
        (accuracy_within, (pictures(0), near(pictures(0), 1))),
        (mean_squared_error, (signed(0), signed(1))),
        (colorfulness, (pictures(0),)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_numpy_and_torch_measure_the_same(metric: Any, arguments: tuple[npt.NDArray[Any], ...]) -> None:
    of_tensors = metric(*[torch.from_numpy(argument) for argument in arguments])
    assert isinstance(of_tensors, float)
    assert of_tensors == pytest.approx(metric(*arguments), rel=1e-5)


@pytest.mark.parametrize("metric", [accuracy_within, mean_squared_error])
@pytest.mark.parametrize("make", [np.zeros, torch.zeros])
def test_shapes_that_differ_are_refused_even_where_they_could_be_stretched(metric: Any, make: Any) -> None:
    with pytest.raises(DataError, match=r"\(2, 4, 3\).*\(1, 4, 3\)"):
        metric(make((2, 4, 3)), make((1, 4, 3)))


def larger(seed: int, count: int = 4) -> Pictures:
    return np.random.default_rng(seed).integers(0, 256, (count, 16, 13, 3), dtype=np.uint8)


@pytest.mark.parametrize("measure", [accuracy_within, mean_squared_error])
def test_mean_over_pictures_one_by_one_is_the_measure_of_all(measure: Any) -> None:
    truth = larger(0).astype(np.int16)
    prediction = near(larger(0), 1).astype(np.int16)
    one_by_one = by_picture(measure, prediction, truth)
    assert one_by_one.shape == (4,)
    assert np.mean(one_by_one) == pytest.approx(measure(prediction, truth), rel=1e-5)


def test_colorfulness_of_pictures_one_by_one_is_that_of_all() -> None:
    color = larger(2)
    color[1] //= 4
    assert by_picture(colorfulness, color) == pytest.approx([hasler_suesstrunk(one) for one in color], rel=1e-5)
    assert by_picture(colorfulness, color).mean() == pytest.approx(colorfulness(color))


def test_which_values_are_within_the_margin() -> None:
    prediction, truth = np.array([111, 112, 88, 0], dtype=np.uint8), np.array([100, 100, 100, 255], dtype=np.uint8)
    assert is_within(prediction, truth).tolist() == [True, False, False, False]


def test_peak_signal_to_noise_is_the_one_of_scikit_image() -> None:
    truth = larger(0)
    prediction = near(truth, 1)
    expected = [skimage.metrics.peak_signal_noise_ratio(t, p) for t, p in zip(truth, prediction, strict=True)]
    assert peak_signal_to_noise(prediction, truth) == pytest.approx(expected, rel=1e-6)


def test_peak_signal_to_noise_of_all_values_off_by_the_whole_range_is_0() -> None:
    assert peak_signal_to_noise(np.zeros((1, 2, 2, 3), np.uint8), np.full((1, 2, 2, 3), 255, np.uint8)) == [0.0]


def test_structural_similarity_is_the_mean_over_channels_of_the_paper() -> None:
    truth = larger(0)
    prediction = near(truth, 1)

    def of_channel(picture: int, channel: int) -> float:
        ours, theirs = prediction[picture, ..., channel], truth[picture, ..., channel]
        settings_of_paper = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        return float(skimage.metrics.structural_similarity(ours, theirs, data_range=255, **settings_of_paper))

    expected = [np.mean([of_channel(picture, channel) for channel in range(3)]) for picture in range(4)]
    assert structural_similarity(prediction, truth) == pytest.approx(expected)


def test_structure_of_pictures_below_the_window_is_refused() -> None:
    with pytest.raises(DataError, match="at least 11"):
        structural_similarity(pictures(0), pictures(1))


def test_color_measures_are_those_of_scikit_image() -> None:
    truth = larger(0)
    prediction = near(truth, 1)
    ours, theirs = skimage.color.rgb2lab(prediction), skimage.color.rgb2lab(truth)
    ab_distance = np.hypot(*np.moveaxis((ours - theirs)[..., 1:], -1, 0))
    difference = skimage.color.deltaE_ciede2000(ours, theirs)
    assert chroma_error(prediction, truth) == pytest.approx(ab_distance.mean(axis=(1, 2)), abs=1e-3)
    assert color_difference(prediction, truth) == pytest.approx(difference.mean(axis=(1, 2)), abs=1e-3)


def test_gray_pictures_differ_in_lightness_but_not_in_chroma() -> None:
    dark, light = np.full((1, 3, 3, 3), 60, np.uint8), np.full((1, 3, 3, 3), 180, np.uint8)
    assert chroma_error(dark, light) == pytest.approx([0.0], abs=1e-2)
    assert color_difference(dark, light)[0] > 20.0


def test_chroma_error_of_red_against_gray_is_the_chroma_of_red() -> None:
    red = np.full((1, 2, 2, 3), (255, 0, 0), np.uint8)
    # CIELAB of sRGB red under D65: L* 53.24, a* 80.09, b* 67.20.
    assert chroma_error(red, np.full_like(red, 128)) == pytest.approx([np.hypot(80.09, 67.20)], abs=0.05)


def test_luma_change_is_the_largest_one_of_each_picture() -> None:
    gray = np.full((2, 2, 2), 100, np.uint8)
    color = np.full((2, 2, 2, 3), 100, np.uint8)
    color[1, 0, 0, 0] += 100  # red has 0.299 of luma
    color[1, 1, 1, 1] -= 10  # green has 0.587
    assert largest_luma_change(color, gray) == pytest.approx([0.0, 29.9], abs=1e-3)


@settings(max_examples=20, deadline=None)
@given(any_pictures)
def test_a_picture_is_equal_to_itself(color: Pictures) -> None:
    assert np.isinf(peak_signal_to_noise(color, color)).all()
    assert structural_similarity(color, color) == pytest.approx(1.0)
    assert chroma_error(color, color) == pytest.approx(0.0)
    assert color_difference(color, color) == pytest.approx(0.0)


@pytest.mark.parametrize("measure", PICTURE_MEASURES, ids=lambda measure: measure.__name__)
@given(order=st.permutations(range(4)))
@settings(max_examples=10, deadline=None)
def test_each_value_belongs_to_its_picture(measure: Any, order: list[int]) -> None:
    truth = larger(5)
    prediction = near(truth, 6)
    values = measure(prediction, truth)
    assert len(set(values)) == 4
    assert measure(prediction[order], truth[order]).tolist() == values[order].tolist()


@pytest.mark.parametrize("measure", PICTURE_MEASURES, ids=lambda measure: measure.__name__)
def test_other_numbers_of_pictures_are_refused(measure: Any) -> None:
    with pytest.raises(DataError, match=r"\(4, 16, 13, 3\).*\(1, 16, 13, 3\)"):
        measure(larger(0), larger(1, count=1))


def test_calibration_error_is_as_worked_out_by_hand() -> None:
    stated = np.array([0.95, 0.95, 0.95, 0.95, 0.15])
    hits = np.array([True, True, True, False, False])
    # Four values at 0.95 of which 0.75 came true, one at 0.15 that did not.
    assert calibration(stated, hits, bins=10).error == pytest.approx(0.8 * 0.20 + 0.2 * 0.15)
    low, high = calibration(stated, hits, bins=10).table()
    assert low == pytest.approx({"from": 0.1, "to": 0.2, "stated": 0.15, "observed": 0.0, "share": 0.2})
    assert high == pytest.approx({"from": 0.9, "to": 1.0, "stated": 0.95, "observed": 0.75, "share": 0.8})


def test_probabilities_that_come_true_as_often_as_stated_have_no_error() -> None:
    stated = np.random.default_rng(0).uniform(size=(100, 100, 10)).astype(np.float32)
    hits = np.random.default_rng(1).uniform(size=stated.shape) < stated
    assert calibration(stated, hits).error < 0.01
    assert calibration(stated, ~hits).error > 0.4


def test_certainty_belongs_to_the_last_bin() -> None:
    (only,) = calibration(np.ones(3), np.array([1.0, 0.5, 0.0]), bins=4).table()
    assert only == pytest.approx({"from": 0.75, "to": 1.0, "stated": 1.0, "observed": 0.5, "share": 1.0})


@settings(max_examples=25)
@given(arrays(np.float64, st.tuples(st.just(3), st.integers(1, 20)), elements=st.floats(0.0, 1.0)))
def test_pooled_calibrations_are_that_of_all_values(stated: npt.NDArray[np.float64]) -> None:
    hits = np.round(stated[:, ::-1])
    parts = [calibration(*one) for one in zip(stated, hits, strict=True)]
    assert pooled(parts).error == pytest.approx(calibration(stated, hits).error)
    assert 0.0 <= pooled(parts).error <= 1.0


@pytest.mark.parametrize("stated", [[1.5], [-0.1], [float("nan")], []])
def test_what_is_no_probability_is_refused(stated: list[float]) -> None:
    with pytest.raises(DataError, match="from 0 to 1"):
        calibration(np.array(stated), np.ones(len(stated)))


def test_a_probability_for_each_outcome_is_required() -> None:
    with pytest.raises(DataError, match=r"\(2,\).*\(1,\)"):
        calibration(np.array([0.5, 0.5]), np.array([1.0]))

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import skimage.metrics
import torch

from photochrom.errors import DataError
from photochrom.metrics import STUDY_MARGIN, accuracy_within, colorfulness, mean_squared_error

Pictures = npt.NDArray[np.uint8]


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

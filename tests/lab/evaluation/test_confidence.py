import numpy as np
import pytest

from photochrom.lab.evaluation._confidence import Confidence, pooled_confidence
from photochrom.lab.metrics import calibration


def confidence(levels: list[int], hits: list[float]) -> Confidence:
    return Confidence.of(np.array(levels, np.uint8), np.array(hits))


def test_calibration_error_is_that_of_the_metrics() -> None:
    random = np.random.default_rng(0)
    levels = random.integers(0, 256, 5000).astype(np.uint8)
    hits = random.random(5000) < levels / 255.0 * 0.7
    expected = calibration(levels / 255.0, hits)
    found = Confidence.of(levels, hits).calibration
    assert found.error == pytest.approx(expected.error)
    assert [row["observed"] for row in found.table()] == pytest.approx([row["observed"] for row in expected.table()])


def test_calibration_error_of_a_few_values_by_hand() -> None:
    assert confidence([255, 255, 0, 0], [1.0, 0.0, 0.0, 0.0]).calibration.error == pytest.approx(0.25)
    assert confidence([51, 51, 51, 51, 51], [1.0, 0.0, 0.0, 0.0, 0.0]).calibration.error == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("levels", "hits", "expected"),
    [
        ([200, 100], [1.0, 0.0], 1.0),
        ([100, 200], [1.0, 0.0], 0.0),
        ([150, 150], [1.0, 0.0], 0.5),
        # Of the six pairs of right and wrong, right is surer in four and as sure in one.
        ([9, 7, 5, 7, 3], [1.0, 1.0, 0.0, 0.0, 1.0], (2 + 1.5 + 0) / 6),
        # One right and one wrong value at each level: half of each pair.
        ([9, 3], [0.5, 0.5], 0.5),
    ],
)
def test_discrimination_by_hand(levels: list[int], hits: list[float], expected: float) -> None:
    assert confidence(levels, hits).discrimination == pytest.approx(expected)


def test_discrimination_needs_right_and_wrong() -> None:
    assert np.isnan(confidence([9, 7], [1.0, 1.0]).discrimination)


def test_each_photo_counts_the_same_whatever_its_size() -> None:
    small, large = confidence([255], [1.0]), confidence([255] * 9, [0.0] * 9)
    pooled = pooled_confidence([small, large])
    assert pooled.calibration.error == pytest.approx(0.5)

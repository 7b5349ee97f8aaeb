from dataclasses import replace

import numpy as np
import pytest

from photochrom.errors import DataError
from photochrom.lab.datasets import Pairs
from photochrom.lab.datasets._pairs import pairs_from_color


@pytest.fixture
def pairs() -> Pairs:
    color = np.random.default_rng(0).integers(0, 256, (3, 8, 9, 3), dtype=np.uint8)
    return pairs_from_color(["a", "b", "c"], color, left_out=["d: broken"])


def test_taken_pairs_come_in_the_order_that_was_asked_for(pairs: Pairs) -> None:
    taken = pairs.take([2, 0])
    assert taken.names == ("c", "a")
    assert len(taken) == 2
    np.testing.assert_array_equal(taken.gray, pairs.gray[[2, 0]])
    np.testing.assert_array_equal(taken.truth, pairs.truth[[2, 0]])


def test_taken_pairs_keep_their_labels(pairs: Pairs) -> None:
    labeled = replace(pairs, labels=("x", "y", "z"))
    assert labeled.take([2, 0]).labels == ("z", "x")
    assert pairs.take([2, 0]).labels is None


def test_gray_pairs_can_be_taken_too(pairs: Pairs) -> None:
    taken = Pairs(pairs.names, pairs.gray, None).take([1])
    assert taken.names == ("b",)
    assert taken.color is None


def test_asking_for_a_truth_that_does_not_exist_is_refused(pairs: Pairs) -> None:
    with pytest.raises(DataError, match="gray only"):
        _ = Pairs(pairs.names, pairs.gray, None).truth


def test_luma_of_the_pure_colors_is_as_worked_out_by_hand() -> None:
    primaries = np.eye(3, dtype=np.uint8).reshape(3, 1, 1, 3) * 255
    luma = pairs_from_color(["red", "green", "blue"], primaries).gray.ravel().tolist()
    assert luma == [76, 150, 29]  # 255 times 0.299, 0.587 and 0.114


def test_files_that_were_left_out_are_kept_in_mind(pairs: Pairs) -> None:
    assert pairs.left_out == ("d: broken",)

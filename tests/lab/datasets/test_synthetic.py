import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from photochrom.errors import ConfigError, DataError
from photochrom.lab.datasets import SPLITS, Pairs, Split, available, open_dataset
from photochrom.lab.datasets._faces import MIN_SIZE, draw_faces
from photochrom.lab.datasets.synthetic import Synthetic

Values = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def train() -> Pairs:
    return Synthetic(train_count=200).split("train")


@pytest.fixture(scope="module")
def val() -> Pairs:
    return Synthetic(val_count=160).split("val")


def accuracy(prediction: Values, truth: npt.NDArray[np.uint8]) -> float:
    """The study's measure, written out: the share of channel values that are off by less than 12."""
    return float((np.abs(prediction - truth) < 12).mean())


def lookup_table(pairs: Pairs) -> Values:
    """The mean color of every gray level; a level that never occurs keeps its gray."""
    counts = np.bincount(pairs.gray.ravel(), minlength=256)
    sums = [np.bincount(pairs.gray.ravel(), channel.ravel(), 256) for channel in np.moveaxis(pairs.truth, 3, 0)]
    grays = np.arange(256.0)
    table: Values = np.stack([np.where(counts > 0, total / np.maximum(counts, 1), grays) for total in sums], axis=1)
    return table


def cheeks(color: npt.NDArray[np.uint8]) -> Values:
    """The mean color beside the nose, where hardly ever anything but skin lies."""
    height, width = color.shape[1:3]
    rows = slice(int(0.45 * height), int(0.55 * height))
    left, right = slice(int(0.24 * width), int(0.32 * width)), slice(int(0.68 * width), int(0.76 * width))
    both = np.concatenate([color[:, rows, left], color[:, rows, right]], axis=2)
    skin: Values = both.mean(axis=(1, 2))
    return skin


def test_the_catalogue_opens_it_by_name() -> None:
    assert "synthetic" in available()
    dataset = open_dataset("synthetic")
    assert isinstance(dataset, Synthetic)
    assert dataset.name == "synthetic"
    assert dataset.is_at_hand()


def test_same_seed_gives_same_pictures() -> None:
    np.testing.assert_array_equal(draw_faces(20, seed=3), draw_faces(20, seed=3))


def test_another_seed_gives_other_pictures() -> None:
    ours, theirs = draw_faces(10, seed=3), draw_faces(10, seed=4)
    assert all((one != other).any() for one, other in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("split", SPLITS)
def test_the_first_faces_do_not_depend_on_how_many_follow(split: Split) -> None:
    few = Synthetic(train_count=3, val_count=3, test_count=3, size=24).split(split)
    many = Synthetic(train_count=21, val_count=21, test_count=21, size=24).split(split)
    np.testing.assert_array_equal(few.gray, many.gray[:3])
    assert few.names == many.names[:3]


def test_a_face_of_another_size_is_the_same_face() -> None:
    large = draw_faces(8, seed=0, size=80).reshape(8, 10, 8, 10, 8, 3).mean(axis=(2, 4))
    small = draw_faces(8, seed=0, size=40).reshape(8, 10, 4, 10, 4, 3).mean(axis=(2, 4))
    assert np.abs(large - small).mean() < 4


def test_no_picture_occurs_twice_in_or_across_the_splits() -> None:
    dataset = Synthetic(train_count=20, val_count=20, test_count=20, size=24)
    pictures = [picture.tobytes() for split in SPLITS for picture in dataset.split(split).gray]
    assert len(set(pictures)) == 60


def test_splits_have_the_counts_and_names_that_were_asked_for() -> None:
    dataset = Synthetic(train_count=3, val_count=2, test_count=1, size=24)
    assert dataset.split("train").names == ("train/0000.png", "train/0001.png", "train/0002.png")
    assert dataset.split("val").names == ("val/0000.png", "val/0001.png")
    assert dataset.split("test").names == ("test/0000.png",)


def test_the_test_split_has_no_truth() -> None:
    assert Synthetic(test_count=1, size=24).split("test").color is None


def test_gray_is_what_pillow_makes_of_the_color(val: Pairs) -> None:
    for gray, color in zip(val.gray[:5], val.truth[:5], strict=True):
        np.testing.assert_array_equal(gray, np.asarray(Image.fromarray(color).convert("L")))


def test_skin_is_of_light_and_dark_tones_and_always_warm(train: Pairs) -> None:
    skin = cheeks(train.truth)
    luma = skin @ np.array([0.299, 0.587, 0.114])
    low, high = np.percentile(luma, [5, 95])
    assert low < 100
    assert high > 160
    red, green, blue = skin.T
    assert np.mean((red > green) & (green > blue)) > 0.85


def test_pictures_are_neither_flat_nor_burnt_out(train: Pairs) -> None:
    assert np.all(train.gray.std(axis=(1, 2)) > 8)
    assert np.mean(train.truth == 255) < 0.06
    assert np.mean(train.truth == 0) < 0.06


def test_a_tint_curve_beats_copied_gray_by_far(train: Pairs, val: Pairs) -> None:
    gray = accuracy(np.repeat(val.gray[..., None], 3, axis=3).astype(np.float64), val.truth)
    curve = accuracy(lookup_table(train)[val.gray], val.truth)
    assert 0.2 < gray < 0.35
    assert 0.65 < curve < 0.82


def test_knowing_the_pictures_tint_beats_the_tint_curve(train: Pairs, val: Pairs) -> None:
    curve = accuracy(lookup_table(train)[val.gray], val.truth)
    gray = val.gray[..., None].astype(np.float64)
    tint = (val.truth - gray).mean(axis=(1, 2), keepdims=True)
    assert accuracy(gray + tint, val.truth) > curve + 0.04


def test_knowing_what_lies_where_beats_knowing_the_pictures_tint(val: Pairs) -> None:
    gray = val.gray[..., None].astype(np.float64)
    tint = (val.truth - gray).mean(axis=(1, 2), keepdims=True)
    blocks = (val.truth - gray).reshape(len(val), 8, 10, 8, 10, 3).mean(axis=(2, 4))
    local = gray + blocks.repeat(10, axis=1).repeat(10, axis=2)
    assert accuracy(local, val.truth) > accuracy(gray + tint, val.truth) + 0.02


@pytest.mark.parametrize("size", [MIN_SIZE, 17, 33, 96])
def test_pictures_have_the_size_that_was_asked_for(size: int) -> None:
    pairs = Synthetic(val_count=2, size=size).split("val")
    assert pairs.gray.shape == (2, size, size)
    assert pairs.truth.shape == (2, size, size, 3)
    assert pairs.truth.dtype == np.uint8


@pytest.mark.parametrize(
    "arguments",
    [{"train_count": 0}, {"val_count": -1}, {"test_count": 0}, {"size": MIN_SIZE - 1}, {"seed": -1}],
    ids=str,
)
def test_an_argument_out_of_range_is_refused_in_one_line(arguments: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=r"^[^\n]+$"):
        Synthetic(**arguments)


def test_drawing_no_face_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        draw_faces(0, seed=0)


def test_a_split_that_does_not_exist_is_refused() -> None:
    with pytest.raises(DataError, match="dev"):
        Synthetic().split("dev")  # type: ignore[arg-type]


def test_a_checkpoint_can_remember_which_faces_it_saw() -> None:
    fingerprint = Synthetic(seed=5, train_count=7).fingerprint()
    assert fingerprint["name"] == "synthetic"
    assert fingerprint["seed"] == 5
    assert fingerprint["counts"]["train"] == 7

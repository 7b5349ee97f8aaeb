import json
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photochrom.errors import DataError
from photochrom.lab.datasets import SPLITS, Dataset, add, available, describe, open_dataset
from photochrom.lab.datasets._catalogue import entry
from photochrom.lab.datasets._published import PictureCollection
from photochrom.lab.datasets.folder import Folder
from photochrom.lab.datasets.study import Study
from photochrom.lab.datasets.synthetic import Synthetic

Opener = Callable[[], Dataset]


def small_synthetic(published: Path) -> Opener:
    return lambda: Synthetic(train_count=4, val_count=2, test_count=2, size=24)


def small_folder(published: Path) -> Opener:
    pictures = published.parent / "pictures"
    pictures.mkdir()
    rng = np.random.default_rng(0)
    for index in range(8):
        color = rng.integers(0, 256, (12 + index, 20, 3), dtype=np.uint8)
        Image.fromarray(color).save(pictures / f"{index}.png")
    return lambda: Folder(root=pictures, size=16)


def small_study(published: Path) -> Opener:
    Study().add(published)
    return Study


SMALL: dict[str, Callable[[Path], Opener]] = {
    "folder": small_folder,
    "study": small_study,
    "synthetic": small_synthetic,
}
"""How to have few pictures; a data set that is not named here is opened as a user opens it."""


@pytest.fixture(params=available())
def opener(request: pytest.FixtureRequest, published: Path, draw_collection: Callable[[str], Path]) -> Opener:
    name: str = request.param
    kind = entry(name)
    if issubclass(kind, PictureCollection):
        add(draw_collection(kind.collection))
    return SMALL[name](published) if name in SMALL else lambda: open_dataset(name)


@pytest.fixture
def dataset(opener: Opener) -> Dataset:
    return opener()


def test_pictures_are_uint8_of_equal_sizes(dataset: Dataset) -> None:
    sizes = set()
    for split in SPLITS:
        pairs = dataset.split(split)
        assert len(pairs) == len(pairs.names) == len(pairs.gray) > 0
        assert pairs.gray.dtype == np.uint8
        sizes.add(pairs.gray.shape[1:])
        if pairs.color is not None:
            assert pairs.color.dtype == np.uint8
            assert pairs.color.shape == (*pairs.gray.shape, 3)
    assert len(sizes) == 1


def test_gray_is_what_pillow_makes_of_the_color(dataset: Dataset) -> None:
    for split in ("train", "val"):
        pairs = dataset.split(split)
        for gray, color in zip(pairs.gray, pairs.truth, strict=True):
            np.testing.assert_array_equal(gray, np.asarray(Image.fromarray(color).convert("L")))


def test_names_are_unique_across_the_splits(dataset: Dataset) -> None:
    names = list(chain.from_iterable(dataset.split(split).names for split in SPLITS))
    assert len(set(names)) == len(names)


def test_it_gives_the_same_whenever_it_is_opened(opener: Opener) -> None:
    for split in SPLITS:
        first, again = opener().split(split), opener().split(split)
        assert first.names == again.names
        np.testing.assert_array_equal(first.gray, again.gray)
        assert (first.color is None) == (again.color is None)
        if first.color is not None:
            np.testing.assert_array_equal(first.color, again.truth)


def test_no_sound_picture_is_left_out(dataset: Dataset) -> None:
    assert [dataset.split(split).left_out for split in SPLITS] == [(), (), ()]


def test_its_fingerprint_is_plain_json_with_its_name(dataset: Dataset) -> None:
    fingerprint = dataset.fingerprint()
    assert json.loads(json.dumps(fingerprint)) == fingerprint
    assert fingerprint["name"] == dataset.name


def test_its_name_opens_it_again(dataset: Dataset) -> None:
    again = open_dataset(dataset.name)
    assert type(again) is type(dataset)
    assert again.name == dataset.name


def test_once_at_hand_preparing_it_does_nothing(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*arguments: object, **options: object) -> None:
        pytest.fail("something was downloaded")

    monkeypatch.setattr("urllib.request.urlopen", no_network)
    assert dataset.is_at_hand()
    dataset.prepare()


@pytest.mark.parametrize("name", available())
def test_it_says_in_a_line_each_what_it_is_and_what_its_rights_are(name: str) -> None:
    _, summary, rights, here = describe(name)
    assert summary
    assert rights
    assert "\n" not in summary + rights
    assert here in {"", "yes", "no"}


def test_a_split_that_does_not_exist_is_refused(dataset: Dataset) -> None:
    with pytest.raises(DataError, match="dev"):
        dataset.split("dev")  # type: ignore[arg-type]

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photochrom.errors import ConfigError, DataError
from photochrom.lab.datasets import Pairs, open_dataset
from photochrom.lab.datasets._faces import draw_faces
from photochrom.lab.datasets._mixture import Mixture
from photochrom.lab.datasets.folder import Folder
from photochrom.lab.datasets.study import Study
from photochrom.lab.datasets.synthetic import Synthetic
from photochrom.lab.datasets.utkface import UTKFace


@pytest.fixture
def first() -> Synthetic:
    return Synthetic(train_count=5, val_count=3, test_count=2, size=80)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Eight other faces as files, four of them to learn from."""
    for index, face in enumerate(draw_faces(8, seed=9)):
        split = "train" if index < 4 else ("val", "test")[index % 2]
        (tmp_path / "pictures" / split).mkdir(parents=True, exist_ok=True)
        Image.fromarray(face).save(tmp_path / "pictures" / split / f"{index}.png")
    return tmp_path / "pictures"


def save_copy(gray: np.ndarray, path: Path) -> None:
    tinted = np.stack([gray, gray, gray // 2], axis=2)  # for gray pictures of a folder are left out
    Image.fromarray(tinted).save(path, quality=70)


def assert_equal(one: Pairs, other: Pairs) -> None:
    assert one.names == other.names
    np.testing.assert_array_equal(one.gray, other.gray)
    assert (one.color is None) == (other.color is None)


def test_it_learns_from_all_parts_one_after_the_other(first: Synthetic, pictures: Path) -> None:
    folder = Folder(root=pictures)
    train = Mixture([first, folder]).split("train")
    assert train.names == (
        *first.split("train").names,
        *(f"{pictures.as_posix()}/{name}" for name in folder.split("train").names),
    )
    np.testing.assert_array_equal(train.truth[:5], first.split("train").truth)
    np.testing.assert_array_equal(train.truth[5:], folder.split("train").truth)
    np.testing.assert_array_equal(train.gray[5:], folder.split("train").gray)
    assert train.labels is None


def test_a_small_part_can_be_shown_several_times(first: Synthetic, pictures: Path) -> None:
    folder = Folder(root=pictures)
    mixture = open_dataset(f"synthetic+3*{pictures}")
    assert mixture.name == f"synthetic+3*{pictures.resolve().as_posix()}"
    train = Mixture([first, folder], [1, 3]).split("train")
    once = Mixture([first, folder]).split("train")
    assert len(once) == 9
    assert train.names == once.names + once.names[5:] * 2
    np.testing.assert_array_equal(train.truth[9:13], once.truth[5:])


@pytest.mark.parametrize("spec", ["2*synthetic+study", "0.5*synthetic+study", "synthetic+0*study"])
def test_a_first_part_with_a_factor_and_a_part_without_pictures_are_refused(spec: str) -> None:
    with pytest.raises(
        ConfigError, match="the first data set counts once; later ones a whole number or a share below 1"
    ):
        open_dataset(spec)


def test_its_first_part_is_the_scored_one(first: Synthetic, pictures: Path) -> None:
    assert Mixture([first, Folder(root=pictures)]).scored_part() is first
    assert first.scored_part() is first


def test_it_is_scored_on_the_first_part_alone(first: Synthetic, pictures: Path) -> None:
    mixture = Mixture([first, Folder(root=pictures)])
    for split in ("val", "test"):
        assert_equal(mixture.split(split), first.split(split))


def test_what_the_first_part_keeps_back_is_not_learnt_from_another_part(first: Synthetic, pictures: Path) -> None:
    save_copy(first.split("val").gray[1], pictures / "train" / "of-val.jpg")
    save_copy(first.split("test").gray[0], pictures / "train" / "of-test.jpg")
    save_copy(first.split("train").gray[0], pictures / "train" / "of-train.jpg")
    train = Mixture([first, Folder(root=pictures)]).split("train")
    root = pictures.as_posix()
    assert train.left_out == (
        f"{root}/train/of-test.jpg: nearly the same picture as test/0000.png, which is kept back",
        f"{root}/train/of-val.jpg: nearly the same picture as val/0001.png, which is kept back",
    )
    assert f"{root}/train/of-train.jpg" in train.names
    assert len(train) == 5 + 4 + 1


def test_a_first_part_without_a_test_split_will_do(first: Synthetic, pictures: Path) -> None:
    shutil.rmtree(pictures / "test")
    assert len(Mixture([Folder(root=pictures), first]).split("train")) == 4 + 5


def test_pictures_of_parts_that_say_nothing_of_them_are_unlabeled(
    first: Synthetic, draw_collection: Callable[[str], Path]
) -> None:
    UTKFace().add(draw_collection("utkface"))
    train = Mixture([first, UTKFace()]).split("train")
    assert train.labels == ("unknown",) * 5 + (UTKFace().split("train").labels or ())


def test_parts_of_different_sizes_are_refused(pictures: Path) -> None:
    mixture = Mixture([Synthetic(train_count=2, val_count=2, test_count=2, size=24), Folder(root=pictures)])
    with pytest.raises(DataError, match=r"synthetic has 24x24 and .* has 80x80"):
        mixture.split("train")


def test_one_part_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"synthetic\+synthetic: names one data set twice"):
        Mixture([Synthetic(), Synthetic()])


def test_its_fingerprint_holds_those_of_its_parts(first: Synthetic, pictures: Path) -> None:
    folder = Folder(root=pictures)
    assert Mixture([first, folder]).fingerprint() == {
        "name": f"synthetic+{pictures.as_posix()}",
        "parts": [first.fingerprint(), folder.fingerprint()],
    }


def test_a_part_that_is_not_here_is_told(published: Path) -> None:
    mixture = open_dataset("synthetic+study+utkface")
    with pytest.raises(DataError, match="the study's pictures are not on this machine"):
        mixture.require_at_hand()
    Study().add(published)
    with pytest.raises(DataError, match="the pictures of utkface are not on this machine"):
        mixture.require_at_hand()


def test_preparing_it_prepares_every_part(first: Synthetic, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = []
    monkeypatch.setattr(Study, "prepare", lambda self, progress: prepared.append(self.name))
    Mixture([first, Study()]).prepare()
    assert prepared == ["study"]

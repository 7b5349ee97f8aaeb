from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from photochrom.errors import ConfigError, DataError
from photochrom.lab.datasets import SPLITS
from photochrom.lab.datasets.folder import Folder


def draw(root: Path, names: Sequence[str], seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(root / name)
    return root


@pytest.fixture
def twenty(tmp_path: Path) -> Path:
    return draw(tmp_path / "twenty", [f"{index}.png" for index in range(20)])


def names(dataset: Folder) -> dict[str, tuple[str, ...]]:
    return {split: dataset.split(split).names for split in SPLITS}


def test_splits_by_seed_are_disjoint_and_complete(twenty: Path) -> None:
    splits = names(Folder(root=twenty, size=8))
    together = [name for split in splits.values() for name in split]
    assert sorted(together) == sorted(f"{index}.png" for index in range(20))


def test_splits_by_seed_are_repeatable_wherever_the_folder_lies(twenty: Path, tmp_path: Path) -> None:
    moved = draw(tmp_path / "else" / "where", [f"{index}.png" for index in reversed(range(20))], seed=1)
    assert names(Folder(root=twenty, size=8)) == names(Folder(root=twenty, size=8))
    assert names(Folder(root=twenty, size=8)) == names(Folder(root=moved, size=8))


def test_another_seed_splits_otherwise(twenty: Path) -> None:
    assert names(Folder(root=twenty, size=8)) != names(Folder(root=twenty, size=8, seed=1))


@pytest.mark.parametrize(("share", "held_back"), [(0.1, 2), (0.2, 4), (0.01, 1)])
def test_the_share_is_kept_back_for_validation_and_again_for_the_test(
    share: float, held_back: int, twenty: Path
) -> None:
    splits = names(Folder(root=twenty, size=8, val_share=share))
    assert [len(splits[split]) for split in SPLITS] == [20 - 2 * held_back, held_back, held_back]


def test_each_split_is_sorted_as_text_and_holds_the_pictures_of_its_names(twenty: Path) -> None:
    pairs = Folder(root=twenty, size=8).split("train")
    assert list(pairs.names) == sorted(pairs.names)
    for name, color in zip(pairs.names, pairs.truth, strict=True):
        with Image.open(twenty / name) as image:
            np.testing.assert_array_equal(color, np.asarray(image))


def test_split_folders_are_the_splits(tmp_path: Path) -> None:
    draw(tmp_path, ["train/10.png", "train/2.png", "train/deep/er/1.png", "val/1.png", "test/1.png", "other/1.png"])
    assert names(Folder(root=tmp_path, size=8)) == {
        "train": ("train/10.png", "train/2.png", "train/deep/er/1.png"),
        "val": ("val/1.png",),
        "test": ("test/1.png",),
    }


def test_a_test_split_folder_has_a_truth(tmp_path: Path) -> None:
    draw(tmp_path, ["train/1.png", "test/1.png"])
    assert Folder(root=tmp_path, size=8).split("test").color is not None


def test_a_missing_split_folder_is_refused_only_when_it_is_asked_for(tmp_path: Path) -> None:
    dataset = Folder(root=draw(tmp_path, ["train/1.png", "val/1.png"]), size=8)
    assert len(dataset.split("train")) == 1
    with pytest.raises(DataError, match="none is called 'test'"):
        dataset.split("test")


def test_suffixes_in_capitals_and_nested_files_are_found_and_hidden_ones_are_not(tmp_path: Path) -> None:
    draw(tmp_path, ["train/A.PNG", "train/a/b/c.JPG", "train/d.jpeg", "train/e.webp", "train/.f.png"])
    (tmp_path / "train" / "notes.txt").write_text("no picture")
    (tmp_path / "train" / "._A.PNG").write_bytes(b"what a Mac leaves behind")
    pairs = Folder(root=tmp_path, size=8).split("train")
    assert pairs.names == ("train/A.PNG", "train/a/b/c.JPG", "train/d.jpeg", "train/e.webp")
    assert pairs.left_out == ()


def test_files_in_hidden_folders_are_not_found(tmp_path: Path) -> None:
    draw(tmp_path, ["train/a.png", "train/.thumbnails/a.png"])
    assert Folder(root=tmp_path, size=8).split("train").names == ("train/a.png",)


def test_a_folder_that_is_called_like_a_picture_is_no_picture(tmp_path: Path) -> None:
    draw(tmp_path, ["train/album.jpg/a.png"])
    pairs = Folder(root=tmp_path, size=8).split("train")
    assert pairs.names == ("train/album.jpg/a.png",)
    assert pairs.left_out == ()


def test_a_folder_that_is_hidden_itself_can_be_read(tmp_path: Path) -> None:
    assert len(Folder(root=draw(tmp_path / ".cache" / "faces", ["train/a.png"]), size=8).split("train")) == 1


def test_a_broken_picture_is_left_out_and_named(twenty: Path) -> None:
    (twenty / "0.png").write_bytes(b"")
    dataset = Folder(root=twenty, size=8)
    left_out = [line for split in SPLITS for line in dataset.split(split).left_out]
    assert left_out == [f"{twenty / '0.png'}: the file is empty"]


def test_gray_pictures_are_left_out_and_named(twenty: Path) -> None:
    Image.new("RGB", (8, 8), "gray").save(twenty / "0.png")
    Image.new("L", (8, 8), 100).save(twenty / "1.png")
    dataset = Folder(root=twenty, size=8)
    left_out = [line for split in SPLITS for line in dataset.split(split).left_out]
    assert sorted(left_out) == [
        f"{twenty / name}: a gray picture, whose true color is unknown" for name in ("0.png", "1.png")
    ]
    assert sum(len(block) for split in SPLITS for block in dataset.blocks(split)) == 18


def test_a_folder_of_gray_pictures_is_refused_in_one_line(tmp_path: Path) -> None:
    for index in range(20):
        Image.new("L", (8, 8), 10 * index).save(tmp_path / f"{index}.png")
    with pytest.raises(DataError, match=r"none of its 16 pictures can be used; the first: .*: a gray picture") as told:
        Folder(root=tmp_path, size=8).split("train")
    assert "\n" not in str(told.value)


def test_a_copy_of_a_file_that_is_scored_on_is_not_trained_on(tmp_path: Path, caplog: Any) -> None:
    draw(tmp_path, ["train/1.png", "train/2.png", "val/1.png", "test/1.png"])
    copy = tmp_path / "train" / "copy.png"
    copy.write_bytes((tmp_path / "val" / "1.png").read_bytes())
    dataset = Folder(root=tmp_path, size=8)
    pairs = dataset.split("train")
    assert pairs.names == ("train/1.png", "train/2.png")
    assert pairs.left_out == (f"{copy}: the same file as {tmp_path / 'val' / '1.png'}, which is kept back",)
    assert str(copy) in caplog.text
    assert [block.names for block in dataset.blocks("train")] == [pairs.names]
    assert len(dataset.split("val")) == 1


def test_a_new_picture_to_test_on_that_is_trained_on_changes_the_fingerprint(tmp_path: Path) -> None:
    draw(tmp_path, ["train/1.png", "train/2.png", "val/1.png", "test/1.png"])
    dataset = Folder(root=tmp_path, size=8)
    before = dataset.fingerprint()
    (tmp_path / "test" / "2.png").write_bytes((tmp_path / "train" / "2.png").read_bytes())
    assert dataset.fingerprint() != before


def test_pictures_are_brought_to_the_size(twenty: Path) -> None:
    assert Folder(root=twenty, size=12).split("val").truth.shape == (2, 12, 12, 3)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none of its 0 pictures"):
        Folder(root=tmp_path).split("train")


@pytest.mark.parametrize("count", [1, 2])
def test_a_folder_with_too_few_pictures_for_three_splits_says_how_many_are_needed(twenty: Path, count: int) -> None:
    for file in sorted(twenty.iterdir())[count:]:
        file.unlink()
    with pytest.raises(DataError, match=f"{count} in number, none is left for train; at least 3 are needed"):
        Folder(root=twenty).split("train")


def test_an_empty_split_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    with pytest.raises(DataError, match="none of its 0 pictures"):
        Folder(root=tmp_path).split("train")


@pytest.mark.parametrize("name", ["nowhere", "file.png"])
def test_a_folder_that_does_not_exist_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "file.png").touch()
    with pytest.raises(DataError, match="no such folder"):
        Folder(root=tmp_path / name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 7}, "size must be at least 8, not 7"),
        ({"size": 0}, "size must be at least 8"),
        ({"val_share": 0.0}, "val_share must lie between"),
        ({"val_share": 0.5}, "val_share must lie between"),
    ],
    ids=str,
)
def test_an_argument_out_of_range_is_refused(arguments: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        Folder(root=tmp_path, **arguments)


def test_its_name_is_the_absolute_path(twenty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(twenty.parent)
    assert Folder(root=Path("twenty")).name == twenty.resolve().as_posix()


def test_its_fingerprint_changes_with_its_pictures_and_with_where_they_lie(tmp_path: Path) -> None:
    dataset = Folder(root=draw(tmp_path, ["train/1.png", "train/2.png", "val/3.png", "val/4.png", "test/5.png"]))
    before = dataset.fingerprint()
    assert dataset.fingerprint() == before
    (tmp_path / "test" / "5.png").unlink()
    assert dataset.fingerprint() == before
    (tmp_path / "train" / "deep").mkdir()
    for here, there in (("train/1.png", "val/1.png"), ("train/2.png", "train/deep/2.png"), ("val/3.png", "val/6.png")):
        (tmp_path / here).rename(tmp_path / there)
        assert dataset.fingerprint() != before, there
        (tmp_path / there).rename(tmp_path / here)
    assert dataset.fingerprint() == before
    draw(tmp_path, ["val/4.png"], seed=9)
    assert dataset.fingerprint() != before

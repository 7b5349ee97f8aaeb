from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photochrom.errors import DataError
from photochrom.lab.datasets import CheckReport, Pairs, Split, check
from photochrom.lab.datasets._faces import draw_faces
from photochrom.lab.datasets._pictures import read_pairs
from photochrom.lab.datasets.folder import Folder
from photochrom.lab.datasets.study import Study


def save(path: Path, color: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(color).save(path)


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)


def nearly_gray(spread: int) -> np.ndarray:
    """Gray but for one pixel, whose channels lie that far apart."""
    color = np.repeat(noise(spread)[..., :1], 3, axis=2)
    color[3, 4] = (100, 100 + spread, 100)
    return color


class AsItIs(Folder):
    """A set that leaves out nothing that can be read, as the study's."""

    def split(self, split: Split) -> Pairs:
        return read_pairs(self.files(split), root=self.root, size=self.size)


@pytest.fixture
def report(tmp_path: Path) -> CheckReport:
    """What is found in two splits of a folder that lacks the third."""
    save(tmp_path / "train" / "a.png", noise(100))
    save(tmp_path / "train" / "twin.png", noise(101))
    save(tmp_path / "train" / "gray.png", nearly_gray(0))
    save(tmp_path / "train" / "jpeg-gray.png", nearly_gray(3))
    save(tmp_path / "train" / "tinted.png", nearly_gray(4))
    save(tmp_path / "val" / "b.png", noise(102))
    save(tmp_path / "val" / "twin-of-a-twin.png", noise(101))
    (tmp_path / "train" / "broken.png").write_bytes(b"")
    return check(AsItIs(root=tmp_path, size=8))


def test_pictures_without_color_are_found(report: CheckReport) -> None:
    assert report.gray == {"train": ["train/gray.png", "train/jpeg-gray.png"], "val": []}
    assert "gray: train/gray.png, train/jpeg-gray.png" in report.remarks()


def test_the_same_picture_in_two_splits_is_found(report: CheckReport) -> None:
    assert report.duplicates == [["train/twin.png", "val/twin-of-a-twin.png"]]
    assert "the same picture: train/twin.png, val/twin-of-a-twin.png" in report.remarks()


def test_what_is_equal_to_the_bit_is_not_told_again_as_nearly_so(report: CheckReport) -> None:
    assert report.near_duplicates == []


def test_files_that_were_left_out_are_named(report: CheckReport) -> None:
    (line,) = report.splits["train"].left_out
    assert line.endswith("train/broken.png: the file is empty")


def test_a_missing_split_is_named_and_does_not_stop_the_others(report: CheckReport) -> None:
    assert list(report.splits) == ["train", "val"]
    assert list(report.missing) == ["test"]
    assert any(line.startswith("test: ") and "none is called 'test'" in line for line in report.remarks())


def test_a_row_tells_count_size_gray_and_left_out(report: CheckReport) -> None:
    assert report.rows() == [("train", 5, "8x8", 2, 1), ("val", 2, "8x8", 0, 0)]


def test_every_remark_is_one_line_and_nothing_else_is_remarked(report: CheckReport) -> None:
    assert len(report.remarks()) == 3
    assert all(len(line.splitlines()) == 1 for line in report.remarks())


def test_nearly_the_same_picture_to_learn_from_and_to_score_on_is_found(tmp_path: Path) -> None:
    faces = draw_faces(4, seed=1)
    for index, face in enumerate(faces):
        save(tmp_path / ("train" if index < 2 else "val") / f"{index}.png", face)
    Image.fromarray(faces[3]).save(tmp_path / "train" / "copy.jpg", quality=80)
    report = check(Folder(root=tmp_path))
    assert report.near_duplicates == [["train/copy.jpg", "val/3.png"]]
    assert "nearly the same picture: train/copy.jpg, val/3.png" in report.remarks()


def test_there_is_nothing_to_remark_on_a_sound_set(published: Path) -> None:
    Study().add(published)
    report = check(Study())
    assert report.remarks() == []
    assert report.rows() == [("train", 4, "80x80", 0, 0), ("val", 2, "80x80", 0, 0), ("test", 2, "80x80", 0, 0)]


def test_pictures_without_a_truth_are_not_taken_for_gray_ones(published: Path) -> None:
    Study().add(published)
    assert check(Study()).gray["test"] == []


def test_a_set_without_any_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none of its 0 pictures"):
        check(Folder(root=tmp_path))

import json
import shutil
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from photochrom.cli import main
from photochrom.errors import ConfigError, DataError
from photochrom.lab.datasets import SPLITS, Dataset, Pairs, Split, add, open_dataset, pack
from photochrom.lab.datasets import _packed as packed_module
from photochrom.lab.datasets import folder as folder_module
from photochrom.lab.datasets.folder import Folder
from photochrom.lab.training import RunFolder, TrainingConfig, fit


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of 30 color pictures, one of which is broken."""
    root = tmp_path / "pictures"
    root.mkdir()
    rng = np.random.default_rng(0)
    for index in range(30):
        Image.fromarray(rng.integers(0, 256, (12 + index, 20, 3), dtype=np.uint8)).save(root / f"{index}.png")
    (root / "broken.png").write_bytes(b"\x89PNG")
    return root


def assert_same(one: Pairs, other: Pairs) -> None:
    assert (one.names, one.labels) == (other.names, other.labels)
    for name in ("gray", "color", "aspects"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.filterwarnings("ignore")
def test_a_folder_packed_block_by_block_gives_the_same_pairs(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_module, "_BLOCK", 7)
    dataset = Folder(root=pictures, size=16)
    packed = pack(dataset, tmp_path / "packed")
    assert packed.counts() == {split: len(dataset.split(split)) for split in ("train", "val", "test")}
    again = open_dataset(str(tmp_path / "packed"))
    for split in ("train", "val", "test"):
        assert isinstance(again.split(split).gray, np.memmap)
        assert_same(again.split(split), dataset.split(split))
    assert again.fingerprint()["source"] == dataset.fingerprint()


@pytest.mark.parametrize("missing", ["train", "val", "test"])
@pytest.mark.parametrize("is_empty", [False, True])
def test_a_folder_without_one_of_its_splits_is_packed_without_it(
    face_folder: Path, tmp_path: Path, missing: str, is_empty: bool
) -> None:
    shutil.copytree(face_folder, tmp_path / "faces")
    shutil.rmtree(tmp_path / "faces" / missing)
    if is_empty:
        (tmp_path / "faces" / missing).mkdir()
    dataset = Folder(root=tmp_path / "faces", size=16)
    packed = pack(dataset, tmp_path / "packed")
    rest: list[Split] = [split for split in SPLITS if split != missing]
    assert list(packed.counts()) == rest
    for split in rest:
        assert_same(packed.split(split), dataset.split(split))
    assert packed.fingerprint()["source"] == dataset.fingerprint()


def test_whole_photos_keep_their_aspects(tmp_path: Path, draw_collection: Callable[[str], Path]) -> None:
    add(draw_collection("flickr8k"))
    dataset = open_dataset("flickr8k", 32)
    packed = pack(dataset, tmp_path / "packed")
    for split in packed.counts():
        assert_same(packed.split(split), dataset.split(split))
    aspects = packed.split("train").aspects
    assert aspects is not None
    assert aspects.dtype == np.float32


def test_labels_and_a_split_that_is_gray_only_are_kept(tmp_path: Path, faces: Dataset) -> None:
    class Labeled(type(faces)):  # type: ignore[misc]
        def split(self, split: Split) -> Pairs:
            pairs: Pairs = super().split(split)
            return replace(pairs, labels=tuple(name[-5] for name in pairs.names))

    dataset = Labeled(train_count=4, val_count=2, test_count=2, size=16)
    packed = pack(dataset, tmp_path / "packed")
    for split in ("train", "val", "test"):
        assert_same(packed.split(split), dataset.split(split))
    assert packed.split("test").color is None


def test_training_on_a_pack_gives_the_same_bits(tmp_path: Path, faces: Dataset) -> None:
    packed = pack(faces, tmp_path / "packed")
    config = TrainingConfig(max_epochs=2, batch_size=8)
    plain = fit(config, RunFolder(tmp_path / "plain"), device="cpu", dataset=faces)
    mapped = fit(config, RunFolder(tmp_path / "mapped"), device="cpu", dataset=packed)
    assert replace(mapped, seconds=0.0) == replace(plain, seconds=0.0)
    assert RunFolder(tmp_path / "mapped").config().data == packed.name


def test_a_torn_pack_and_one_of_another_version_are_one_line(tmp_path: Path, faces: Dataset) -> None:
    root = tmp_path / "packed"
    pack(faces, root)
    with (root / "train-color.bin").open("r+b") as file:
        file.truncate(100)
    with pytest.raises(DataError, match=r"a torn pack \(train-color.bin is missing or not whole\); pack the set anew"):
        open_dataset(str(root)).split("train")
    (root / "val-names.json").write_text("[]")
    with pytest.raises(DataError, match=r"val-names.json is missing"):
        open_dataset(str(root)).split("val")
    (root / "test-gray.bin").unlink()
    with pytest.raises(DataError, match=r"test-gray.bin is missing"):
        open_dataset(str(root)).split("test")
    index: dict[str, Any] = json.loads((root / "pack.json").read_text())
    (root / "pack.json").write_text(json.dumps(index | {"format_version": 2}))
    with pytest.raises(DataError, match="a pack of format version 2, but this photochrom reads 1"):
        open_dataset(str(root))
    for broken in ("", "[]", "{}", '{"format_version": 1, "splits": {"val": {}}, "source": {}}'):
        (root / "pack.json").write_text(broken)
        with pytest.raises(DataError, match="a torn pack"):
            open_dataset(str(root))


def test_a_full_disk_is_one_line_and_leaves_the_older_pack(
    tmp_path: Path, faces: Dataset, only_small_files: Callable[[int], AbstractContextManager[None]]
) -> None:
    before = pack(faces, tmp_path / "packed").fingerprint()
    with (
        only_small_files(10_000),
        pytest.raises(DataError, match=r"cannot be written .*; choose another folder"),
    ):
        pack(faces, tmp_path / "packed")
    assert packed_module.Packed(root=tmp_path / "packed").fingerprint() == before
    assert [path.name for path in tmp_path.iterdir()] == ["packed"]


@pytest.mark.parametrize("error", [OSError("no such device"), KeyboardInterrupt()])
def test_the_older_pack_comes_back_if_the_new_one_cannot_take_its_place(
    tmp_path: Path, faces: Dataset, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    before = pack(faces, tmp_path / "packed").fingerprint()
    rename = Path.rename

    def fail_for_the_new_one(path: Path, target: Path) -> Path:
        if path.name == "new":
            raise error
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail_for_the_new_one)
    with pytest.raises((DataError, KeyboardInterrupt)):
        pack(faces, tmp_path / "packed")
    assert packed_module.Packed(root=tmp_path / "packed").fingerprint() == before
    assert [path.name for path in tmp_path.iterdir()] == ["packed"]


def test_what_cannot_be_packed_is_told(tmp_path: Path, faces: Dataset, pictures: Path) -> None:
    with pytest.raises(ConfigError, match="is there already and is no pack"):
        pack(faces, pictures)
    with pytest.raises(ConfigError, match="a mixture is not packed"):
        pack(open_dataset(f"{pictures}+synthetic"), tmp_path / "packed")
    with pytest.raises(ConfigError, match="synthetic: its pictures have one size; leave size out"):
        open_dataset("synthetic", 96)


@pytest.mark.parametrize("spec", ["auto", "packed", "packed+synthetic"])
def test_what_has_one_size_is_not_read_at_another(
    tmp_path: Path, faces: Dataset, monkeypatch: pytest.MonkeyPatch, spec: str
) -> None:
    monkeypatch.chdir(tmp_path)
    pack(faces, Path("packed"))
    with pytest.raises(ConfigError, match="its pictures have one size; leave size out"):
        open_dataset(spec.replace("packed", "./packed"), 96)


@pytest.mark.filterwarnings("ignore")
def test_the_command_packs_and_says_how_to_use_it(
    pictures: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(pictures.parent)
    monkeypatch.setattr(sys, "argv", ["photochrom", "data", "pack", "pictures", "--size", "24"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert capsys.readouterr().out == (
        "packed 24 train, 3 val, 3 test: pictures-packed\n"
        "next: photochrom train data=pictures-packed; --data pictures-packed for other commands\n"
    )
    assert open_dataset("pictures-packed").split("val").size == "24x24"

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photochrom.errors import ConfigError, DataError
from photochrom.lab.datasets import SPLITS
from photochrom.lab.datasets._published import PictureCollection, split_by_name
from photochrom.lab.datasets._storage import content_digest
from photochrom.lab.datasets.cc0_portraits import CC0Portraits
from photochrom.lab.datasets.congress_portraits import CongressPortraits
from photochrom.lab.datasets.utkface import UTKFace
from photochrom.lab.datasets.utkface_whole import UTKFaceWhole

Drawer = Callable[[str], Path]
COLLECTIONS = [CC0Portraits, CongressPortraits, UTKFace, UTKFaceWhole]


def names(dataset: PictureCollection) -> dict[str, tuple[str, ...]]:
    return {split: dataset.split(split).names for split in SPLITS}


def save(path: Path, color: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(color).save(path, quality=95)


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(params=COLLECTIONS, ids=lambda kind: kind.__name__)
def dataset(request: pytest.FixtureRequest, data_home: Path) -> PictureCollection:
    kind: type[PictureCollection] = request.param
    return kind()


# --------------------------------------------------------------------------------------------------
# Splits


def test_all_pictures_are_in_one_split_each(dataset: PictureCollection, draw_collection: Drawer) -> None:
    dataset.add(draw_collection(dataset.collection))
    assert {split: len(found) for split, found in names(dataset).items()} == {"train": 4, "val": 2, "test": 2}


def test_a_picture_more_or_less_moves_no_other(dataset: PictureCollection, draw_collection: Drawer) -> None:
    dataset.add(draw_collection(dataset.collection))
    before = names(dataset)
    one = dataset.home / before["train"][0]
    one.rename(one.with_name("one-more-" + one.name))
    after = names(dataset)
    moved = {split: set(after[split]) ^ set(before[split]) for split in SPLITS}
    assert set().union(*moved.values()) == {
        before["train"][0],
        (one.relative_to(dataset.home).parent / f"one-more-{one.name}").as_posix(),
    }


def test_a_name_s_split_is_written_in_stone() -> None:
    """Another hash would let pictures that were learnt become pictures to score on."""
    found = [split_by_name(f"{index}.jpg", val_share=0.2, test_share=0.2) for index in range(10)]
    assert found == ["val", "val", "train", "train", "train", "val", "train", "train", "train", "train"]


@pytest.mark.parametrize(("val_share", "test_share"), [(0.1, 0.1), (0.0235, 0.047)])
def test_splits_have_about_their_shares(val_share: float, test_share: float) -> None:
    found = [split_by_name(f"{index}.jpg", val_share, test_share) for index in range(20_000)]
    assert found.count("val") / 20_000 == pytest.approx(val_share, abs=0.006)
    assert found.count("test") / 20_000 == pytest.approx(test_share, abs=0.006)


def test_a_picture_to_learn_from_that_is_also_kept_back_is_left_out(data_home: Path, draw_collection: Drawer) -> None:
    dataset = CongressPortraits(size=32)
    dataset.add(draw_collection("congress_portraits"))
    splits = names(dataset)
    shutil.copy(dataset.home / splits["test"][0], dataset.home / splits["train"][0])
    train = dataset.split("train")
    assert train.names == splits["train"][1:]
    assert train.left_out == (
        f"{splits['train'][0]}: nearly the same picture as {splits['test'][0]}, which is kept back",
    )


# --------------------------------------------------------------------------------------------------
# What the pictures show


def test_utkface_is_cut_to_the_study_s_framing(data_home: Path, draw_collection: Drawer) -> None:
    UTKFace().add(draw_collection("utkface"))
    pairs = UTKFace().split("val")
    for name, color in zip(pairs.names, pairs.truth, strict=True):
        with Image.open(UTKFace().home / name) as image:
            expected = image.resize((80, 80), Image.Resampling.LANCZOS, box=(38, 45, 162, 169))
        np.testing.assert_array_equal(color, np.asarray(expected))


def test_utkface_tight_and_whole_are_the_same_files_and_splits(data_home: Path, draw_collection: Drawer) -> None:
    UTKFaceWhole().add(draw_collection("utkface"))
    assert names(UTKFace()) == names(UTKFaceWhole())
    assert UTKFace().fingerprint()["pictures"] == UTKFaceWhole().fingerprint()["pictures"]
    assert UTKFace().split("val").gray.shape[1:] == (80, 80)
    assert UTKFaceWhole().split("val").gray.shape[1:] == (160, 160)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("26_0_0_20170104165914980.jpg.chip.jpg", "White"),
        ("1_1_1_20170104165914980.jpg.chip.jpg", "Black"),
        ("100_0_2_20170104165914980.jpg.chip.jpg", "Asian"),
        ("26_0_3_20170104165914980.jpg.chip.jpg", "Indian"),
        ("26_0_4_20170104165914980.jpg.chip.jpg", "other"),
        ("39_1_20170116174525125.jpg.chip.jpg", "unknown"),
        ("61_3_20170109150557335.jpg.chip.jpg", "unknown"),
    ],
)
def test_labels_of_utkface_are_the_races_of_its_file_names(
    name: str, label: str, data_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UTKFace, "test_share", 1.0)
    save(tmp_path / "pictures" / name, noise(200, 200))
    UTKFace().add(tmp_path / "pictures")
    assert UTKFace().split("test").labels == (label,)


def test_collections_whose_names_say_nothing_have_no_labels(data_home: Path, draw_collection: Drawer) -> None:
    CongressPortraits().add(draw_collection("congress_portraits"))
    assert CongressPortraits().split("val").labels is None


def test_the_upper_part_of_a_member_of_congress_is_kept_and_not_squashed() -> None:
    rows = np.repeat(np.arange(122, dtype=np.uint8)[:, None, None], 100, axis=1).repeat(3, axis=2)
    cut = np.asarray(CongressPortraits().cut(Image.fromarray(rows), 100))[:, 0, 0].astype(int)
    np.testing.assert_allclose(cut, np.arange(100) + 6.6, atol=1)


@pytest.mark.parametrize("kind", [CC0Portraits, CongressPortraits, UTKFaceWhole])
def test_portraits_come_in_the_size_that_was_asked_for(
    kind: type[PictureCollection], data_home: Path, draw_collection: Drawer
) -> None:
    dataset = kind(size=24)
    dataset.add(draw_collection(dataset.collection))
    assert dataset.split("val").gray.shape[1:] == (24, 24)
    assert dataset.fingerprint()["size"] == 24
    with pytest.raises(ConfigError, match="at least 8, not 7"):
        kind(size=7)


# --------------------------------------------------------------------------------------------------
# Adding


def test_without_the_pictures_the_error_tells_where_they_are_and_what_to_run(dataset: PictureCollection) -> None:
    assert not dataset.is_at_hand()
    for read in (dataset.require_at_hand, lambda: dataset.split("val"), dataset.fingerprint):
        with pytest.raises(DataError) as caught:
            read()
        message = str(caught.value)
        assert dataset.source in message
        assert "'photochrom data add ARCHIVE_OR_FOLDER'" in message
        assert len(message.splitlines()) == 1


def test_it_tells_how_many_are_where_and_whether_it_is_the_selection_that_is_known(
    dataset: PictureCollection, draw_collection: Drawer, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = draw_collection(dataset.collection)
    added = dataset.add(source)
    assert (added.name, added.folder, added.pictures) == (dataset.collection, dataset.home, 8)
    assert "another selection" in added.remark
    files = sorted(dataset.home.rglob("*.jpg"))
    monkeypatch.setattr(type(dataset), "digest", content_digest(files))
    assert dataset.add(source).remark == ""


def test_a_broken_picture_is_named_and_left_out(
    dataset: PictureCollection, draw_collection: Drawer, caplog: pytest.LogCaptureFixture
) -> None:
    source = draw_collection(dataset.collection)
    broken = sorted(source.rglob("*.jpg"))[0]
    broken.write_bytes(b"")
    assert dataset.add(source).pictures == 7
    assert caplog.messages == [f"left out: {broken.relative_to(source).as_posix()}: the file is empty"]
    assert not (dataset.home / broken.relative_to(source)).exists()


def test_a_set_without_a_readable_picture_is_refused_and_the_earlier_copy_stays(
    dataset: PictureCollection, draw_collection: Drawer
) -> None:
    source = draw_collection(dataset.collection)
    dataset.add(source)
    for path in source.rglob("*.jpg"):
        path.write_bytes(b"no picture")
    with pytest.raises(DataError, match=f"none of the 8 pictures of {dataset.collection} can be read"):
        dataset.add(source)
    assert len(list(dataset.home.rglob("*.jpg"))) == 8
    assert [path.name for path in dataset.home.parent.iterdir()] == [dataset.collection]


def test_a_folder_of_other_pictures_is_refused(dataset: PictureCollection, tmp_path: Path) -> None:
    save(tmp_path / "holiday" / "beach.jpg", noise(20, 20))
    with pytest.raises(DataError, match=f"holiday: holds no picture of {dataset.collection}"):
        dataset.add(tmp_path / "holiday")


def test_of_several_folders_the_fullest_is_taken_and_what_a_mac_adds_is_not(
    data_home: Path, draw_collection: Drawer, tmp_path: Path
) -> None:
    source = draw_collection("utkface")
    both = tmp_path / "archive"
    shutil.copytree(source, both / "UTKFace")
    shutil.copytree(source, both / "__MACOSX" / "UTKFace")
    save(both / "__MACOSX" / "UTKFace" / "1_0_0_1.jpg.chip.jpg", noise(200, 200))
    save(both / "crop_part1" / "1_0_0_2.jpg.chip.jpg", noise(200, 200))
    assert UTKFace().add(both).pictures == 8


def test_the_repository_of_the_generated_portraits_can_be_added_as_it_is(
    data_home: Path, draw_collection: Drawer, tmp_path: Path
) -> None:
    source = draw_collection("cc0_portraits")
    for part in ("female", "male"):
        shutil.copytree(source / part, tmp_path / "clone" / part / "512")
        save(tmp_path / "clone" / part / "64" / "0.jpg", noise(64, 64))
    CC0Portraits().add(tmp_path / "clone")
    added = {path.relative_to(CC0Portraits().home) for path in CC0Portraits().home.rglob("*.jpg")}
    assert added == {path.relative_to(source) for path in source.rglob("*.jpg")}


def test_portraits_of_another_size_in_female_and_male_are_not_those(data_home: Path, tmp_path: Path) -> None:
    for part in ("female", "male"):
        save(tmp_path / "pictures" / part / "0.jpg", noise(40, 40))
    assert not CC0Portraits().is_in(tmp_path / "pictures")


def test_what_was_added_can_be_added_to_itself(dataset: PictureCollection, draw_collection: Drawer) -> None:
    dataset.add(draw_collection(dataset.collection))
    before = dataset.fingerprint()
    dataset.add(dataset.home)
    assert dataset.fingerprint() == before

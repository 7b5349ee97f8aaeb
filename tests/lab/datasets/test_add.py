import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from photochrom.errors import ConfigError, DataError
from photochrom.lab.datasets import add, open_dataset

Drawer = Callable[[str], Path]
COLLECTIONS = ["cc0_portraits", "congress_portraits", "utkface"]


@pytest.mark.parametrize("collection", COLLECTIONS)
@pytest.mark.parametrize("inside", [".", "some/where"])
def test_an_archive_is_known_by_its_contents(
    collection: str, inside: str, draw_collection: Drawer, data_home: Path, tmp_path: Path
) -> None:
    with tarfile.open(tmp_path / "pictures.tar.xz", "w:xz") as tarred:
        tarred.add(draw_collection(collection), inside)
    added = add(tmp_path / "pictures.tar.xz")
    assert (added.name, added.folder, added.pictures) == (collection, data_home / collection, 8)
    assert open_dataset(collection).is_at_hand()
    assert [path.name for path in data_home.iterdir()] == [collection]


def test_the_study_s_pictures_are_known_by_their_contents(published: Path, data_home: Path) -> None:
    added = add(published)
    assert (added.name, added.folder, added.pictures, added.remark) == ("study", data_home / "study", 8, "")


def test_a_source_that_holds_none_of_the_sets_is_refused_with_their_names(tmp_path: Path, data_home: Path) -> None:
    (tmp_path / "holiday").mkdir()
    known = "cc0_portraits, ccp, congress_portraits, flickr8k, imagenet_samples, lsp, open_photos, study, utkface"
    with pytest.raises(DataError, match=f"holiday: holds none of the sets that can be added, which are: {known}$"):
        add(tmp_path / "holiday")
    assert list(data_home.iterdir()) == []


def test_a_source_that_holds_several_sets_is_refused_until_one_is_named(
    draw_collection: Drawer, data_home: Path, tmp_path: Path
) -> None:
    for collection in COLLECTIONS:
        shutil.copytree(draw_collection(collection), tmp_path / "all" / collection)
    with pytest.raises(DataError, match=r"several sets \(cc0_portraits, congress_portraits, utkface\): .* --name"):
        add(tmp_path / "all")
    assert add(tmp_path / "all", "utkface_whole").name == "utkface"
    assert add(tmp_path / "all", "congress_portraits").pictures == 8
    assert sorted(path.name for path in data_home.iterdir()) == ["congress_portraits", "utkface"]


def test_a_source_of_another_set_than_the_one_named_is_refused(draw_collection: Drawer, data_home: Path) -> None:
    with pytest.raises(DataError, match="holds no picture of utkface"):
        add(draw_collection("congress_portraits"), "utkface")
    assert list(data_home.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"), [("synthetic", "synthetic needs no adding"), ("utkfaces", "did you mean 'utkface'")]
)
def test_a_name_of_nothing_that_can_be_added_is_refused(name: str, message: str, published: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        add(published, name)

from pathlib import Path

import pytest

from photochrom.errors import ConfigError, DataError, PhotochromError
from photochrom.lab.datasets import available, open_dataset
from photochrom.lab.datasets._mixture import Mixture
from photochrom.lab.datasets.folder import Folder
from photochrom.lab.datasets.study import Study
from photochrom.lab.datasets.synthetic import Synthetic


def test_every_file_of_the_room_is_a_data_set() -> None:
    expected = {"cc0_portraits", "congress_portraits", "folder", "study", "synthetic", "utkface", "utkface_whole"}
    assert expected <= set(available())


def test_a_folder_s_path_opens_its_pictures(published: Path) -> None:
    dataset = open_dataset(str(published))
    assert isinstance(dataset, Folder)
    assert dataset.root == published


def test_auto_means_synthetic_faces_where_the_study_s_pictures_are_not_and_says_so(
    data_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert isinstance(open_dataset("auto"), Synthetic)
    (line,) = caplog.messages
    assert "synthetic" in line
    assert "'photochrom data download'" in line


def test_auto_means_the_study_s_pictures_where_they_are(published: Path, caplog: pytest.LogCaptureFixture) -> None:
    Study().add(published)
    assert isinstance(open_dataset("auto"), Study)
    assert caplog.messages == []


def test_a_data_set_s_name_means_it_even_beside_a_folder_of_that_name(data_home: Path) -> None:
    Path("synthetic").mkdir()
    assert isinstance(open_dataset("synthetic"), Synthetic)


@pytest.mark.parametrize(
    ("spec", "kind", "message"),
    [
        ("folder", ConfigError, "by its path, such as path/to/pictures"),
        ("synthetics", ConfigError, "did you mean 'synthetic'"),
        ("pictures", ConfigError, "there are: cc0_portraits"),
        ("./pictures", DataError, "no such folder"),
        ("my/pictures", DataError, "no such folder"),
        ("study+", ConfigError, "in 'study+' a name is missing beside a plus sign"),
        ("synthetic+synthetic", ConfigError, "names one data set twice"),
        ("synthetic+./pictures", DataError, "./pictures: no such folder"),
        ("_pictures", ConfigError, "no data set is called '_pictures'"),
        ("nothere", ConfigError, "utkface_whole, or the path of a folder"),
        ("nothere", ConfigError, "flickr8k, imagenet_samples, lsp"),
    ],
)
def test_what_cannot_be_opened_is_refused_in_one_line(
    spec: str, kind: type[PhotochromError], message: str, data_home: Path
) -> None:
    with pytest.raises(kind) as caught:
        open_dataset(spec)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_names_joined_by_a_plus_sign_open_a_mixture(published: Path) -> None:
    mixture = open_dataset(f"synthetic+{published}")
    assert isinstance(mixture, Mixture)
    assert [type(part) for part in mixture.parts] == [Synthetic, Folder]
    assert open_dataset(mixture.name).name == mixture.name


def test_auto_in_a_mixture_is_named_by_what_it_means(published: Path) -> None:
    assert open_dataset(f"auto+{published}").name == f"synthetic+{published}"


def test_a_plus_sign_in_a_folder_s_name_is_no_mixture(published: Path) -> None:
    plus = published.rename(published.with_name("synthetic+study"))
    assert open_dataset(str(plus)).name == plus.as_posix()
    for spec in (f"{plus}+synthetic", f"synthetic+{plus}"):
        assert open_dataset(spec).name == spec

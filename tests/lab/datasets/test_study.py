import os
import shutil
import struct
import tarfile
import zipfile
from collections.abc import Callable
from http.client import HTTPResponse
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from photochrom.color import to_signed, to_uint8
from photochrom.errors import DataError
from photochrom.lab import models
from photochrom.lab.datasets import SPLITS, CheckReport, Pairs, check, open_dataset, study
from photochrom.lab.datasets._storage import DATA_HOME_VARIABLE
from photochrom.lab.datasets.study import Study
from photochrom.lab.metrics import accuracy_within
from photochrom.lab.models import SolvableModel

AS_GITHUB_PACKS = "Face-Colorization-51809ae3ea8810d0f10114d92856013f99a1feca/dataset"


def timeless(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime = 0
    return member


def packed(folder: Path, archive: Path, inside: str = "dataset") -> Path:
    """The archive of a folder, under the name `inside`."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
            for file in sorted(folder.rglob("*.jpg")):
                zipped.write(file, f"{inside}/{file.relative_to(folder).as_posix()}")
    else:
        compression: Any = archive.suffix.removeprefix(".")
        with tarfile.open(archive, f"w:{compression}") as tarred:
            tarred.add(folder, inside, filter=timeless)
    return archive


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refusal(source: Path) -> str:
    with pytest.raises(DataError) as caught:
        Study().add(source)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


@pytest.fixture
def added(published: Path) -> dict[str, bytes]:
    """The contents of the data home once the set has been added."""
    Study().add(published)
    return contents(Study().home.parent)


# --------------------------------------------------------------------------------------------------
# Where the pictures are


def test_without_the_pictures_the_error_tells_both_commands_that_bring_them(data_home: Path) -> None:
    assert not Study().is_at_hand()
    with pytest.raises(DataError) as caught:
        Study().split("val")
    message = str(caught.value)
    assert "'photochrom data download'" in message
    assert "'photochrom data add ARCHIVE_OR_FOLDER'" in message
    assert len(message.splitlines()) == 1


def test_a_dataset_folder_in_the_current_directory_is_found(published: Path) -> None:
    shutil.copytree(published, "dataset")
    assert Study().is_at_hand()
    assert len(Study().split("train")) == 4


def test_added_pictures_come_before_a_dataset_folder(published: Path) -> None:
    shutil.copytree(published, "dataset")
    Study().add(published)
    assert Study().root == Study().home


def test_names_are_in_the_study_s_order(added: dict[str, bytes]) -> None:
    assert Study().split("train").names == tuple(f"train/images/{name}.jpg" for name in (0, 1, 10, 2))


def test_pictures_are_those_of_the_files(published: Path, added: dict[str, bytes]) -> None:
    pairs = Study().split("val")
    for name, color in zip(pairs.names, pairs.truth, strict=True):
        with Image.open(published / name) as image:
            np.testing.assert_array_equal(color, np.asarray(image))


def test_the_test_split_has_no_truth(added: dict[str, bytes]) -> None:
    pairs = Study().split("test")
    assert pairs.gray.shape == (2, 80, 80)
    assert pairs.color is None
    with pytest.raises(DataError, match="gray only"):
        _ = pairs.truth


def test_its_fingerprint_holds_the_checksums_of_what_training_reads(published: Path) -> None:
    Study().add(published)
    before = Study().fingerprint()
    assert before["name"] == "study"
    picture = next((Study().root / "train/images").iterdir())
    picture.write_bytes(picture.read_bytes() + b"changed")
    after = Study().fingerprint()
    assert after["train"] != before["train"]
    assert after["val"] == before["val"]


# --------------------------------------------------------------------------------------------------
# Adding them


@pytest.mark.parametrize("inside", [".", "dataset", AS_GITHUB_PACKS])
@pytest.mark.parametrize("kind", ["pictures.tar.xz", "pictures.tar.gz", "pictures.zip"])
def test_an_archive_can_be_added_however_deep_the_pictures_lie(
    kind: str, inside: str, published: Path, data_home: Path, tmp_path: Path
) -> None:
    Study().add(packed(published, tmp_path / kind, inside))
    assert contents(data_home / "study") == contents(published)
    assert [path.name for path in data_home.iterdir()] == ["study"]


def test_a_folder_can_be_added_and_is_left_as_it_is(published: Path, data_home: Path) -> None:
    before = contents(published)
    Study().add(published)
    assert contents(data_home / "study") == before
    assert contents(published) == before


def test_a_folder_can_be_added_however_deep_the_pictures_lie(published: Path, data_home: Path, tmp_path: Path) -> None:
    shutil.copytree(published, tmp_path / "clone" / AS_GITHUB_PACKS)
    Study().add(tmp_path / "clone")
    assert contents(data_home / "study") == contents(published)


def test_a_missing_data_home_is_made(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATA_HOME_VARIABLE, str(tmp_path / "not" / "yet"))
    Study().add(published)
    assert contents(tmp_path / "not" / "yet" / "study") == contents(published)


def test_adding_again_replaces_the_earlier_copy(published: Path, added: dict[str, bytes]) -> None:
    Study().home.joinpath("train/images/stray.jpg").touch()
    Study().add(published)
    assert contents(Study().home.parent) == added


def test_the_copy_that_is_there_can_be_added_to_itself(added: dict[str, bytes]) -> None:
    Study().add(Study().home)
    assert contents(Study().home.parent) == added


def test_a_set_of_other_counts_is_refused_and_the_earlier_copy_stays(published: Path, added: dict[str, bytes]) -> None:
    (published / "val/images/1.jpg").unlink()
    assert "val has 1 pictures, not 2" in refusal(published)
    assert contents(Study().home.parent) == added


def test_a_changed_picture_is_refused_by_its_checksum_and_the_earlier_copy_stays(
    published: Path, added: dict[str, bytes]
) -> None:
    picture = published / "train/images/10.jpg"
    picture.write_bytes(picture.read_bytes() + b"\x00")
    assert "the checksum of train differs" in refusal(published)
    assert contents(Study().home.parent) == added


def test_a_renamed_picture_is_refused_by_its_checksum(published: Path, data_home: Path) -> None:
    (published / "test_inputs/images/1.jpg").rename(published / "test_inputs/images/7.jpg")
    assert "the checksum of test differs" in refusal(published)
    assert list(data_home.iterdir()) == []


def test_pictures_under_swapped_names_are_refused_by_their_checksum(published: Path, data_home: Path) -> None:
    one, other = published / "val/images/0.jpg", published / "val/images/1.jpg"
    swapped = one.read_bytes(), other.read_bytes()
    other.write_bytes(swapped[0])
    one.write_bytes(swapped[1])
    assert "the checksum of val differs" in refusal(published)


def test_a_folder_without_the_study_s_layout_is_refused(tmp_path: Path, data_home: Path) -> None:
    (tmp_path / "holiday" / "images").mkdir(parents=True)
    assert "no folder train/images in it" in refusal(tmp_path / "holiday")
    assert list(data_home.iterdir()) == []


def test_a_missing_path_is_refused(tmp_path: Path, data_home: Path) -> None:
    assert refusal(tmp_path / "nowhere.tar.xz") == f"{tmp_path / 'nowhere.tar.xz'}: no such file or folder"
    assert list(data_home.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no archive but a letter\n" * 50], ids=["empty", "text"])
@pytest.mark.parametrize("name", ["letter.tar.xz", "letter.zip"])
def test_a_file_that_is_no_archive_is_refused(name: str, content: bytes, tmp_path: Path, data_home: Path) -> None:
    (tmp_path / name).write_bytes(content)
    message = refusal(tmp_path / name)
    assert message.startswith(f"{tmp_path / name}: ")
    assert "archive" in message
    assert list(data_home.iterdir()) == []


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("kind", ["pictures.tar.xz", "pictures.tar.gz", "pictures.zip"])
def test_a_truncated_archive_is_refused(
    kind: str, kept: float, published: Path, tmp_path: Path, added: dict[str, bytes]
) -> None:
    archive = packed(published, tmp_path / kind)
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(len(whole) * kept)])
    refusal(archive)
    assert contents(Study().home.parent) == added


def flip_the_middle(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(byte ^ 0xFF for byte in content[middle : middle + 64])
    archive.write_bytes(content)


def spoil_the_first_member(archive: Path) -> None:
    """Write nonsense where the first member of a zip file begins to be compressed."""
    content = bytearray(archive.read_bytes())
    name_length, extra_length = struct.unpack("<HH", content[26:30])
    start = 30 + name_length + extra_length
    content[start : start + 16] = b"\xff" * 16
    archive.write_bytes(content)


def mark_as_encrypted(archive: Path) -> None:
    content = archive.read_bytes()
    content = content.replace(b"PK\x03\x04\x14\x00\x00\x00", b"PK\x03\x04\x14\x00\x01\x00")
    archive.write_bytes(content.replace(b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00"))


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("pictures.tar.gz", flip_the_middle),
        ("pictures.tar.xz", flip_the_middle),
        ("pictures.zip", spoil_the_first_member),
        ("pictures.zip", mark_as_encrypted),
    ],
)
def test_a_spoilt_archive_is_refused(
    kind: str, spoil: Callable[[Path], None], published: Path, tmp_path: Path, added: dict[str, bytes]
) -> None:
    archive = packed(published, tmp_path / kind)
    spoil(archive)
    refusal(archive)
    assert contents(Study().home.parent) == added


def test_what_a_mac_adds_to_an_archive_does_not_matter(published: Path, tmp_path: Path, data_home: Path) -> None:
    shutil.copytree(published, tmp_path / "zipped" / "dataset")
    twin = tmp_path / "zipped" / "__MACOSX" / "dataset" / "train" / "images"
    twin.mkdir(parents=True)
    (twin / "._0.jpg").write_bytes(b"resource fork")
    Study().add(packed(tmp_path / "zipped", tmp_path / "pictures.zip", "."))
    assert contents(data_home / "study") == contents(published)


def test_a_member_that_climbs_out_of_the_archive_is_refused(tmp_path: Path, data_home: Path) -> None:
    archive = tmp_path / "climbing.tar.gz"
    with tarfile.open(archive, "w:gz") as tarred:
        member = tarfile.TarInfo("../../climbed.jpg")
        tarred.addfile(member, BytesIO())
    refusal(archive)
    assert not list(tmp_path.rglob("climbed.jpg"))


# --------------------------------------------------------------------------------------------------
# Downloading them


def served(monkeypatch: pytest.MonkeyPatch, raw: bytes) -> None:
    """Let every address answer with these bytes, parsed as HTTP."""

    def urlopen(*arguments: object, **options: object) -> HTTPResponse:
        response = HTTPResponse(SimpleNamespace(makefile=lambda mode: BytesIO(raw)))  # type: ignore[arg-type]
        response.begin()
        return response

    monkeypatch.setattr("urllib.request.urlopen", urlopen)


def download_refusal() -> str:
    with pytest.raises(DataError) as caught:
        Study().prepare()
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def test_preparing_downloads_and_adds_the_pictures(
    published: Path, data_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = packed(published, tmp_path / "github.tar.gz", AS_GITHUB_PACKS)
    monkeypatch.setattr(study, "_URL", archive.as_uri())
    calls: list[tuple[int, int]] = []
    Study().prepare(lambda done, total: calls.append((done, total)))
    assert contents(data_home / "study") == contents(published)
    assert [path.name for path in data_home.iterdir()] == ["study"]
    assert calls[-1] == (archive.stat().st_size, archive.stat().st_size)


def test_a_server_that_does_not_tell_the_size_is_fine(
    published: Path, data_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = packed(published, tmp_path / "github.tar.gz", AS_GITHUB_PACKS).read_bytes()
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    served(monkeypatch, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked)
    calls: list[tuple[int, int]] = []
    Study().prepare(lambda done, total: calls.append((done, total)))
    assert contents(data_home / "study") == contents(published)
    assert calls[-1] == (len(body), 0)


def test_an_address_that_cannot_be_reached_is_told_and_nothing_is_kept(
    data_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = (tmp_path / "nowhere.tar.gz").as_uri()
    monkeypatch.setattr(study, "_URL", url)
    assert download_refusal().startswith(f"{url}: the download failed (")
    assert list(data_home.iterdir()) == []


def test_a_download_that_breaks_off_is_told_and_nothing_is_kept(
    data_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served(monkeypatch, b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"\x1f\x8b" * 500)
    assert "broke off after 1000 of 5000 bytes" in download_refusal()
    assert list(data_home.iterdir()) == []


def test_a_chunked_download_that_breaks_off_is_told_and_nothing_is_kept(
    data_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served(monkeypatch, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n" + b"\x1f\x8b" * 500)
    assert "download" in download_refusal()
    assert list(data_home.iterdir()) == []


def test_a_page_instead_of_an_archive_is_told_and_nothing_is_kept(
    data_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = b"<html>Please log in</html>" * 40
    served(monkeypatch, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(page) + page)
    assert "neither a folder nor a tar or zip archive" in download_refusal()
    assert list(data_home.iterdir()) == []


def test_downloaded_pictures_that_are_others_are_told_and_nothing_is_kept(
    published: Path, data_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (published / "train/images/0.jpg").write_bytes(b"another picture")
    monkeypatch.setattr(study, "_URL", packed(published, tmp_path / "github.tar.gz").as_uri())
    assert "the checksum of train differs" in download_refusal()
    assert list(data_home.iterdir()) == []


def test_pictures_that_are_here_are_not_downloaded(
    added: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "_URL", (tmp_path / "nowhere.tar.gz").as_uri())
    Study().prepare()
    assert contents(Study().home.parent) == added


# --------------------------------------------------------------------------------------------------
# The real pictures


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> CheckReport:
    """A look at every picture of the real set, added from its archive."""
    repository = Path(__file__).resolve().parents[3]
    archive = Path(
        os.environ.get("PHOTOCHROM_TEST_ARCHIVE") or repository / "../shared/data/ceng483-faces.tar.xz"
    ).resolve()
    if not archive.exists():
        pytest.skip(f"the study's pictures are not at {archive}; PHOTOCHROM_TEST_ARCHIVE may say where they are")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(DATA_HOME_VARIABLE, str(tmp_path_factory.mktemp("data-home")))
        Study().add(archive)
        assert open_dataset("auto").name == "study"
        return check(Study())


def gray_copied(pairs: Pairs) -> np.ndarray:
    return np.repeat(pairs.gray[..., None], 3, axis=3)


@torch.no_grad()
def colored(model: models.ColorizationModel, pairs: Pairs) -> np.ndarray:
    batches = torch.from_numpy(pairs.gray)[:, None].split(200)
    return torch.cat([to_uint8(model(to_signed(batch))) for batch in batches]).permute(0, 2, 3, 1).numpy()


@pytest.mark.data
def test_the_study_has_5001_2000_and_2000_pictures_of_80x80_with_21_and_4_gray_ones(real: CheckReport) -> None:
    assert real.rows() == [
        ("train", 5001, "80x80", 21, 0),
        ("val", 2000, "80x80", 4, 0),
        ("test", 2000, "80x80", 0, 0),
    ]
    assert real.missing == {}


@pytest.mark.data
def test_only_the_test_split_of_the_study_lacks_a_truth(real: CheckReport) -> None:
    assert [real.splits[split].color is None for split in SPLITS] == [False, False, True]


@pytest.mark.data
def test_the_study_s_order_is_by_name_as_text(real: CheckReport) -> None:
    assert real.splits["val"].names[:4] == tuple(f"val/images/{name}.jpg" for name in (0, 1, 10, 100))


@pytest.mark.data
def test_copied_gray_is_right_in_26_percent_of_the_study_s_values(real: CheckReport) -> None:
    val = real.splits["val"]
    assert accuracy_within(gray_copied(val), val.truth) == pytest.approx(0.264, abs=0.001)


@pytest.mark.data
def test_a_table_of_modes_is_right_in_77_percent_of_the_study_s_values(real: CheckReport) -> None:
    train, val = real.splits["train"], real.splits["val"]
    model = models.create("lookup_table", {"statistic": "mode"})
    assert isinstance(model, SolvableModel)
    model.fit_in_closed_form(train.gray, train.truth)
    assert accuracy_within(colored(model, val), val.truth) == pytest.approx(0.7653, abs=0.0002)

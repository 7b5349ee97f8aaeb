import io
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import UploadFile
from hypothesis import given
from hypothesis import strategies as st

from photochrom.server.problems import Problem
from photochrom.server.settings import Settings
from photochrom.server.uploads import clean_name, unpack


def packed(entries: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def uploads(*contents: bytes, name: str = "a.jpg") -> list[UploadFile]:
    return [UploadFile(io.BytesIO(content), filename=name) for content in contents]


def refused(content: bytes, folder: Path, settings: Settings) -> Problem:
    with pytest.raises(Problem) as caught:
        unpack(uploads(content), folder, settings)
    return caught.value


@pytest.mark.parametrize(
    "name", ["../a.jpg", "a/../../b.jpg", "/etc/a.jpg", "..\\a.jpg", "C:\\a.jpg", "C:a.jpg", "\\\\host\\a.jpg", "a//b"]
)
def test_names_that_lead_out_of_the_folder_are_refused(tmp_path: Path, settings: Settings, name: str) -> None:
    problem = refused(packed({"good.jpg": b"1", name: b"2"}), tmp_path, settings)
    assert problem.status_code == 422
    assert problem.details.type == "urn:photochrom:archive-refused"


def test_files_are_named_by_numbers_whatever_they_were_called(tmp_path: Path, settings: Settings) -> None:
    album = packed({"album/": b"", "album/b.jpg": b"bb", "__MACOSX/b.jpg": b"x", ".DS_Store": b"x", "c\x07?.jpg": b"c"})
    names = unpack([*uploads(b"a", name="C:\\fakepath\\..\\a.jpg"), *uploads(album)], tmp_path, settings)
    assert names == ["a.jpg", "album/b.jpg", "c.jpg"]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"0": b"a", "1": b"bb", "2": b"c"}


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ("Großmutter.jpg".encode(), "Großmutter.jpg"),
        ("бабушка.jpg".encode(), "бабушка.jpg"),
        (b"Gro\xe1.jpg", "Groß.jpg"),
    ],
)
def test_names_beyond_ascii_are_read_as_utf8_if_they_are_that(
    stored: bytes, told: str, tmp_path: Path, settings: Settings
) -> None:
    placeholder = "x" * len(stored)
    unflagged = packed({placeholder: b"a"}).replace(placeholder.encode(), stored)
    assert unpack(uploads(unflagged, packed({told: b"b"})), tmp_path, settings) == [told, told]


def test_a_time_in_a_name_leads_nowhere(tmp_path: Path, settings: Settings) -> None:
    assert unpack([*uploads(packed({"2019-05-01 12:30.jpg": b"a"}))], tmp_path, settings) == ["2019-05-01 1230.jpg"]


def test_a_bomb_is_refused_as_soon_as_it_is_too_large(tmp_path: Path, settings: Settings) -> None:
    problem = refused(packed({"a.png": bytes(2_000_000)}), tmp_path, settings)
    assert problem.status_code == 413
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= settings.max_upload_bytes


def test_many_bombs_are_refused_together(tmp_path: Path, settings: Settings) -> None:
    assert refused(packed({f"{n}.png": bytes(900_000) for n in range(30)}), tmp_path, settings).status_code == 413
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= settings.max_batch_bytes


def test_too_many_photos_are_refused(tmp_path: Path, settings: Settings) -> None:
    few = replace(settings, max_batch_photos=3)
    assert refused(packed({f"{n}.png": b"x" for n in range(4)}), tmp_path, few).status_code == 413


def test_a_long_directory_is_refused_before_it_is_read(tmp_path: Path, settings: Settings) -> None:
    few = replace(settings, max_batch_photos=3)
    problem = refused(packed({f"{n:0100}.png": b"" for n in range(50)}), tmp_path, few)
    assert "too many files" in problem.detail
    hidden = packed({f"{n:0100}.png": b"" for n in range(50)}) + b"PK\x05\x06" + bytes(18)
    assert refused(hidden, tmp_path, few).status_code == 422


def test_the_wide_form_is_refused(tmp_path: Path, settings: Settings) -> None:
    content = packed({"a.png": b"x"})
    end = content.rindex(b"PK\x05\x06")
    wide = content[:end] + b"PK\x06\x07" + bytes(16) + content[end:]
    assert "more than 4 GB" in refused(wide, tmp_path, settings).detail


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_rare_ways_of_packing_are_refused(tmp_path: Path, settings: Settings, compression: int) -> None:
    assert "rare" in refused(packed({"a.png": b"x"}, compression), tmp_path, settings).detail


def test_what_is_encrypted_is_refused(tmp_path: Path, settings: Settings) -> None:
    content = bytearray(packed({"a.png": b"x"}))
    struct.pack_into("<H", content, content.rindex(b"PK\x01\x02") + 8, 1)
    assert "encrypted" in refused(bytes(content), tmp_path, settings).detail


# Names, for a ZIP file holds the time, and two processes of a run must call the tests alike.
@pytest.mark.parametrize(
    "content", [b"PK\x03\x04", packed({}), packed({"a.png": b"x" * 99})[:60]], ids=["head", "empty", "torn"]
)
def test_what_is_broken_or_empty_is_refused(tmp_path: Path, settings: Settings, content: bytes) -> None:
    assert refused(content, tmp_path, settings).status_code == 422


@given(st.text(max_size=300))
def test_a_clean_name_is_harmless_on_any_system(name: str) -> None:
    clean = clean_name(name.replace("/", "").replace("\\", ""))
    assert clean.isprintable()
    assert 0 < len(clean) <= 111
    assert not set(clean) & set('<>:"|?*/\\')
    assert clean not in (".", "..")
    assert clean == clean.strip(" .")

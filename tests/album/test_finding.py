"""Photos in folders are found by their content, and what is not read is counted."""

import io
from pathlib import Path

import pytest
from PIL import Image

from photochrom.album import _finding, plan
from photochrom.commands.colorize import _unread
from photochrom.errors import UnreadableError
from photochrom.photo import SOFTWARE, _kinds, read_photo
from photochrom.photo._directories import short_field, with_fields


def content(kind: str) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((40, 30)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    "name", ["IMG_0001", "a.jpg_large", "b.jpg.1", "c.pjpeg", "d.mpo", "e.jpg~", "f.jpg.", "g.dat"]
)
def test_a_photo_is_found_whatever_its_suffix(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content("JPEG"))
    (job,) = plan([tmp_path]).jobs
    assert job.source.name == name
    assert job.suffix in (".jpg", ".jpeg")


@pytest.mark.parametrize("kind", ["JPEG2000", "PPM", "PCX", "TGA", "AVIF", "GIF", "TIFF"])
def test_a_photo_with_another_format_s_suffix_is_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content(kind))
    assert read_photo(path).origin.format == kind


@pytest.mark.parametrize(("name", "kind"), [("IMG_0001", "AVIF"), ("clip.mpg", "JPEG"), ("scan.dcm", "TGA")])
def test_a_photo_is_found_even_if_its_name_or_its_first_bytes_look_like_another_kind(
    name: str, kind: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content(kind))
    found = plan([tmp_path])
    assert [job.source.name for job in found.jobs] == [name]
    assert not found.unread


@pytest.mark.parametrize("has_developer", [False, True])
def test_a_raw_file_that_begins_like_a_video_is_found_if_it_can_be_developed(
    has_developer: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (_finding, _kinds):
        monkeypatch.setattr(module, "develops", lambda: has_developer)
    (tmp_path / "a.cr3").write_bytes(b"\x00\x00\x00\x18ftypcrx " + bytes(50))
    found = plan([tmp_path])
    assert len(found.jobs) == has_developer
    assert [kind.name for kind in found.unread] == ["camera raw"] * (not has_developer)


@pytest.mark.parametrize("name", ["a.nef", "0"])
def test_the_result_of_a_camera_s_raw_file_that_is_a_tiff_is_named_as_the_png_that_it_becomes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (_finding, _kinds):
        monkeypatch.setattr(module, "develops", lambda: True)
    mosaic, photometric = short_field(32803), 0x0106
    (tmp_path / name).write_bytes(with_fields(content("TIFF"), {photometric: mosaic}))
    (job,) = plan([tmp_path]).jobs
    assert job.suffix == ".png"


def test_what_is_not_read_is_one_line_by_kind(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(content("JPEG"))
    (tmp_path / "one.pdf").write_bytes(b"%PDF-1.4")
    (tmp_path / "two.pdf").write_bytes(b"%PDF-1.4")
    (tmp_path / "c.jxl").write_bytes(b"\xff\x0a" + bytes(30))
    (tmp_path / "d.mov").write_bytes(b"\x00\x00\x00\x14ftypqt  " + bytes(30))
    (tmp_path / "notes.txt").write_bytes(b"the sea, 1931")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / ".hidden").write_bytes(b"x")
    found = plan([tmp_path])
    assert [job.source.name for job in found.jobs] == ["a.jpg"]
    assert not found.failures
    line = _unread(found.unread)
    assert "2 PDF (export its pages as PNG or TIFF)" in line
    assert "1 JPEG XL (save it as PNG or TIFF)" in line
    assert "1 video (save one of its pictures)" in line
    assert "2 other files" in line
    assert ".txt" in line
    assert len(line.splitlines()) == 1


def drawn(path: Path, side: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.linear_gradient("L").resize((side, side)).save(path)


@pytest.mark.parametrize(
    ("thumbnail", "photo"),
    [
        ("Thumbs/t_wedding.jpg", "1950s/wedding.jpg"),
        ("1950s/thumbnails/Wedding.jpg", "1950s/wedding.tif"),
        ("_thumbs/wedding-thumb.png", "wedding.jpg"),
    ],
)
def test_thumbnails_of_photos_that_are_read_are_counted_only(thumbnail: str, photo: str, tmp_path: Path) -> None:
    drawn(tmp_path / thumbnail, 20)
    drawn(tmp_path / photo, 200)
    found = plan([tmp_path])
    assert [job.source for job in found.jobs] == [tmp_path / photo]
    assert _unread(found.unread) == "not read: 1 in folders of thumbnails (the photos themselves are read)"
    (named,) = plan([(tmp_path / thumbnail).parent]).jobs
    assert named.source == tmp_path / thumbnail


def test_pictures_in_a_folder_of_thumbnails_that_are_nowhere_else_are_photos(tmp_path: Path) -> None:
    drawn(tmp_path / "Thumbs/grandma.jpg", 20)
    drawn(tmp_path / "Thumbs/wedding.jpg", 200)
    drawn(tmp_path / "wedding.jpg", 20)  # smaller than the one that is called a thumbnail
    found = plan([tmp_path])
    assert len(found.jobs) == 3
    assert not found.unread


def test_a_linked_folder_is_counted_and_not_searched(tmp_path: Path) -> None:
    drawn(tmp_path / "elsewhere/a.jpg", 20)
    drawn(tmp_path / "album/b.jpg", 20)
    (tmp_path / "album/link").symlink_to(tmp_path / "elsewhere")
    found = plan([tmp_path / "album"])
    assert [job.source.name for job in found.jobs] == ["b.jpg"]
    assert _unread(found.unread) == "not read: 1 linked folder (name it too)"


def test_a_photo_and_a_link_to_it_give_one_result_named_like_the_photo(tmp_path: Path) -> None:
    drawn(tmp_path / "m.jpg", 20)
    for name in ("a.jpg", "z.jpg"):
        (tmp_path / name).symlink_to("m.jpg")
    assert [job.source.name for job in plan([tmp_path]).jobs] == ["m.jpg"]


def test_libraries_of_macs_are_searched_only_if_they_are_named(tmp_path: Path) -> None:
    library = tmp_path / "Photos Library.photoslibrary"
    drawn(library / "originals/0/a.jpg", 20)
    drawn(tmp_path / "b.jpg", 20)
    found = plan([tmp_path])
    assert [job.source.name for job in found.jobs] == ["b.jpg"]
    assert _unread(found.unread) == "not read: 1 photo library of a Mac (export its photos)"
    assert [job.source.name for job in plan([library]).jobs] == ["a.jpg"]


def test_results_beside_photos_are_counted(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        drawn(tmp_path / name, 20)
    (tmp_path / "a-color.jpg").write_bytes(SOFTWARE)
    for sources in ([tmp_path], sorted(tmp_path.glob("*.jpg"))):
        found = plan(sources)
        assert [job.source.name for job in found.jobs] == ["a.jpg", "b.jpg"]
        told = "not read: 1 colored by photochrom (color the photos that they were made of)"
        assert _unread(found.unread) == told


@pytest.mark.parametrize(
    ("head", "text"), [(b"%PDF-1.4", "PDF is not read; export"), (b"\xff\x0a" + bytes(9), "JPEG XL")]
)
def test_a_named_file_that_is_not_read_is_named_as_what_it_is(head: bytes, text: str) -> None:
    with pytest.raises(UnreadableError, match=text):
        read_photo(head)

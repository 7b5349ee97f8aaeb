import errno
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from photochrom.files import write_whole, written_whole

SmallFiles = Callable[[int], AbstractContextManager[None]]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "metrics.json"
    path.write_text("old")
    return path


def write_half_of(path: Path, failure: BaseException) -> None:
    with written_whole(path) as aside:
        aside.write_text("half of the ne")
        raise failure


def write_to_a_full_disk(path: Path) -> None:
    with written_whole(path) as aside:
        aside.symlink_to("/dev/full")
        aside.write_bytes(b"new")


def refuse_links(*_: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")  # as file systems of cameras' cards do


def lies_alone(path: Path) -> bool:
    return [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("content", "written"),
    [("Größe\n", b"Gr\xc3\xb6\xc3\x9fe\n"), (b"\x00\xff\r\n", b"\x00\xff\r\n"), ("", b"")],
)
def test_text_is_written_as_utf8_and_bytes_as_they_are(content: str | bytes, written: bytes, old: Path) -> None:
    write_whole(old, content)
    assert old.read_bytes() == written
    assert lies_alone(old)


def test_missing_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "baseline" / "history.jsonl"
    write_whole(path, "new")
    assert path.read_text() == "new"
    assert lies_alone(path)


def test_what_is_written_can_be_read_by_others(tmp_path: Path) -> None:
    write_whole(tmp_path / "page.html", "new")
    assert stat.S_IMODE((tmp_path / "page.html").stat().st_mode) == 0o644


def test_the_file_to_write_to_lies_beside_and_has_the_same_suffix(old: Path) -> None:
    with written_whole(old) as aside:
        assert aside.parent == old.parent
        assert aside.suffix == ".json"
        assert aside != old
        aside.write_text("new")


def test_until_the_block_ends_a_reader_sees_the_old_file(old: Path) -> None:
    with written_whole(old) as aside:
        aside.write_text("new")
        assert old.read_text() == "old"
    assert old.read_text() == "new"
    assert lies_alone(old)


def test_the_old_file_stays_when_the_block_raises(old: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        write_half_of(old, ZeroDivisionError())
    assert old.read_text() == "old"
    assert lies_alone(old)


def test_no_file_appears_when_the_block_raises(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_half_of(tmp_path / "fresh.json", KeyboardInterrupt())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["n" * 5000, b"n" * 5000])
def test_the_old_file_stays_when_a_write_fails_half_way(
    content: str | bytes, old: Path, only_small_files: SmallFiles
) -> None:
    with pytest.raises(OSError, match="too large") as caught, only_small_files(1000):
        write_whole(old, content)
    assert caught.value.errno == errno.EFBIG
    assert old.read_text() == "old"
    assert lies_alone(old)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_the_old_file_stays_when_the_disk_is_full(old: Path) -> None:
    with pytest.raises(OSError, match="No space left") as caught:
        write_to_a_full_disk(old)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(old))
    assert old.read_text() == "old"
    assert lies_alone(old)


def test_the_old_file_stays_when_the_process_is_killed_half_way(old: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from photochrom.files import written_whole\n"
        "with written_whole(Path(sys.argv[1])) as aside:\n"
        "    aside.write_text('half of the ne'); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(old)], check=False, capture_output=True)
    assert killed.returncode != 0
    assert killed.stderr == b""
    assert old.read_text() == "old"


@pytest.mark.parametrize("knows_links", [True, False])
def test_a_file_that_may_not_be_replaced_stays(old: Path, monkeypatch: pytest.MonkeyPatch, knows_links: bool) -> None:
    if not knows_links:
        monkeypatch.setattr(Path, "hardlink_to", refuse_links)
    with pytest.raises(FileExistsError) as caught:
        write_whole(old, "new", may_replace=False)
    assert [caught.value.filename, caught.value.filename2] == [str(old), None]
    assert old.read_text() == "old"
    assert lies_alone(old)


@pytest.mark.parametrize("knows_links", [True, False])
def test_what_may_replace_nothing_is_written_where_nothing_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, knows_links: bool
) -> None:
    if not knows_links:
        monkeypatch.setattr(Path, "hardlink_to", refuse_links)
    path = tmp_path / "folder" / "metrics.json"
    write_whole(path, "new", may_replace=False)
    assert path.read_text() == "new"
    assert path.stat().st_nlink == 1
    assert lies_alone(path)


def test_a_folder_that_cannot_be_made_is_an_os_error(old: Path) -> None:
    with pytest.raises(OSError, match=old.name):
        write_whole(old / "below-a-file.json", "new")
    assert old.read_text() == "old"
    assert lies_alone(old)


def test_a_folder_in_the_way_is_an_os_error_and_stays(tmp_path: Path) -> None:
    (tmp_path / "samples.png").mkdir()
    with pytest.raises(OSError, match="irectory"):
        write_whole(tmp_path / "samples.png", b"new")
    assert lies_alone(tmp_path / "samples.png")


def test_an_error_names_the_file_and_not_the_one_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "folder.png"
    folder.mkdir()
    for path, names in ((folder, [str(folder), None]), (Path("/proc/none.png"), ["/proc/none.png", None])):
        with pytest.raises(OSError, match=path.name) as failed:
            write_whole(path, b"picture")
        assert [failed.value.filename, failed.value.filename2] == names

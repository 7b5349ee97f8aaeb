import errno
import json
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from photochrom.album import MANIFEST_NAME, Manifest, Record
from photochrom.album._manifest import Intent, locked
from photochrom.errors import PhotoError

RECORD = Record("a.jpg", "1" * 64, {"strength": 1.0}, ("a.jpg",), 2, 1.5)
INTENT = Intent("0123456789abcdef" * 2, ("a.jpg",), ("a.jpg",))


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """A manifest that tells of one photo, whose result is there."""
    (tmp_path / "a.jpg").touch()
    path = tmp_path / MANIFEST_NAME
    Manifest(path).append(RECORD)
    return path


def done(path: Path, strength: float = 1.0) -> Record | None:
    return Manifest(path).done("a.jpg", {"strength": strength}, ("a.jpg",))


def test_what_was_done_with_the_same_settings_is_known(manifest: Path) -> None:
    assert done(manifest) == RECORD
    assert done(manifest, strength=0.5) is None
    assert Manifest(manifest).done("b.jpg", RECORD.settings, ("b.jpg",)) is None
    assert Manifest(manifest).done("a.jpg", RECORD.settings, ("a-1.jpg", "a-2.jpg")) is None


def test_what_was_done_but_is_gone_is_to_be_done(manifest: Path) -> None:
    (manifest.parent / "a.jpg").unlink()
    assert done(manifest) is None


def test_a_later_failure_does_not_undo_what_is_there(manifest: Path) -> None:
    Manifest(manifest).append(replace(RECORD, outputs=(), error="the disk was full"))
    assert done(manifest) == RECORD
    (manifest.parent / "a.jpg").unlink()
    assert done(manifest) is None


def test_the_latest_success_counts(manifest: Path) -> None:
    Manifest(manifest).append(replace(RECORD, settings={"strength": 0.5}))
    assert done(manifest) is None
    assert done(manifest, strength=0.5) is not None


def test_what_may_have_been_replaced_is_to_be_done(manifest: Path) -> None:
    Manifest(manifest).begin(RECORD, replace(INTENT, new=()))
    assert done(manifest) is None


def test_what_was_begun_is_known_until_it_has_ended(manifest: Path) -> None:
    Manifest(manifest).begin(Record("b.jpg", "2", {}), INTENT)
    left = Manifest(manifest).unfinished("b.jpg")
    assert left is not None
    assert (left.intent, left.sha256, left.error) == (INTENT, "2", "begun, and not finished")
    Manifest(manifest).append(Record("b.jpg", "2", {}, error="broken"))
    assert Manifest(manifest).unfinished("b.jpg") is None
    assert Manifest(manifest).unfinished("a.jpg") is None


def test_the_first_version_can_read_it(manifest: Path) -> None:
    """Photochrom 0.1 takes a line for a record if it has these keys, and for a success if there is no error."""
    Manifest(manifest).begin(Record("b.jpg", "2", {}), INTENT)
    keys = {"file", "sha256", "settings", "outputs", "faces", "seconds", "error"}
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    assert [line.keys() >= keys for line in lines] == [True, True]
    assert [line["error"] is None for line in lines] == [True, False]


@pytest.mark.parametrize(
    "change",
    [
        {"outputs": ["../a.jpg"]},
        {"outputs": ["/etc/passwd"]},
        {"intent": {"id": "../" * 11, "outputs": [], "new": []}},
        {"intent": {"id": "0" * 32, "outputs": ["a.jpg"], "new": ["b/../../a.jpg"]}},
    ],
)
def test_a_manifest_of_somebody_else_leads_nowhere(manifest: Path, change: dict[str, Any]) -> None:
    manifest.write_text(json.dumps({**asdict(replace(RECORD, file="x")), **change}) + "\n")
    assert Manifest(manifest).latest("x") is None


def test_what_was_left_alone_is_known_without_a_result(manifest: Path) -> None:
    alone = replace(RECORD, outputs=())
    Manifest(manifest).append(alone)
    assert done(manifest) == alone


def test_a_manifest_that_was_cut_off_can_be_read_and_added_to(manifest: Path) -> None:
    whole = manifest.read_bytes()
    manifest.write_bytes(whole + whole[:-40])
    assert done(manifest) == RECORD
    Manifest(manifest).append(replace(RECORD, file="b.jpg"))
    assert done(manifest) == RECORD
    assert Manifest(manifest).done("b.jpg", RECORD.settings, ("a.jpg",)) is not None


def test_a_record_after_one_that_could_not_be_written_whole_is_kept(
    manifest: Path, only_small_files: Callable[[int], AbstractContextManager[None]]
) -> None:
    ledger = Manifest(manifest)
    with only_small_files(manifest.stat().st_size + 20), pytest.raises(PhotoError, match="cannot be written"):
        ledger.append(replace(RECORD, file="b.jpg"))
    ledger.append(replace(RECORD, file="c.jpg"))
    ledger.append(replace(RECORD, file="d.jpg"))
    kept = Manifest(manifest)
    assert [kept.latest(name) is not None for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg")] == [True, False, True, True]


@pytest.mark.parametrize("line", ["[]", "{}", '"', "\x00", '{"file": 1}', "\udcff"])
def test_lines_that_are_no_records_are_passed_over(manifest: Path, line: str) -> None:
    manifest.write_bytes(line.encode(errors="surrogateescape") + b"\n" + manifest.read_bytes())
    assert done(manifest) == RECORD


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(PhotoError, match=r"cannot be written .*; choose another folder"),
        locked(tmp_path / "file" / "folder", hidden=False),
    ):
        pass


def test_a_second_run_waits_for_the_first(tmp_path: Path) -> None:
    waiting: list[Path] = []
    is_waiting, entered = threading.Event(), threading.Event()

    def wait(folder: Path) -> None:
        waiting.append(folder)
        is_waiting.set()

    def second() -> None:
        with locked(tmp_path, hidden=False, on_wait=wait) as manifest:
            assert manifest.latest("a.jpg") == RECORD
            entered.set()

    thread = threading.Thread(target=second)
    with locked(tmp_path, hidden=False) as manifest:
        thread.start()
        assert is_waiting.wait(60)
        manifest.append(RECORD)
        assert not entered.is_set()
    thread.join()
    assert entered.is_set()
    assert waiting == [tmp_path]
    assert [path.name for path in tmp_path.iterdir()] == [MANIFEST_NAME]


def test_a_file_system_without_locks_is_worked_on_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with locked(tmp_path, hidden=False) as manifest:
        manifest.append(RECORD)
    assert Manifest(tmp_path / MANIFEST_NAME).latest("a.jpg") == RECORD


def test_a_hidden_manifest_leaves_nothing_once_it_is_removed(tmp_path: Path) -> None:
    with locked(tmp_path, hidden=True) as manifest:
        manifest.append(RECORD)
    assert [path.name for path in tmp_path.iterdir()] == [f".{MANIFEST_NAME}"]
    with locked(tmp_path, hidden=True) as manifest:
        assert manifest.latest("a.jpg") == RECORD
        manifest.remove()
    assert list(tmp_path.iterdir()) == []

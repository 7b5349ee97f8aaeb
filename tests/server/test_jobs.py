import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from photochrom.server.jobs import JobStore
from photochrom.server.workbench import BusyError

from photochrom.album import Options
from photochrom.coloring import Hint
from photochrom.errors import ConfigError
from photochrom.server.problems import Problem
from photochrom.server.settings import Settings
from photochrom.server.tasks import Colored, Confidence, Picture


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(settings: Settings, clock: Clock) -> Iterator[JobStore]:
    store = JobStore(settings, clock)
    yield store
    store.close()


def added(store: JobStore, *names: str, options: Options | None = None) -> str:
    with store.draft() as draft:
        for number in range(len(names)):
            (draft / str(number)).write_bytes(b"gray")
        return store.add(draft, list(names), options or Options(), None).id


def colored(*endings: str) -> Colored:
    pictures = tuple(Picture(ending, ending.encode()) for ending in endings)
    return Colored(pictures, 1, 1, "gray", (), Confidence(0.5, 0.5), {})


def finish(store: JobStore) -> None:
    while (claim := store.claim()) is not None:
        store.record(claim, "colored", colored(".jpg"))
    store.finish()


def test_photos_come_in_their_order_with_all_options(store: JobStore) -> None:
    options = Options(strength=0.5, hints=(Hint(1.0, 2.0, (3, 4, 5)),), variants=2)
    added(store, "a.jpg", "b.jpg", options=options)
    first, second = store.claim(), store.claim()
    assert first is not None
    assert second is not None
    assert (first.number, second.number, first.options) == (0, 1, options)
    assert first.source.read_bytes() == b"gray"
    assert store.claim() is None


def test_the_result_holds_each_photo_once_under_a_name_of_its_own(store: JobStore) -> None:
    job = added(store, "a.jpg", "a.png", "A.jpg", "photochrom.json", "b/a.jpg")
    for endings in ((".jpg", "-compare.jpg"), (".jpg",), (".jpg",), (".json",), (".jpg",)):
        claim = store.claim()
        assert claim is not None
        store.record(claim, "colored", colored(*endings))
    assert store.result(job) is None
    store.finish()
    path = store.result(job)
    assert path is not None
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [
            "a.jpg",
            "a-compare.jpg",
            "a (2).jpg",
            "A (3).jpg",
            "photochrom (2).json",
            "b/a.jpg",
            "photochrom.json",
        ]
        assert archive.read("a-compare.jpg") == b"-compare.jpg"
        assert json.loads(archive.read("photochrom.json"))[1]["outputs"] == ["a (2).jpg"]
    assert [file.name for file in path.parent.iterdir()] == ["result.zip"]


def test_what_was_at_work_when_the_server_ended_waits_again(store: JobStore, settings: Settings) -> None:
    job = added(store, "a.jpg", "b.jpg", "c.jpg")
    first, _ = store.claim(), store.claim()
    assert first is not None
    store.record(first, "colored", colored(".jpg"))
    store.close()
    again = JobStore(settings)
    assert again.get(job).counts == {"waiting": 2, "at work": 0, "colored": 1, "in color": 0, "failed": 0}
    finish(again)
    path = again.result(job)
    assert path is not None
    assert zipfile.ZipFile(path).namelist() == ["a.jpg", "b.jpg", "c.jpg", "photochrom.json"]
    again.close()


def test_what_was_written_but_not_recorded_is_written_again(store: JobStore) -> None:
    job = added(store, "a.jpg")
    claim = store.claim()
    assert claim is not None
    claim.source.with_name("0-0").write_bytes(b"half")
    store.record(claim, "colored", colored(".jpg"))
    store.finish()
    path = store.result(job)
    assert path is not None
    assert zipfile.ZipFile(path).read("a.jpg") == b".jpg"


def test_results_are_removed_when_their_time_is_over(store: JobStore, clock: Clock, settings: Settings) -> None:
    old = added(store, "a.jpg")
    finish(store)
    clock.now += settings.keep_hours * 3600 - 1
    young = added(store, "b.jpg")
    store.sweep()
    assert store.result(old) is not None
    clock.now += 2
    store.sweep()
    with pytest.raises(KeyError):
        store.get(old)
    assert not (settings.job_folder / old).exists()
    clock.now += 1e9
    store.sweep()
    assert store.get(young).finished is None


def test_a_deleted_batch_leaves_nothing(store: JobStore, settings: Settings) -> None:
    job = added(store, "a.jpg", "b.jpg")
    claim = store.claim()
    assert claim is not None
    store.delete(job)
    store.record(claim, "colored", colored(".jpg"))
    store.finish()
    assert not (settings.job_folder / job).exists()
    assert store.claim() is None
    with pytest.raises(KeyError):
        store.delete(job)


def test_what_belongs_to_no_batch_is_removed_at_the_start(store: JobStore, settings: Settings) -> None:
    for folder in ("drafts/unfinished", "l" * 32):
        (settings.job_folder / folder).mkdir(parents=True)
        (settings.job_folder / folder / "0").write_bytes(b"gray")
    store.close()
    JobStore(settings).close()
    assert [path.name for path in settings.job_folder.iterdir() if path.is_dir()] == []


def test_a_refused_draft_is_gone(store: JobStore, settings: Settings) -> None:
    with store.draft() as draft:
        (draft / "0").write_bytes(b"gray")
    assert list((settings.job_folder / "drafts").iterdir()) == []


def test_batches_are_for_this_user_alone(store: JobStore, settings: Settings) -> None:
    assert settings.job_folder.stat().st_mode & 0o777 == 0o700


def test_there_is_room_for_so_many_batches(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    store = JobStore(replace(settings, max_jobs=1))
    store.require_room()
    added(store, "a.jpg")
    with pytest.raises(BusyError):
        store.require_room()
    finish(store)
    store.require_room()
    usage = type("Usage", (), {"free": 1_000_000})()
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(Problem, match="too little room"):
        store.require_room()
    store.close()


def test_a_full_disk_leaves_the_photo_as_it_was(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    job = added(store, "a.jpg")
    claim = store.claim()
    assert claim is not None

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("photochrom.server.jobs.write_whole", fail)
    with pytest.raises(OSError, match="No space"):
        store.record(claim, "colored", colored(".jpg"))
    assert store.get(job).photos[0].state == "at work"
    store.record(claim, "failed", error="no room")
    assert store.get(job).photos[0].error == "no room"


def test_the_folder_is_the_users_own(tmp_path: Path) -> None:
    assert Settings().job_folder.parts[-2:] == ("photochrom", "jobs")
    assert Settings(data_dir=tmp_path).job_folder == tmp_path / "jobs"


def test_a_folder_with_other_things_is_left_alone(settings: Settings) -> None:
    theirs = settings.job_folder / "invoices" / "a.txt"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("mine")
    with pytest.raises(ConfigError, match="holds other things"):
        JobStore(settings)
    assert theirs.read_text() == "mine"


def test_a_broken_database_is_told_in_one_line(settings: Settings) -> None:
    settings.job_folder.mkdir(parents=True)
    (settings.job_folder / "jobs.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(ConfigError, match="cannot be used"):
        JobStore(settings)


def test_folders_that_are_not_ours_are_never_swept(store: JobStore, settings: Settings) -> None:
    (settings.job_folder / "mine").mkdir()
    store.sweep()
    assert (settings.job_folder / "mine").is_dir()


def test_photos_that_could_not_be_recorded_wait_again(store: JobStore) -> None:
    added(store, "a.jpg")
    claim = store.claim()
    assert claim is not None
    assert store.claim() is None
    store.release(claim)
    assert store.claim() == claim


def test_a_batch_of_another_version_fails_in_plain_words(store: JobStore) -> None:
    job = added(store, "a.jpg", "b.jpg")
    with store._lock, store._database:
        store._database.execute("UPDATE jobs SET options = '{\"unknown\": 1}'")
    assert store.claim() is None
    assert {photo.state for photo in store.get(job).photos} == {"failed"}
    assert "another version" in (store.get(job).photos[0].error or "")

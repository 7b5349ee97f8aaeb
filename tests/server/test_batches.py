import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from photochrom.album import run
from photochrom.album._manifest import locked
from photochrom.coloring import Hint, Look, Model, Options, Outputs
from photochrom.errors import BusyError, CheckpointError, ConfigError
from photochrom.server.batch_runner import BatchRunner, _ended
from photochrom.server.batches import BatchStore
from photochrom.server.meters import Meters
from photochrom.server.problems import Problem
from photochrom.server.settings import Settings
from photochrom.workers import Pool


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(settings: Settings, clock: Clock) -> Iterator[BatchStore]:
    store = BatchStore(settings, clock)
    yield store
    store.close()


@pytest.fixture(scope="module")
def pool(tiny_network: Path) -> Iterator[Pool]:
    """A worker, which the tests of this module share."""
    with Pool(Model(str(tiny_network), None)) as pool:
        yield pool


@pytest.fixture
def runner(store: BatchStore, pool: Pool) -> Iterator[BatchRunner]:
    """Colors the batches of the store."""
    runner = BatchRunner(store, pool, Meters(pool), 1)
    runner.start()
    yield runner
    runner.close()


def added(store: BatchStore, photo: bytes, *names: str, options: Options) -> str:
    with store.draft() as draft:
        for number in range(len(names)):
            (draft / str(number)).write_bytes(photo)
        return store.add(draft, list(names), options).id


def finish(store: BatchStore, batch: str, pool: Pool) -> None:
    """What a runner does with a batch."""
    plan = store.plan(batch)
    for outcome in run(plan, 1, pool=pool):
        number = int(outcome.source.name)
        store.note(batch, number, _ended(store.get(batch).photos[number].name, outcome))
    store.finish(batch, plan.jobs)


def packed(store: BatchStore, batch: str) -> zipfile.ZipFile:
    path = store.result(batch)
    assert path is not None
    return zipfile.ZipFile(path)


def test_a_batch_is_planned_with_all_options(store: BatchStore, gray_photo: bytes, options: Options) -> None:
    asked = replace(options, look=Look(0.5, hints=(Hint(1.0, 2.0, (3, 4, 5)),)), outputs=Outputs(2, compare=True))
    batch = added(store, gray_photo, "a.jpg", "b.jpg", options=asked)
    plan = store.plan(batch)
    assert plan.options == asked
    assert [job.source.read_bytes() for job in plan.jobs] == [gray_photo] * 2
    assert [path.name for path in plan.jobs[1].files] == ["1-1.png", "1-2.png", "1-compare.png"]


def test_the_result_holds_each_photo_once_under_a_name_of_its_own(
    store: BatchStore, pool: Pool, gray_photo: bytes, options: Options
) -> None:
    asked = replace(options, outputs=Outputs(compare=True, format="JPEG"))
    names = ("a.png", "a.jpg", "A.jpg", "photochrom.json", "b/a.jpg")
    batch = added(store, gray_photo, *names, options=asked)
    assert store.result(batch) is None
    finish(store, batch, pool)
    with packed(store, batch) as archive:
        assert archive.namelist() == [
            "a.jpg",
            "a-compare.jpg",
            "a (2).jpg",
            "a (2)-compare.jpg",
            "A (3).jpg",
            "A (3)-compare.jpg",
            "photochrom.jpg",
            "photochrom-compare.jpg",
            "b/a.jpg",
            "b/a-compare.jpg",
            "photochrom.json",
        ]
        assert Image.open(io.BytesIO(archive.read("a-compare.jpg"))).size == (128, 64)
        assert json.loads(archive.read("photochrom.json"))[1] == {
            "name": "a.jpg",
            "state": "colored",
            "outputs": ["a (2).jpg", "a (2)-compare.jpg"],
            "faces": 0,
        }


def test_what_is_missing_of_a_photo_is_told_in_the_answer_the_report_and_after_a_restart(
    store: BatchStore, settings: Settings, clock: Clock, pool: Pool, gray_photo: bytes, options: Options
) -> None:
    batch = added(store, gray_photo[: len(gray_photo) * 3 // 4], "a.png", options=options)
    list(run(store.plan(batch), 1, pool=pool))
    store.close()  # before it was finished
    again = BatchStore(settings, clock)
    (photo,) = again.get(batch).photos
    assert len(photo.remarks) == 1
    assert "rows are missing and stay blank" in photo.remarks[0]
    finish(again, batch, pool)
    assert again.get(batch).photos == (photo,)
    with packed(again, batch) as archive:
        assert json.loads(archive.read("photochrom.json"))[0]["remarks"] == list(photo.remarks)
    again.close()
    assert BatchStore(settings, clock).get(batch).photos == (photo,)


def test_a_packed_batch_keeps_no_photo_and_is_known_after_a_restart(
    store: BatchStore, settings: Settings, clock: Clock, pool: Pool, gray_photo: bytes, options: Options
) -> None:
    batch = added(store, gray_photo, "a.jpg", options=options)
    finish(store, batch, pool)
    assert {path.name for path in (settings.job_folder / batch).iterdir()} == {"batch.json", "result.zip"}
    told = store.get(batch)
    store.close()
    again = BatchStore(settings, clock)
    assert again.get(batch) == told
    assert again.unfinished() == []
    again.close()


def test_a_batch_goes_on_after_a_restart_and_colors_nothing_twice(
    store: BatchStore, settings: Settings, clock: Clock, pool: Pool, gray_photo: bytes, options: Options
) -> None:
    batch = added(store, gray_photo, "a.png", "b.png", "c.png", options=options)
    outcomes = run(store.plan(batch), 1, pool=pool)
    next(outcomes)
    outcomes.close()
    store.close()
    again = BatchStore(settings, clock)
    counts = again.get(batch).counts
    assert counts["colored"] >= 1
    assert counts["colored"] + counts["waiting"] == 3
    before = {path: path.stat().st_mtime_ns for path in (settings.job_folder / batch / "results").glob("?.png")}
    rest = list(run(again.plan(batch), 1, pool=pool))
    assert sum(outcome.status == "done" for outcome in rest) == counts["colored"]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    again.close()


def test_states_are_those_of_the_album(client: TestClient, gray_photo: bytes, color_photo: bytes) -> None:
    photos = [("files", (name, content)) for name, content in (("a", gray_photo), ("b", color_photo), ("c", b"no"))]
    job = client.post("/api/v1/batch", files=photos).json()
    while job["state"] != "finished":
        job = client.get(f"/api/v1/jobs/{job['id']}").json()
    assert [photo["state"] for photo in job["photos"]] == ["colored", "in color", "failed"]
    assert job["photos"][1]["error"] == "it is in color already; use force to color it again from its luma"
    assert "not a photo" in job["photos"][2]["error"]


def test_results_are_removed_when_their_time_is_over(
    store: BatchStore, clock: Clock, settings: Settings, pool: Pool, gray_photo: bytes, options: Options
) -> None:
    old = added(store, gray_photo, "a.jpg", options=options)
    finish(store, old, pool)
    clock.now += settings.keep_hours * 3600 - 1
    young = added(store, gray_photo, "b.jpg", options=options)
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


def test_a_deleted_batch_leaves_nothing(
    store: BatchStore, runner: BatchRunner, settings: Settings, gray_photo: bytes, options: Options
) -> None:
    batch = added(store, gray_photo, *(f"{number}.png" for number in range(50)), options=options)
    runner.wake()
    while store.get(batch).counts["colored"] == 0:
        pass
    runner.delete(batch)
    with pytest.raises(KeyError):
        runner.delete(batch)
    runner.close()
    assert {path.name for path in settings.job_folder.iterdir()} == {"photochrom.lock", "drafts"}
    assert list((settings.job_folder / "drafts").iterdir()) == []
    assert store.unfinished() == []


def test_what_belongs_to_no_batch_is_removed_at_the_start(store: BatchStore, settings: Settings) -> None:
    for folder in ("drafts/unfinished/photos", "l" * 32):
        (settings.job_folder / folder).mkdir(parents=True)
        (settings.job_folder / folder / "0").write_bytes(b"gray")
    store.close()
    BatchStore(settings).close()
    assert [path.name for path in settings.job_folder.iterdir() if path.is_dir()] == []


def test_a_refused_draft_is_gone(store: BatchStore, settings: Settings) -> None:
    with store.draft() as draft:
        (draft / "0").write_bytes(b"gray")
    assert list((settings.job_folder / "drafts").iterdir()) == []


def test_batches_are_for_this_user_alone(store: BatchStore, settings: Settings) -> None:
    assert settings.job_folder.stat().st_mode & 0o777 == 0o700


def test_there_is_room_for_so_many_batches(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, pool: Pool, gray_photo: bytes, options: Options
) -> None:
    store = BatchStore(replace(settings, max_jobs=1))
    store.require_room()
    batch = added(store, gray_photo, "a.jpg", options=options)
    with pytest.raises(BusyError):
        store.require_room()
    finish(store, batch, pool)
    store.require_room()
    usage = type("Usage", (), {"free": 1_000_000})()
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(Problem, match="too little room"):
        store.require_room()
    store.close()


def test_a_batch_is_refused_before_it_is_spooled(
    client: TestClient, gray_photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spool(*_: object, **__: object) -> None:
        pytest.fail("it was spooled")

    usage = type("Usage", (), {"free": 1_000_000})()
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    monkeypatch.setattr("tempfile.SpooledTemporaryFile", spool)
    answer = client.post("/api/v1/batch", files=[("files", ("a.png", gray_photo))])
    assert (answer.status_code, answer.json()["status"]) == (507, 507)


def test_a_full_disk_stops_no_runner(
    store: BatchStore, pool: Pool, gray_photo: bytes, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = added(store, gray_photo, "a.png", options=options)
    write_whole = BatchStore.finish
    tries: list[str] = []

    def fail_once(store: BatchStore, batch: str, jobs: Any) -> None:
        tries.append(batch)
        if len(tries) == 1:
            raise OSError(28, "No space left on device")
        write_whole(store, batch, jobs)

    monkeypatch.setattr(BatchStore, "finish", fail_once)
    runner = BatchRunner(store, pool, Meters(pool), 1)
    runner.start()
    while not tries:
        pass
    while store.get(batch).finished is None:
        runner.wake()
    runner.close()
    assert store.get(batch).counts["colored"] == 1


@pytest.mark.parametrize(
    ("failure", "logged"),
    [
        (CheckpointError("old.onnx: cannot be read"), "a batch failed: old.onnx: cannot be read"),
        (ValueError("grandmother.jpg"), "a batch failed: ValueError in "),
    ],
)
def test_a_batch_that_will_never_be_colored_ends_and_keeps_what_is_colored(
    store: BatchStore,
    pool: Pool,
    gray_photo: bytes,
    options: Options,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    failure: Exception,
    logged: str,
) -> None:
    def break_off(*arguments: Any, **more: Any) -> Iterator[Any]:
        yield next(outcomes := run(*arguments, **more))
        outcomes.close()
        raise failure

    monkeypatch.setattr("photochrom.server.batch_runner.run", break_off)
    batch = added(store, gray_photo, "a.png", "grandmother.png", "c.png", options=options)
    runner = BatchRunner(store, pool, Meters(pool), 1)
    runner.start()
    while store.get(batch).finished is None:
        pass
    runner.close()
    assert store.get(batch).counts == {"waiting": 0, "at work": 0, "colored": 1, "in color": 0, "failed": 2}
    with packed(store, batch) as archive:
        assert len(archive.namelist()) == 2
    (line,) = caplog.messages
    assert line.startswith(logged)
    assert "grandmother" not in line


def test_a_failure_that_may_pass_is_logged_without_the_id_of_the_batch(
    store: BatchStore,
    pool: Pool,
    gray_photo: bytes,
    options: Options,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tries: list[bool] = []

    def fail_once(*arguments: Any, **more: Any) -> Iterator[Any]:
        tries.append(True)
        if len(tries) == 1:
            with locked(settings.job_folder / batch / "photos" / "0", hidden=False):  # below a file
                pass
        yield from run(*arguments, **more)

    batch = added(store, gray_photo, "a.png", options=options)
    monkeypatch.setattr("photochrom.server.batch_runner.run", fail_once)
    runner = BatchRunner(store, pool, Meters(pool), 1)
    runner.start()
    while store.get(batch).finished is None:
        runner.wake()
    runner.close()
    assert store.get(batch).counts["colored"] == 1
    assert caplog.messages == ["a batch failed, and is tried again: File exists"]


def test_the_folder_is_the_users_own(tmp_path: Path) -> None:
    assert Settings().job_folder.parts[-2:] == ("photochrom", "jobs")
    assert Settings(data_dir=tmp_path).job_folder == tmp_path / "jobs"


def test_a_folder_with_other_things_is_left_alone(settings: Settings) -> None:
    theirs = settings.job_folder / "invoices" / "a.txt"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("mine")
    with pytest.raises(ConfigError, match="holds other things"):
        BatchStore(settings)
    assert theirs.read_text() == "mine"


def test_a_folder_of_the_first_version_is_taken_over(settings: Settings) -> None:
    """Photochrom 0.1 kept batches in a database; those are forgotten."""
    old = settings.job_folder / ("l" * 32)
    old.mkdir(parents=True)
    (settings.job_folder / "jobs.sqlite").write_bytes(b"SQLite format 3")
    BatchStore(settings).close()
    assert {path.name for path in settings.job_folder.iterdir()} == {"photochrom.lock"}


def test_a_broken_batch_is_forgotten(
    store: BatchStore, settings: Settings, gray_photo: bytes, options: Options
) -> None:
    batch = added(store, gray_photo, "a.jpg", options=options)
    (settings.job_folder / batch / "batch.json").write_bytes(b"{")
    store.close()
    again = BatchStore(settings)
    with pytest.raises(KeyError):
        again.get(batch)
    assert not (settings.job_folder / batch).exists()
    again.close()


def test_folders_that_are_not_ours_are_never_swept(store: BatchStore, settings: Settings) -> None:
    (settings.job_folder / "mine").mkdir()
    store.sweep()
    assert (settings.job_folder / "mine").is_dir()


def test_a_batch_of_another_version_fails_in_plain_words(
    store: BatchStore, runner: BatchRunner, settings: Settings, gray_photo: bytes, options: Options
) -> None:
    batch = added(store, gray_photo, "a.jpg", "b.jpg", options=options)
    path = settings.job_folder / batch / "batch.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "options": {"unknown": 1}}))
    runner.wake()
    while store.get(batch).finished is None:
        pass
    assert {photo.state for photo in store.get(batch).photos} == {"failed"}
    assert "another version" in (store.get(batch).photos[0].error or "")

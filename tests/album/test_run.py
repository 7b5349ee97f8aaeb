import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from photochrom.album import MANIFEST_NAME, Job, Manifest, Outcome, Plan, Record, plan, run
from photochrom.album._manifest import Intent
from photochrom.coloring import Limits, Look, Model, Options, Outputs
from photochrom.errors import CheckpointError, PhotoError, StartError
from photochrom.workers import Pool

Draw = Callable[..., Path]
BESIDE = f".{MANIFEST_NAME}"


@pytest.fixture
def colored(tiny: Options, pool: Pool) -> Callable[..., list[Outcome]]:
    """Runs a plan on workers that tests share."""

    def run_plan(*sources: str | Path, out: str | None = None, options: Options = tiny, **more: Any) -> list[Outcome]:
        planned = plan(sources, None if out is None else Path(out), options, **more)
        return list(run(planned, 2, pool=pool))

    return run_plan


Colored = Callable[..., list[Outcome]]


def statuses(outcomes: Sequence[Outcome]) -> dict[str, str]:
    return {outcome.source.name: outcome.status for outcome in outcomes}


def errors(outcomes: Sequence[Outcome]) -> dict[str, str]:
    return {outcome.source.name: str(outcome.error) for outcome in outcomes if outcome.error}


def files(folder: Path | str) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()}


def pixels(path: Path | str) -> npt.NDArray[np.uint8]:
    with Image.open(path) as picture:
        return np.asarray(picture)


def records(path: Path | str) -> list[dict[str, Any]]:
    """The lines that tell how photos ended."""
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    return [line for line in lines if line["intent"] is None]


PHOTOS = ("a.png", "b.jpg", "c.TIF", "d.jpg")
RESULTS = {"a.png", "b.jpg", "1950s/c.TIF", "1950s/deep/d.jpg"}


# --- what is written ------------------------------------------------------------------------------------------------


def test_a_folder_is_colored_and_the_same_run_again_does_nothing(album: Path, colored: Colored, draw: Draw) -> None:
    draw(album / "color.png", mode="RGB")
    (album / "broken.jpg").write_bytes(b"\xff\xd8\xff...")
    first = colored(album)
    photos = dict.fromkeys(PHOTOS, "colored")
    assert statuses(first) == photos | {"color.png": "in color", "broken.jpg": "failed"}
    assert files("album-color") == RESULTS | {MANIFEST_NAME}
    assert np.ptp(pixels("album-color/b.jpg").astype(int), axis=2).max() > 0

    written = {path: path.stat().st_mtime_ns for path in Path("album-color").rglob("*.*") if path.name != MANIFEST_NAME}
    again = colored(album)
    assert statuses(again) == dict.fromkeys(PHOTOS, "done") | {"color.png": "in color", "broken.jpg": "failed"}
    assert {path: path.stat().st_mtime_ns for path in written} == written

    lines = records(Path("album-color", MANIFEST_NAME))
    assert len(lines) == 7  # the broken one was tried twice
    (line,) = (line for line in lines if line["file"] == "1950s/c.TIF")
    assert line["sha256"] == hashlib.sha256((album / "1950s/c.TIF").read_bytes()).hexdigest()
    assert line["outputs"] == ["1950s/c.TIF"]
    assert line["settings"]["look"]["strength"] == 1.0
    assert (line["error"], line["faces"]) == (None, 0)
    assert line["seconds"] > 0.0


def test_all_files_of_a_photo_are_written(album: Path, colored: Colored, tiny: Options) -> None:
    (outcome,) = colored("album/b.jpg", options=replace(tiny, outputs=Outputs(2, compare=True, confidence=True)))
    assert [path.name for path in outcome.files] == [
        "b-color-1.jpg",
        "b-color-2.jpg",
        "b-color-compare.jpg",
        "b-color-confidence.png",
    ]
    assert all(path.is_file() for path in outcome.files)


def test_the_name_of_a_result_gives_its_format(album: Path, colored: Colored) -> None:
    colored("album/b.jpg", out="x/colored.tif")
    with Image.open("x/colored.tif") as picture:
        assert picture.format == "TIFF"


@pytest.mark.parametrize("keep_date", [True, False])
def test_results_get_the_date_of_their_photo_unless_unwanted(album: Path, colored: Colored, keep_date: bool) -> None:
    os.utime(album / "b.jpg", (1e9, 1e9))
    colored("album/b.jpg", keep_date=keep_date)
    assert (Path("album/b-color.jpg").stat().st_mtime == 1e9) == keep_date


@pytest.mark.parametrize("name", ["-a.jpg", "two\nlines.jpg", "Großmutter 奶奶.jpg", "a b.c.jpg", "odd\udcff.jpg"])
def test_odd_names_are_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, colored: Colored, draw: Draw, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        draw("a.jpg").rename(name)
    except OSError:
        pytest.skip("this file system takes no such name")
    (outcome,) = colored("*.jpg", out="x")
    assert (outcome.status, str(outcome.source)) == ("colored", name)
    assert [path.name for path in outcome.files] == [name]
    assert outcome.files[0].is_file()
    assert statuses(colored("*.jpg", out="x")) == {name: "done"}


def test_a_folder_and_a_photo_of_it_by_another_way_are_one_folder_of_results(album: Path, colored: Colored) -> None:
    Path("link").symlink_to("album", target_is_directory=True)
    assert set(statuses(colored("album/a.png", "link/b.jpg", "album/1950s")).values()) == {"colored"}
    assert BESIDE not in files(album)


# --- what is done already -------------------------------------------------------------------------------------------


def test_force_after_a_common_run_colors_what_was_left_alone_and_nothing_else(
    album: Path, colored: Colored, tiny: Options, draw: Draw
) -> None:
    draw(album / "color.png", mode="RGB")
    first = statuses(colored(album))
    forced = statuses(colored(album, options=replace(tiny, limits=Limits(force=True))))
    assert first.pop("color.png") == "in color"
    assert forced.pop("color.png") == "colored"
    assert forced == dict.fromkeys(first, "done")


def test_another_photo_and_other_options_do_the_work_again_where_they_may(
    album: Path, colored: Colored, tiny: Options, draw: Draw
) -> None:
    colored(album)
    draw(album / "b.jpg", seed=99)
    draw(album / "new.jpg")
    again = colored(album)
    assert statuses(again) == dict.fromkeys(("a.png", "c.TIF", "d.jpg"), "done") | {
        "b.jpg": "failed",
        "new.jpg": "colored",
    }
    assert "is there already; --overwrite replaces it" in errors(again)["b.jpg"]
    pale = replace(tiny, look=Look(strength=0.5))
    assert set(statuses(colored(album, options=pale)).values()) == {"failed"}
    assert statuses(colored(album))["a.png"] == "done"  # a refusal is no news of a photo
    assert set(statuses(colored(album, options=pale, overwrite=True)).values()) == {"colored"}
    assert set(statuses(colored(album, options=pale, overwrite=True)).values()) == {"done"}
    assert set(statuses(colored(album)).values()) == {"failed"}


def test_what_is_there_is_replaced_only_if_allowed(album: Path, colored: Colored, tiny: Options) -> None:
    two = replace(tiny, outputs=Outputs(2))
    Path("x").mkdir()
    Path("x/b-2.jpg").write_bytes(b"precious")
    assert "x/b-2.jpg is there already" in errors(colored("album/b.jpg", out="x", options=two))["b.jpg"]
    assert Path("x/b-2.jpg").read_bytes() == b"precious"
    assert not Path("x/b-1.jpg").exists()
    assert statuses(colored("album/b.jpg", out="x", options=two, overwrite=True)) == {"b.jpg": "colored"}


def test_what_comes_to_lie_in_the_place_of_a_result_meanwhile_stays(album: Path, obedient: Any, tiny: Options) -> None:
    planned = plan(["album/b.jpg"], Path("x"), tiny)

    def put(_: object) -> None:
        Path("x/b.jpg").write_bytes(b"precious")

    assert "is there already" in errors(list(run(planned, 1, on_begin=put)))["b.jpg"]
    assert Path("x/b.jpg").read_bytes() == b"precious"
    assert files("x") == {"b.jpg", MANIFEST_NAME}


@pytest.mark.parametrize("knows_links", [True, False])
def test_what_another_program_puts_there_in_the_last_moment_stays(
    album: Path, colored: Colored, monkeypatch: pytest.MonkeyPatch, knows_links: bool
) -> None:
    give_name = Path.hardlink_to

    def put_first(path: Path, target: Path) -> None:
        path.write_bytes(b"precious")
        if not knows_links:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))
        give_name(path, target)

    monkeypatch.setattr(Path, "hardlink_to", put_first)
    assert "is there already" in errors(colored("album/b.jpg", out="x"))["b.jpg"]
    assert Path("x/b.jpg").read_bytes() == b"precious"
    assert files("x") == {"b.jpg", MANIFEST_NAME}


def test_a_file_system_without_links_is_written_to(
    album: Path, colored: Colored, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, target: Path) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    assert statuses(colored(album)) == dict.fromkeys(PHOTOS, "colored")
    assert files("album-color") == RESULTS | {MANIFEST_NAME}


def test_a_name_that_becomes_too_long_is_told_before_the_photo_is_colored(
    album: Path, tiny: Options, draw: Draw
) -> None:
    """mgedmin in oxdef/lib2opds, pull request 25."""
    photo = draw(album / f"{'a' * 251}.jpg")
    begun: list[object] = []
    (outcome,) = run(plan([photo], options=tiny), 1, on_begin=begun.append)
    assert outcome.error is not None
    assert "too long for a name; give the photo a shorter one" in outcome.error
    assert not begun
    assert not list(album.glob(".writing-*"))


def test_beside_a_photo_there_is_no_manifest_and_no_second_time(album: Path, colored: Colored) -> None:
    assert statuses(colored("album/b.jpg")) == {"b.jpg": "colored"}
    assert "b-color.jpg" in files(album)
    assert not {MANIFEST_NAME, BESIDE} & files(album)
    (again,) = colored("album/b.jpg")
    assert (again.status, again.files) == ("failed", ())
    assert "b-color.jpg is there already" in str(again.error)
    assert statuses(colored("album/b.jpg", overwrite=True)) == {"b.jpg": "colored"}


def test_a_moved_folder_of_results_is_still_known(album: Path, colored: Colored) -> None:
    colored(album, out="x")
    Path("x").rename("y")
    outcomes = colored(album, out="y")
    assert {outcome.status for outcome in outcomes} == {"done"}
    assert Path("y/b.jpg") in {outcome.files[0] for outcome in outcomes}


# --- runs that were ended -------------------------------------------------------------------------------------------


def begun(
    folder: Path, photo: Path, result: bytes | None = None, *, new: bool = True, settings: dict[str, Any]
) -> Intent:
    """A line as a run leaves it that was killed while it colored a photo, or put its result in its place."""
    folder.mkdir(exist_ok=True)
    names, digests = (photo.name,), () if result is None else (hashlib.sha256(result).hexdigest(),)
    intent = Intent("0123456789abcdef" * 2, names, names if new else (), digests)
    record = Record(photo.name, hashlib.sha256(photo.read_bytes()).hexdigest(), settings, remarks=("torn",))
    Manifest(folder / MANIFEST_NAME).begin(record, intent)
    return intent


@pytest.fixture
def settings(album: Path, colored: Colored) -> dict[str, Any]:
    """What runs record."""
    colored(album / "b.jpg", out="other")
    return dict(records(Path("other", MANIFEST_NAME))[0]["settings"])


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("result", [b"\xff\xd8\xff of any format", b"BM, which names nobody"])
def test_a_result_that_a_killed_run_put_but_did_not_record_is_done(
    album: Path, colored: Colored, settings: dict[str, Any], result: bytes, new: bool
) -> None:
    begun(Path("album-color"), album / "b.jpg", result, new=new, settings=settings)
    Path("album-color/b.jpg").write_bytes(result)
    outcomes = colored(album)
    assert statuses(outcomes) == dict.fromkeys(PHOTOS, "colored") | {"b.jpg": "done"}
    assert [outcome.remarks for outcome in outcomes if outcome.status == "done"] == [("torn",)]
    assert statuses(colored(album)) == dict.fromkeys(PHOTOS, "done")


def test_a_result_of_another_photo_is_made_again(
    album: Path, colored: Colored, draw: Draw, settings: dict[str, Any]
) -> None:
    begun(Path("album-color"), album / "b.jpg", b"of the photo that was here", settings=settings)
    Path("album-color/b.jpg").write_bytes(b"of the photo that was here")
    draw(album / "b.jpg", seed=99)
    assert statuses(colored(album))["b.jpg"] == "colored"


def test_what_a_killed_run_did_not_finish_goes_and_is_made_again(
    album: Path, colored: Colored, tiny: Options, settings: dict[str, Any]
) -> None:
    intent = begun(Path("album-color"), album / "b.jpg", settings=settings)
    half = Path("album-color", f".writing-{intent.id}-0.jpg")
    half.write_bytes(b"half")
    of_another = Path("album-color", f".writing-{'f' * 32}-0.jpg")
    of_another.write_bytes(b"of a run that this one knows nothing of")
    assert statuses(colored(album))["b.jpg"] == "colored"
    assert not half.exists()
    assert of_another.exists()


def test_what_a_worker_of_a_killed_run_still_writes_goes_too(
    album: Path, tiny: Options, pool: Pool, settings: dict[str, Any]
) -> None:
    intent = begun(Path("album-color"), album / "b.jpg", settings=settings)
    half = Path("album-color", f".writing-{intent.id}-0.jpg")
    seen = []

    def on_begin(job: Job) -> None:
        if job.source.name == "b.jpg":
            seen.append(half.write_bytes(b"written late"))

    ended = list(run(plan([album], options=tiny), 1, pool=pool, on_begin=on_begin))
    assert statuses(ended)["b.jpg"] == "colored"
    assert seen
    assert not half.exists()


def test_one_file_of_several_is_no_result(album: Path, colored: Colored, tiny: Options) -> None:
    both = replace(tiny, outputs=Outputs(confidence=True))
    colored(album, options=both)
    manifest = Path("album-color", MANIFEST_NAME)
    lines = [line for line in manifest.read_text().splitlines() if '"file": "b.jpg"' in line]
    manifest.write_text("\n".join(lines[:2]) + "\n")  # it was begun, and its files were whole
    Path("album-color/b-confidence.png").unlink()
    for name in RESULTS - {"b.jpg"}:
        Path("album-color", name).unlink()
    assert statuses(colored(album, options=both))["b.jpg"] == "colored"
    assert Path("album-color/b-confidence.png").is_file()


@pytest.mark.parametrize("result", [None, b"a result"])
def test_a_file_of_somebody_else_is_neither_removed_nor_taken_for_a_result(
    album: Path, colored: Colored, settings: dict[str, Any], result: bytes | None
) -> None:
    begun(Path("album-color"), album / "b.jpg", result, settings=settings)
    foreign = Path("other/b.jpg").read_bytes()  # even if photochrom made it
    Path("album-color/b.jpg").write_bytes(foreign)
    assert "is there already" in errors(colored(album))["b.jpg"]
    assert Path("album-color/b.jpg").read_bytes() == foreign


def test_what_may_be_old_or_new_is_made_again_where_that_is_allowed(
    album: Path, colored: Colored, settings: dict[str, Any]
) -> None:
    colored(album)
    begun(Path("album-color"), album / "b.jpg", new=False, settings=settings)
    assert "is there already" in errors(colored(album))["b.jpg"]
    assert statuses(colored(album, overwrite=True))["b.jpg"] == "colored"
    assert statuses(colored(album))["b.jpg"] == "done"


def test_an_interrupted_run_goes_on_where_it_was(album: Path, tiny: Options, pool: Pool, colored: Colored) -> None:
    with closing(run(plan([album], options=tiny), 1, pool=pool)) as outcomes:
        first = next(outcomes)
    assert not [path for path in Path("album-color").rglob("*") if path.name.startswith(".")]
    rest = statuses(colored(album))
    assert rest.pop(first.source.name) == "done"
    assert set(rest.values()) <= {"colored", "done"}  # what was finished meanwhile was kept


def test_an_interrupted_run_beside_photos_goes_on_and_leaves_nothing_at_the_end(
    album: Path, tiny: Options, pool: Pool, colored: Colored, draw: Draw
) -> None:
    photos = [draw(album / f"{number}.jpg", number) for number in range(6)]
    with closing(run(plan(photos, options=tiny), 1, pool=pool)) as outcomes:
        first = next(outcomes)
    assert BESIDE in files(album)
    rest = statuses(colored(*photos))
    assert rest.pop(first.source.name) == "done"
    assert set(rest.values()) <= {"colored", "done"}
    assert not [name for name in files(album) if name.startswith(".") and "hidden" not in name and "thumb" not in name]


def test_a_run_can_be_stopped_from_elsewhere(album: Path, tiny: Options, pool: Pool) -> None:
    stop = threading.Event()
    outcomes = run(plan([album], options=tiny), 1, pool=pool, stop=stop)
    next(outcomes)
    stop.set()
    assert list(outcomes) == []
    assert not [name for name in files("album-color") if name.startswith(".")]


_UNREAD = "not read: 1 other file (.txt)\n"
"""What the command says of the album's notes."""

_COMMAND = (sys.executable, "-m", "photochrom", "colorize", "album", "--no-faces", "--jobs", "2", "--model")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_command_that_is_ended_at_any_moment_goes_on(
    album: Path, tiny: Options, draw: Draw, number: signal.Signals
) -> None:
    for seed in range(12):
        draw(album / f"{seed}.jpg", seed)
    command = [*_COMMAND, tiny.model.whole]
    manifest = Path("album-color", MANIFEST_NAME)
    for lines in (1, 9):  # a photo was begun; some are done
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            while process.poll() is None and _lines(manifest) < lines:
                pass
            process.send_signal(number)
            _, told = process.communicate()
        assert "Traceback" not in told
        if number != signal.SIGKILL:
            assert not list(Path("album-color").rglob(".*"))
    last = subprocess.run(command, capture_output=True, text=True)
    assert (last.returncode, last.stderr) == (0, _UNREAD)
    assert files("album-color") == RESULTS | {f"{seed}.jpg" for seed in range(12)} | {MANIFEST_NAME}
    written = [line["file"] for line in records(manifest) if line["error"] is None]
    assert len(written) == len(set(written)) == 16


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_two_runs_at_once_color_each_photo_once(album: Path, tiny: Options) -> None:
    command = [*_COMMAND, tiny.model.whole]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate() for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert sorted(out for out, _ in told) == [
        "colored 0, skipped 4 (4 done before); results: album-color\n",
        "colored 4; results: album-color\n",
    ]
    waited = "album-color: another run is at work here; waiting until it has ended\n"
    assert {err for _, err in told} <= {_UNREAD, waited + _UNREAD}
    assert files("album-color") == RESULTS | {MANIFEST_NAME}


# --- workers --------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_a_photo_that_workers_die_of_fails_alone(album: Path, obedient: Any, tiny: Options, draw: Draw) -> None:
    for name in ("killed.jpg", "ends.jpg", "fault.jpg"):
        draw(album / name)
    outcomes = list(run(plan([album], options=tiny), 2))
    failures = dict.fromkeys(("killed.jpg", "ends.jpg", "fault.jpg"), "failed")
    assert statuses(outcomes) == dict.fromkeys(PHOTOS, "colored") | failures
    assert "was killed, most likely for want of memory" in errors(outcomes)["killed.jpg"]
    assert "ended with status 3" in errors(outcomes)["ends.jpg"]
    assert "cannot be colored (ZeroDivisionError in color_photo" in errors(outcomes)["fault.jpg"]
    assert "grandmother" not in errors(outcomes)["fault.jpg"]
    assert not [path for path in Path("album-color").rglob("*") if path.name.startswith(".")]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_a_photo_that_takes_too_long_fails_alone(album: Path, obedient: Any, tiny: Options, draw: Draw) -> None:
    draw(album / "waits.jpg")
    options = replace(tiny, limits=Limits(timeout=5.0))
    outcomes = list(run(plan([album / "waits.jpg", album / "a.png"], Path("x"), options), 1))
    assert statuses(outcomes) == {"waits.jpg": "failed", "a.png": "colored"}
    assert "took longer than 5 seconds" in errors(outcomes)["waits.jpg"]
    assert files("x") == {"a.png", MANIFEST_NAME}  # nothing of what the worker had written


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_closing_the_outcomes_gives_up_a_photo_at_work(album: Path, obedient: Any, tiny: Options, draw: Draw) -> None:
    photos = [draw("p/a.jpg"), draw("p/waits.jpg")]
    with closing(run(plan(photos, Path("x"), tiny), 1)) as outcomes:
        assert next(outcomes).source.name == "a.jpg"
    assert files("x") == {"a.jpg", MANIFEST_NAME}


def test_networks_that_color_no_photos_end_it_all(album: Path, network_without_probabilities: Path) -> None:
    options = Options(Model(str(network_without_probabilities), None))
    with pytest.raises(StartError, match="without probabilities"):
        list(run(plan([album], options=options), 2))
    assert files("album-color") == {MANIFEST_NAME}


def test_a_missing_model_is_told_before_anything_is_written(album: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none\.onnx: cannot be read"):
        list(run(plan([album], options=Options(Model("none.onnx", None)))))
    assert not Path("album-color").exists()


def test_nothing_to_do_starts_no_process(album: Path, colored: Colored, monkeypatch: pytest.MonkeyPatch) -> None:
    colored(album)
    monkeypatch.setattr("photochrom.workers._worker._COMMAND", ("no-such-program",))
    assert statuses(list(run(plan(["nowhere"])))) == {"nowhere": "failed"}
    assert list(run(Plan(()))) == []
    assert set(statuses(list(run(plan([album], options=colored_options(album))))).values()) == {"done"}


def colored_options(_: Path) -> Options:
    settings = records(Path("album-color", MANIFEST_NAME))[0]["settings"]
    return Options(Model(**settings["model"]))


# --- disks ----------------------------------------------------------------------------------------------------------


def test_a_disk_too_full_for_the_manifest_ends_it_all_and_loses_nothing(
    album: Path, tiny: Options, pool: Pool, colored: Colored, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = Manifest.append

    def refuse(self: Manifest, record: Record) -> None:
        if record.intent is None:
            raise PhotoError("full")
        append(self, record)

    with monkeypatch.context() as patch:
        patch.setattr(Manifest, "append", refuse)
        with pytest.raises(PhotoError, match="full"):
            list(run(plan([album], options=tiny), 1, pool=pool))
    assert "done" in set(statuses(colored(album)).values())
    assert files("album-color") == RESULTS | {MANIFEST_NAME}


def test_a_full_disk_leaves_no_file_of_the_photo(
    album: Path, tiny: Options, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_name = Path.hardlink_to

    def refuse(path: Path, *other: Path) -> None:
        if any(name.name.endswith("-compare.jpg") for name in (path, *other)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        give_name(path, *other)

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    monkeypatch.setattr(Path, "replace", refuse)
    options = replace(tiny, outputs=Outputs(2, compare=True))
    outcomes = list(run(plan(["album/b.jpg"], Path("x"), options), 1, pool=pool))
    assert os.strerror(errno.ENOSPC) in errors(outcomes)["b.jpg"]
    assert files("x") == {MANIFEST_NAME}


def test_a_folder_that_may_not_be_written_to_is_one_clear_line(
    album: Path, tiny: Options, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(
        PhotoError, match=r"album-color.*cannot be written \(Permission denied\); choose another folder"
    ):
        list(run(plan([album], options=tiny), pool=pool))
    outcomes = list(run(plan(["album/b.jpg"], options=tiny), pool=pool))
    assert "cannot be written (Permission denied)" in errors(outcomes)["b.jpg"]

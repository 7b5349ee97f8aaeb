import errno
import hashlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from photochrom.album import (
    MANIFEST_NAME,
    Options,
    Outcome,
    _coloring,
    _pool,
    colorize_bytes,
    colorize_files,
    plan_batch,
    require_stream_alone,
)
from photochrom.album._coloring import Answer, ColoringJob, color_photo
from photochrom.album._manifest import Manifest, Record
from photochrom.coloring import ChromaField, Guess, Hint, Look, Result
from photochrom.coloring._chroma_field import signed_luma
from photochrom.errors import CheckpointError, ConfigError, PhotoError
from photochrom.photo import SOFTWARE, Photo, read_photo

SIZE = (36, 28)


def draw(path: Path, seed: int = 0, mode: str = "L") -> Path:
    """A smooth picture as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, SIZE, interpolation=cv2.INTER_LINEAR)
    Image.fromarray(picture).convert(mode).save(path)
    return path


def pixels(path: Path | str) -> npt.NDArray[np.uint8]:
    with Image.open(path) as picture:
        return np.asarray(picture)


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with photos below the current one, and what else lies in such folders."""
    monkeypatch.chdir(tmp_path)
    folder = Path("album")
    for seed, name in enumerate(("b.jpg", "a.png", "1950s/c.TIF", "1950s/deep/d.jpg")):
        draw(folder / name, seed)
    draw(folder / ".hidden.jpg")
    draw(folder / ".thumbnails" / "e.jpg")
    (folder / "notes.txt").write_text("no photo")
    return folder


def planned(*sources: str | Path, out: str | None = None, **options: object) -> dict[str, list[str]]:
    """Where results would go."""
    plan = plan_batch(sources, None if out is None else Path(out), Options(**options))  # type: ignore[arg-type]
    return {source.as_posix(): [output.as_posix() for output in outputs] for source, outputs in plan.planned.items()}


def reasons(*sources: str | Path) -> list[tuple[str, str | None]]:
    """Why sources gave no photos; nothing is colored."""
    outcomes = list(plan_batch(sources).run())
    assert {outcome.status for outcome in outcomes} == {"failed"}
    return [(str(outcome.source), outcome.error) for outcome in outcomes]


# --- finding --------------------------------------------------------------------------------------------------------


def test_a_folder_is_searched_to_its_depths_without_what_is_hidden_or_no_photo(album: Path) -> None:
    assert list(planned(album)) == ["album/a.png", "album/b.jpg", "album/1950s/c.TIF", "album/1950s/deep/d.jpg"]


def test_a_hidden_file_that_is_named_is_meant(album: Path) -> None:
    assert list(planned("album/.hidden.jpg")) == ["album/.hidden.jpg"]


def test_patterns_are_expanded_without_a_shell(album: Path) -> None:
    assert list(planned("album/*.jpg")) == ["album/b.jpg"]
    assert list(planned("album/**/*.jpg")) == ["album/1950s/deep/d.jpg", "album/b.jpg"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(album: Path) -> None:
    draw(album / "[1].jpg")
    assert list(planned("album/[1].jpg")) == ["album/[1].jpg"]


def test_a_photo_that_is_named_twice_is_colored_once(album: Path) -> None:
    assert list(planned("album/b.jpg", "album/../album/b.jpg", "album/*.jpg")) == ["album/b.jpg"]


def test_links_in_a_circle_end(album: Path) -> None:
    (album / "1950s" / "again").symlink_to("..", target_is_directory=True)
    assert len(planned(album)) == 4


def test_a_link_to_a_photo_is_followed(album: Path) -> None:
    draw(Path("elsewhere/z.jpg"))
    (album / "z.jpg").symlink_to(Path("..", "elsewhere", "z.jpg"))
    assert planned(album)["album/z.jpg"] == ["album-color/z.jpg"]


def test_results_beside_their_photos_are_no_photos(album: Path) -> None:
    for name in ("b-color.jpg", "b-color-2.jpg", "b-color-compare.jpg", "b-color-confidence.png"):
        (album / name).write_bytes(b"..." + SOFTWARE)
    assert len(planned(album)) == 4
    assert list(planned("album/b*.jpg")) == ["album/b.jpg"]


def test_a_photo_that_is_only_named_like_a_result_is_a_photo(album: Path) -> None:
    draw(album / "paint-color.jpg")
    assert "album/paint-color.jpg" in planned(album)


def test_results_in_a_folder_with_a_manifest_are_no_photos(album: Path) -> None:
    draw(Path("album-color/b.jpg"))
    draw(Path("album-color/new.jpg"))
    Manifest(Path("album-color", MANIFEST_NAME)).append(Record("b.jpg", "0", {}, ("b.jpg",), 0, 0.0, None))
    assert "album-color/b.jpg" not in planned(".", out="out")
    assert "album-color/new.jpg" in planned(".", out="out")


def test_the_folder_of_results_is_not_searched(album: Path) -> None:
    draw(album / "out" / "b.jpg")
    assert len(planned(album, out="album/out")) == 4


def test_sources_without_photos_are_told(album: Path) -> None:
    Path("empty").mkdir()
    assert reasons("nowhere", "*.tif", "empty") == [
        ("nowhere", "no such file or folder; check the name"),
        ("*.tif", "nothing matches this pattern; check it"),
        ("empty", "no photos in this folder; photochrom's own results do not count"),
    ]


def test_a_result_alone_is_told_to_be_one(album: Path) -> None:
    (album / "b-color.jpg").write_bytes(SOFTWARE)
    ((_, reason),) = reasons("album/b-color.jpg")
    assert reason is not None
    assert "only results of photochrom" in reason


def test_a_folder_that_may_not_be_read_is_told_and_the_rest_found(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def scan(path: str | Path) -> object:
        if Path(path).name == "1950s":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)
    assert list(planned(album)) == ["album/a.png", "album/b.jpg"]
    assert len(plan_batch([album])) == 3
    draw(Path("1950s/x.jpg"))
    assert reasons("1950s") == [("1950s", "cannot be searched (Permission denied); change its permissions")]


# --- placing --------------------------------------------------------------------------------------------------------


def test_a_photo_gets_its_results_beside_it(album: Path) -> None:
    assert planned("album/b.jpg") == {"album/b.jpg": ["album/b-color.jpg"]}
    assert planned("album/b.jpg", variants=2, compare=True, confidence=True) == {
        "album/b.jpg": [
            "album/b-color-1.jpg",
            "album/b-color-2.jpg",
            "album/b-color-compare.jpg",
            "album/b-color-confidence.png",
        ]
    }


@pytest.mark.parametrize("source", ["album", "album/", "./album", "album/../album"])
def test_a_folder_gets_another_with_the_same_tree_beside_it(album: Path, source: str) -> None:
    outputs = [Path(os.path.normpath(output)).as_posix() for (output,) in planned(source).values()]
    assert outputs == [f"album-color/{name}" for name in ("a.png", "b.jpg", "1950s/c.TIF", "1950s/deep/d.jpg")]


def test_the_current_folder_has_a_name_too(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(album)
    outputs = {os.path.relpath(output) for (output,) in planned(".").values()}
    assert Path("..", "album-color", "b.jpg").as_posix() in outputs


def test_with_out_one_folder_is_mirrored_there(album: Path) -> None:
    assert planned(album, out="x")["album/1950s/c.TIF"] == ["x/1950s/c.TIF"]


def test_with_out_several_sources_keep_their_names(album: Path) -> None:
    draw(Path("other/b.jpg"))
    outputs = planned(album, "other", out="x")
    assert outputs["album/b.jpg"] == ["x/album/b.jpg"]
    assert outputs["other/b.jpg"] == ["x/other/b.jpg"]


def test_out_may_name_the_file_of_a_single_photo(album: Path) -> None:
    assert planned("album/b.jpg", out="x/colored.png") == {"album/b.jpg": ["x/colored.png"]}


@pytest.mark.parametrize("sources", [("album",), ("album/a.png", "album/b.jpg")])
def test_out_may_not_name_one_file_for_several_photos(album: Path, sources: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="names one file"):
        planned(*sources, out="colored.png")


def test_out_must_not_be_a_file_of_another_kind(album: Path) -> None:
    with pytest.raises(ConfigError, match="--out is a folder"):
        planned(album, out="album/notes.txt")


def test_results_that_go_to_the_photos_own_folder_are_named_as_results(album: Path) -> None:
    assert planned("album/b.jpg", out="album") == {"album/b.jpg": ["album/b-color.jpg"]}
    assert planned(album, out="album")["album/1950s/c.TIF"] == ["album/1950s/c-color.TIF"]


def test_a_gif_becomes_a_png(album: Path) -> None:
    draw(album / "g.gif")
    assert planned("album/g.gif") == {"album/g.gif": ["album/g-color.png"]}


def test_a_photo_whose_suffix_is_wrong_gets_that_of_its_content(album: Path) -> None:
    draw(album / "p.png").rename(album / "p.jpg")
    assert planned("album/p.jpg") == {"album/p.jpg": ["album/p-color.png"]}


def test_a_photo_that_would_get_the_name_of_another_is_told_apart_by_its_format(album: Path) -> None:
    draw(album / "a.gif")
    outputs = planned(album)
    assert outputs["album/a.png"] == ["album-color/a.png"]
    assert outputs["album/a.gif"] == ["album-color/a.gif.png"]
    assert planned("album/a.png", "album/a.gif")["album/a.gif"] == ["album/a.gif-color.png"]


def test_maps_of_confidence_of_photos_of_one_name_are_told_apart(album: Path) -> None:
    draw(album / "b.png")
    outputs = planned(album, confidence=True)
    assert outputs["album/b.png"] == ["album-color/b.png", "album-color/b.png-confidence.png"]
    assert outputs["album/b.jpg"] == ["album-color/b.jpg", "album-color/b.jpg-confidence.png"]


def test_photos_of_one_name_cannot_go_to_one_folder(album: Path) -> None:
    draw(Path("other/b.jpg"))
    with pytest.raises(ConfigError, match=r"album/b.jpg and other/b.jpg would both become x/b.jpg"):
        planned("album/b.jpg", "other/b.jpg", out="x")


@pytest.mark.parametrize("overwrite", [False, True])
def test_no_result_ever_replaces_a_photo(album: Path, overwrite: bool) -> None:
    draw(Path("other/b.jpg"))
    with pytest.raises(ConfigError, match="would replace this photo"):
        plan_batch(["other/b.jpg", "album/b.jpg"], Path("album"), overwrite=overwrite)


def test_a_hint_is_of_one_photo(album: Path) -> None:
    hint = (Hint(1, 1, (255, 0, 0)),)
    with pytest.raises(ConfigError, match="there are 4"):
        planned(album, hints=hint)
    assert planned("album/b.jpg", hints=hint)


@pytest.mark.parametrize(
    "wrong", [{"strength": 1.5}, {"vividness": -1}, {"variants": 0}, {"variants": 99}, {"max_megapixels": 0}]
)
def test_options_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        Options(**wrong)  # type: ignore[arg-type]


# --- one photo ------------------------------------------------------------------------------------------------------


class Painter:
    """In place of a colorizer: each guess is another even tint."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.photos: list[Photo] = []

    def variants(
        self,
        source: Photo,
        count: int,
        *,
        strength: float,
        vividness: float,
        hints: Sequence[Hint],
        force: bool,
    ) -> list[Result]:
        if self.failure is not None:
            raise self.failure
        self.photos.append(source)
        luma = signed_luma(source.luma)
        results = []
        for number in range(count):
            tint = np.zeros((*luma.shape, 4), dtype=np.float32)
            tint[..., 2 + number % 2] = 0.1
            guess = Guess(ChromaField(tint), luma, np.full_like(luma, 0.5))
            results.append(Result(source, (), guess, Look(strength, vividness, tuple(hints))))
        return results


def job(source: Path, *, variants: int = 1, overwrite: bool = False, extras: bool = False) -> ColoringJob:
    out = source.parent / "out"
    return ColoringJob(
        source=source,
        colored=tuple(out / f"{number}{source.suffix}" for number in range(variants)),
        compare=out / f"compare{source.suffix}" if extras else None,
        confidence=out / "confidence.png" if extras else None,
        overwrite=overwrite,
    )


def test_a_job_and_options_survive_the_way_to_another_process() -> None:
    options = Options(hints=(Hint(1.5, 2, (3, 4, 5)),), variants=3, face_model=None)
    assert Options.from_json(json.loads(json.dumps(options.as_json()))) == options
    for extras in (False, True):
        work = job(Path("odd\nname\udcff.jpg"), extras=extras)
        assert ColoringJob.from_json(json.loads(json.dumps(work.as_json()))) == work


def test_a_photo_gets_all_files_that_are_asked_for(tmp_path: Path) -> None:
    work = job(draw(tmp_path / "a.jpg"), variants=2, extras=True)
    answer = color_photo(work, Options(variants=2), Painter())
    assert (answer.status, answer.error) == ("colored", None)
    assert answer.sha256 == hashlib.sha256(work.source.read_bytes()).hexdigest()
    width, height = SIZE
    sizes = {path.name: pixels(path).shape[1::-1] for path in work.outputs}
    assert sizes == {
        "0.jpg": SIZE,
        "1.jpg": SIZE,
        "compare.jpg": (3 * width, height),
        "confidence.png": SIZE,
    }
    assert {SOFTWARE in path.read_bytes() for path in work.outputs} == {True}


def test_a_comparison_shows_gray_at_the_left_and_each_guess_beside_it(tmp_path: Path) -> None:
    work = job(draw(tmp_path / "a.png"), variants=2, extras=True)
    color_photo(work, Options(variants=2), Painter())
    assert work.compare is not None
    strip = pixels(work.compare)
    width = SIZE[0]
    gray = np.repeat(pixels(work.source)[..., None], 3, axis=2)
    np.testing.assert_array_equal(strip[:, :width], gray)
    for number, path in enumerate(work.colored, start=1):
        panel = strip[:, number * width : (number + 1) * width]
        np.testing.assert_array_equal(panel, pixels(path))


def test_a_comparison_of_a_large_turned_photo_is_upright_and_fits_a_screen(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "a.jpg"
    Image.new("L", (2400, 1200), 90).save(path, exif=exif)
    work = job(path, extras=True)
    color_photo(work, Options(), Painter())
    assert work.compare is not None
    assert read_photo(work.compare).size == (1600, 1600)


def test_a_map_of_confidence_is_gray(tmp_path: Path) -> None:
    work = job(draw(tmp_path / "a.jpg"), extras=True)
    color_photo(work, Options(), Painter())
    assert work.confidence is not None
    assert pixels(work.confidence).shape == SIZE[::-1]
    assert np.unique(pixels(work.confidence)).tolist() == [128]


def test_a_photo_in_color_is_left_alone_unless_forced(tmp_path: Path) -> None:
    work = job(draw(tmp_path / "a.png", mode="RGB"))
    answer = color_photo(work, Options(), Painter())
    assert (answer.status, answer.error) == ("in color", None)
    assert not work.colored[0].parent.exists()
    assert color_photo(work, Options(force=True), Painter()).status == "colored"


def test_what_is_there_is_replaced_only_if_allowed(tmp_path: Path) -> None:
    work = job(draw(tmp_path / "a.png"), variants=2)
    work.colored[1].parent.mkdir()
    work.colored[1].write_bytes(b"precious")
    answer = color_photo(work, Options(variants=2), Painter())
    assert answer.is_refused
    assert "--overwrite" in str(answer.error)
    assert work.colored[1].read_bytes() == b"precious"
    assert not work.colored[0].exists()
    assert color_photo(replace(work, overwrite=True), Options(variants=2), Painter()).status == "colored"


def test_content_that_was_dealt_with_is_not_colored_again(tmp_path: Path) -> None:
    work = job(draw(tmp_path / "a.png"))
    digest = hashlib.sha256(work.source.read_bytes()).hexdigest()
    answer = color_photo(replace(work, done_sha256=digest), Options(), Painter())
    assert answer == Answer("done", digest)
    assert color_photo(replace(work, done_sha256="0" * 64), Options(), Painter()).status == "colored"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (b"no picture at all, but a letter", "not"), (b"\xff\xd8\xff" + b"x" * 50, "broken")],
)
def test_a_bad_file_is_told_in_a_line_without_its_name(tmp_path: Path, content: bytes, reason: str) -> None:
    source = tmp_path / "a.jpg"
    source.write_bytes(content)
    answer = color_photo(job(source), Options(), Painter())
    assert answer.status == "failed"
    assert reason in str(answer.error)
    assert str(source) not in str(answer.error)
    assert answer.sha256 == hashlib.sha256(content).hexdigest()


def test_a_missing_file_and_too_large_a_photo_are_told(tmp_path: Path) -> None:
    assert "no such file" in str(color_photo(job(tmp_path / "a.jpg"), Options(), Painter()).error)
    large = job(draw(tmp_path / "b.jpg"))
    assert "megapixels" in str(color_photo(large, Options(max_megapixels=1e-4), Painter()).error)


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (MemoryError(), "not enough memory"),
        (ConfigError("the hint at 9,9 lies outside the photo"), "lies outside"),
        (OSError(errno.EIO, "Input/output error", "disk"), "disk: Input/output error"),
        (ZeroDivisionError("oh"), r"cannot be colored \(ZeroDivisionError: oh\)"),
    ],
)
def test_whatever_goes_wrong_is_told_of_its_photo(tmp_path: Path, failure: Exception, reason: str) -> None:
    answer = color_photo(job(draw(tmp_path / "a.jpg")), Options(), Painter(failure))
    with pytest.raises(ValueError, match=reason):
        raise ValueError(answer.error)


@pytest.mark.parametrize("last", ["1.png", "compare.png"])
def test_a_full_disk_leaves_no_file_of_the_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str) -> None:
    """The disk fills up while the last file is written."""
    write_bytes = Path.write_bytes

    def write(path: Path, content: bytes) -> int:
        written.append(path)
        if len(written) == {"1.png": 2, "compare.png": 3}[last]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write_bytes(path, content)

    written: list[Path] = []
    work = job(draw(tmp_path / "a.png"), variants=2, extras=True)
    monkeypatch.setattr(Path, "write_bytes", write)
    answer = color_photo(work, Options(variants=2), Painter())
    assert answer.status == "failed"
    assert os.strerror(errno.ENOSPC) in str(answer.error)
    assert last in str(answer.error)
    assert list(work.colored[0].parent.iterdir()) == []


@pytest.mark.parametrize("name", ["-a.jpg", "two\nlines.jpg", "Großmutter 奶奶.jpg", "a b.c.jpg"])
def test_odd_names_are_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    draw(Path(name))
    ((source, (output,)),) = planned(name).items()
    assert source == name
    work = ColoringJob(Path(source), (Path(output),), None, None)
    assert color_photo(work, Options(), Painter()).status == "colored"
    assert Path(output).is_file()
    assert list(planned("*.jpg")) == [name]


# --- the manifest ---------------------------------------------------------------------------------------------------

RECORD = Record("a.jpg", "1" * 64, {"strength": 1.0}, ("a.jpg",), 2, 1.5, None)


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


def test_the_latest_word_counts(manifest: Path) -> None:
    Manifest(manifest).append(replace(RECORD, error="the disk was full"))
    assert done(manifest) is None
    Manifest(manifest).append(RECORD)
    assert done(manifest) == RECORD


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


@pytest.mark.parametrize("line", ["[]", "{}", '"', "\x00", '{"file": 1}', "\udcff"])
def test_lines_that_are_no_records_are_passed_over(manifest: Path, line: str) -> None:
    manifest.write_bytes(line.encode(errors="surrogateescape") + b"\n" + manifest.read_bytes())
    assert done(manifest) == RECORD


def test_a_manifest_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PhotoError, match=r"cannot be written .*; make room, or choose another folder"):
        Manifest(tmp_path / "file" / MANIFEST_NAME).require_writable()


# --- processes ------------------------------------------------------------------------------------------------------

WORKER = """
import json, os, sys

print(json.dumps({"failure": json.loads(sys.stdin.readline())["options"]["face_model"]}), flush=True)
for line in sys.stdin:
    job = json.loads(line)
    name = os.path.basename(job["source"])
    if name.startswith("killed"):
        os.kill(os.getpid(), 9)
    if name.startswith("ends"):
        sys.exit(3)
    if name.startswith("waits"):
        sys.stdin.read()
        sys.exit()
    open(job["colored"][0], "w").close()
    print(json.dumps({"status": "colored", "sha256": name, "faces": os.getpid()}), flush=True)
"""
"""Stands for the process that colors: it obeys the names of photos, and fails to start with a model for faces."""

NO_NETWORKS = Options(model=__file__ + ".onnx", face_model=None)


@pytest.fixture
def obedient(album: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty album, which processes color that obey the names of photos."""
    monkeypatch.setattr(_pool, "_COMMAND", (sys.executable, "-c", WORKER))
    monkeypatch.setattr("photochrom.album._batch._fingerprint", lambda name: f"print of {name}")
    folder = Path("commands")
    folder.mkdir()
    return folder


def statuses(outcomes: Sequence[Outcome]) -> dict[str, str]:
    return {outcome.source.name: outcome.status for outcome in outcomes}


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_process_takes_only_its_own_photo_with_it(obedient: Path, jobs: int) -> None:
    for name in ("a.jpg", "killed-b.jpg", "c.jpg", "ends-d.jpg", "e.jpg"):
        draw(obedient / name)
    outcomes = list(colorize_files([obedient], options=NO_NETWORKS, jobs=jobs))
    assert statuses(outcomes) == {
        "a.jpg": "colored",
        "killed-b.jpg": "failed",
        "c.jpg": "colored",
        "ends-d.jpg": "failed",
        "e.jpg": "colored",
    }
    errors = {outcome.source.name: str(outcome.error) for outcome in outcomes if outcome.error}
    assert "was killed, most likely for want of memory" in errors["killed-b.jpg"]
    assert "ended with status 3" in errors["ends-d.jpg"]


def test_two_jobs_are_two_processes(obedient: Path) -> None:
    for name in ("waits-a.jpg", *(f"{number}.jpg" for number in range(3))):
        draw(obedient / name)
    outcomes = colorize_files([obedient], options=NO_NETWORKS, jobs=2)
    assert [next(outcomes).status for _ in range(3)] == ["colored"] * 3
    outcomes.close()  # type: ignore[attr-defined]


def test_closing_the_outcomes_ends_a_process_in_the_midst_of_a_photo(obedient: Path) -> None:
    draw(obedient / "a.jpg")
    draw(obedient / "waits.jpg")
    outcomes = plan_batch([obedient], options=NO_NETWORKS).run(jobs=1)
    pid = next(outcomes).faces
    outcomes.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert [path.name for path in sorted(Path("commands-color").iterdir())] == ["a.jpg", MANIFEST_NAME]


def test_networks_that_cannot_be_loaded_end_it_all(obedient: Path) -> None:
    draw(obedient / "a.jpg")
    with pytest.raises(PhotoError, match=r"^no such model$"):
        list(colorize_files([obedient], options=replace(NO_NETWORKS, face_model="no such model")))


def test_a_process_that_dies_at_once_ends_it_all(obedient: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pool, "_COMMAND", (sys.executable, "-c", "raise SystemExit(5)"))
    draw(obedient / "a.jpg")
    with pytest.raises(PhotoError, match="ended with status 5, while it loaded its networks"):
        list(colorize_files([obedient], options=NO_NETWORKS))


def test_a_disk_too_full_for_the_manifest_ends_it_all(obedient: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Manifest, record: Record) -> None:
        raise PhotoError("full")

    draw(obedient / "a.jpg")
    monkeypatch.setattr(Manifest, "append", refuse)
    with pytest.raises(PhotoError, match="full"):
        list(colorize_files([obedient], options=NO_NETWORKS))


@pytest.mark.parametrize(
    ("cores", "memory", "photos", "jobs"),
    [(8, 10**11, 100, 8), (8, 3 * 10**9, 100, 3), (8, 10**8, 100, 1), (8, 10**11, 2, 2), (8, None, 100, 2)],
)
def test_processes_are_as_many_as_cores_memory_and_photos_allow(
    monkeypatch: pytest.MonkeyPatch, cores: int, memory: int | None, photos: int, jobs: int
) -> None:
    monkeypatch.setattr(_pool, "_cores", lambda: cores)
    monkeypatch.setattr(_pool, "_available_memory", lambda: memory)
    assert _pool.default_jobs(photos) == jobs


def test_this_machine_has_memory() -> None:
    memory = _pool._available_memory()
    assert memory is None or memory > 0


def test_nothing_to_do_starts_no_process(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pool, "_COMMAND", ("no-such-program",))
    assert [outcome.status for outcome in colorize_files(["nowhere"])] == ["failed"]
    assert list(colorize_files([])) == []


# --- from end to end ------------------------------------------------------------------------------------------------


@pytest.fixture
def tiny(tiny_network: Path) -> Options:
    """A real network."""
    return Options(model=str(tiny_network), face_model=None)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_is_colored_and_the_same_call_again_does_nothing(album: Path, tiny: Options) -> None:
    draw(album / "color.png", mode="RGB")
    (album / "broken.jpg").write_bytes(b"\xff\xd8\xff...")
    first = list(colorize_files([album], options=tiny, jobs=2))
    photos = dict.fromkeys(("a.png", "b.jpg", "c.TIF", "d.jpg"), "colored")
    assert statuses(first) == photos | {"color.png": "in color", "broken.jpg": "failed"}
    results = {"a.png", "b.jpg", "1950s/c.TIF", "1950s/deep/d.jpg"}
    assert files(Path("album-color")) == results | {MANIFEST_NAME}
    colored = pixels("album-color/b.jpg")
    assert np.ptp(colored.astype(int), axis=2).max() > 0

    written = {path: path.stat().st_mtime_ns for path in Path("album-color").rglob("*.*") if path.name != MANIFEST_NAME}
    again = list(colorize_files([album], options=tiny, jobs=1))
    assert statuses(again) == dict.fromkeys(photos, "done") | {"color.png": "in color", "broken.jpg": "failed"}
    assert {path: path.stat().st_mtime_ns for path in written} == written

    lines = [json.loads(line) for line in Path("album-color", MANIFEST_NAME).read_text().splitlines()]
    assert len(lines) == 7  # the broken one was tried twice
    (line,) = (line for line in lines if line["file"] == "1950s/c.TIF")
    assert line["sha256"] == hashlib.sha256((album / "1950s/c.TIF").read_bytes()).hexdigest()
    assert line["outputs"] == ["1950s/c.TIF"]
    assert line["settings"]["strength"] == 1.0
    assert (line["error"], line["faces"]) == (None, 0)
    assert line["seconds"] > 0.0


def test_force_after_a_common_call_colors_what_was_left_alone_and_nothing_else(album: Path, tiny: Options) -> None:
    draw(album / "color.png", mode="RGB")
    first = statuses(list(colorize_files([album], options=tiny, jobs=1)))
    forced = statuses(list(colorize_files([album], options=replace(tiny, force=True), jobs=1)))
    assert first.pop("color.png") == "in color"
    assert forced.pop("color.png") == "colored"
    assert forced == dict.fromkeys(first, "done")


def test_another_photo_and_other_options_do_the_work_again_where_they_may(album: Path, tiny: Options) -> None:
    def run(options: Options = tiny, overwrite: bool = False) -> dict[str, str]:
        return statuses(list(colorize_files([album], options=options, overwrite=overwrite)))

    run()
    draw(album / "b.jpg", seed=99)
    draw(album / "new.jpg")
    assert run() == dict.fromkeys(("a.png", "c.TIF", "d.jpg"), "done") | {"b.jpg": "failed", "new.jpg": "colored"}
    pale = replace(tiny, strength=0.5)
    assert set(run(pale).values()) == {"failed"}
    assert run()["a.png"] == "done"  # a refusal is no news of a photo
    assert set(run(pale, overwrite=True).values()) == {"colored"}
    assert set(run(pale, overwrite=True).values()) == {"done"}
    assert set(run().values()) == {"failed"}


def test_an_interrupted_run_goes_on_where_it_was(album: Path, tiny: Options) -> None:
    outcomes = plan_batch([album], options=tiny).run(jobs=1)
    first = next(outcomes)
    outcomes.close()
    assert not [path for path in Path("album-color").rglob("*") if path.name.startswith(".")]
    rest = statuses(list(colorize_files([album], options=tiny)))
    assert rest.pop(first.source.name) == "done"
    assert set(rest.values()) == {"colored"}


def test_beside_a_photo_there_is_no_manifest_and_no_second_time(album: Path, tiny: Options) -> None:
    assert [outcome.status for outcome in colorize_files(["album/b.jpg"], options=tiny)] == ["colored"]
    assert "b-color.jpg" in files(album)
    assert MANIFEST_NAME not in files(album)
    (again,) = colorize_files(["album/b.jpg"], options=tiny)
    assert (again.status, again.outputs) == ("failed", ())
    assert "b-color.jpg is there already" in str(again.error)
    assert [outcome.status for outcome in colorize_files(["album/b.jpg"], options=tiny, overwrite=True)] == ["colored"]


def test_a_moved_folder_of_results_is_still_known(album: Path, tiny: Options) -> None:
    list(colorize_files([album], Path("x"), tiny))
    Path("x").rename("y")
    outcomes = list(colorize_files([album], Path("y"), tiny))
    assert {outcome.status for outcome in outcomes} == {"done"}
    assert Path("y/b.jpg") in {outcome.outputs[0] for outcome in outcomes}


def test_a_missing_model_is_told_before_anything_is_written(album: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none\.onnx: cannot be read"):
        list(colorize_files([album], options=Options(model="none.onnx", face_model=None)))
    assert not Path("album-color").exists()


def test_a_model_without_probabilities_is_told_once(album: Path, network_without_probabilities: Path) -> None:
    with pytest.raises(PhotoError, match="without probabilities"):
        list(
            colorize_files([album], options=Options(model=str(network_without_probabilities), face_model=None), jobs=2)
        )


def test_a_folder_that_may_not_be_written_to_is_one_clear_line(
    album: Path, tiny: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(PhotoError, match=r"album-color.*cannot be written \(Permission denied\).*--out"):
        list(colorize_files([album], options=tiny))


def test_bytes_are_colored_to_bytes_of_the_same_format(tmp_path: Path, tiny: Options) -> None:
    content = draw(tmp_path / "a.png").read_bytes()
    colored = colorize_bytes(content, tiny)
    assert colored is not None
    assert read_photo(colored, 1.0).origin.format == "PNG"
    in_color = draw(tmp_path / "b.png", mode="RGB").read_bytes()
    assert colorize_bytes(in_color, tiny) is None
    assert colorize_bytes(in_color, replace(tiny, force=True)) is not None


@pytest.mark.parametrize("extra", [{"variants": 2}, {"compare": True}, {"confidence": True}])
def test_bytes_have_one_result(extra: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="one result only"):
        colorize_bytes(b"", Options(**extra))  # type: ignore[arg-type]


def test_standard_input_is_the_only_source() -> None:
    require_stream_alone(["-"], None)
    for sources, out in ((["-", "a.jpg"], None), (["-"], Path("x"))):
        with pytest.raises(ConfigError, match="no other photo"):
            require_stream_alone(sources, out)


def test_the_process_that_colors_keeps_its_answers_free_of_what_is_printed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """What it does with the signals is of its own process."""
    read, write = os.pipe()
    served: list[str] = []

    def serve(orders: object, answers: Callable[[str], None]) -> None:
        print("a decoder's remark", flush=True)  # noqa: T201
        answers.write("an answer\n")  # type: ignore[attr-defined]
        answers.flush()  # type: ignore[attr-defined]
        served.append("once")

    monkeypatch.setattr(_coloring, "_serve", serve)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with os.fdopen(write, "w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        _coloring.main()
    monkeypatch.undo()
    assert served == ["once"]
    with os.fdopen(read) as answers:
        assert answers.read() == "an answer\n"

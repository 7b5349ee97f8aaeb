import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from photochrom.album import MANIFEST_NAME, Manifest, Record, plan
from photochrom.album._manifest import Intent
from photochrom.coloring import Hint, Look, Options, Outputs
from photochrom.errors import ConfigError
from photochrom.photo import SOFTWARE

Draw = Callable[..., Path]


def planned(*sources: str | Path, out: str | None = None, **wanted: Any) -> dict[str, list[str]]:
    """Where results would go."""
    options = Options(look=Look(hints=wanted.pop("hints", ())), outputs=Outputs(**wanted))
    jobs = plan(sources, None if out is None else Path(out), options).jobs
    return {job.source.as_posix(): [path.as_posix() for path in job.files] for job in jobs}


def reasons(*sources: str | Path) -> list[tuple[str, str | None]]:
    """Why sources gave no photos."""
    found = plan(sources)
    assert found.jobs == ()
    assert {failure.status for failure in found.failures} == {"failed"}
    return [(str(failure.source), failure.error) for failure in found.failures]


def test_a_folder_is_searched_to_its_depths_without_what_is_hidden_or_no_photo(album: Path) -> None:
    assert list(planned(album)) == ["album/a.png", "album/b.jpg", "album/1950s/c.TIF", "album/1950s/deep/d.jpg"]


def test_a_hidden_file_that_is_named_is_meant(album: Path) -> None:
    assert list(planned("album/.hidden.jpg")) == ["album/.hidden.jpg"]


def test_patterns_are_expanded_without_a_shell(album: Path) -> None:
    assert list(planned("album/*.jpg")) == ["album/b.jpg"]
    assert list(planned("album/**/*.jpg")) == ["album/1950s/deep/d.jpg", "album/b.jpg"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(album: Path, draw: Draw) -> None:
    draw(album / "[1].jpg")
    assert list(planned("album/[1].jpg")) == ["album/[1].jpg"]


def test_a_photo_that_is_named_twice_is_colored_once(album: Path) -> None:
    assert list(planned("album/b.jpg", "album/../album/b.jpg", "album/*.jpg")) == ["album/b.jpg"]


def test_links_in_a_circle_end(album: Path) -> None:
    (album / "1950s" / "again").symlink_to("..", target_is_directory=True)
    assert len(planned(album)) == 4


def test_a_link_to_a_photo_is_followed(album: Path, draw: Draw) -> None:
    draw(Path("elsewhere/z.jpg"))
    (album / "z.jpg").symlink_to(Path("..", "elsewhere", "z.jpg"))
    assert planned(album)["album/z.jpg"] == ["album-color/z.jpg"]


def test_results_beside_their_photos_are_no_photos(album: Path) -> None:
    for name in ("b-color.jpg", "b-color-2.jpg", "b-color-compare.jpg", "b-color-confidence.png"):
        (album / name).write_bytes(b"..." + SOFTWARE)
    assert len(planned(album)) == 4
    assert list(planned("album/b*.jpg")) == ["album/b.jpg"]


def test_a_photo_that_is_only_named_like_a_result_is_a_photo(album: Path, draw: Draw) -> None:
    draw(album / "paint-color.jpg")
    assert "album/paint-color.jpg" in planned(album)


def test_results_in_a_folder_with_a_manifest_are_no_photos(album: Path, draw: Draw) -> None:
    draw(Path("album-color/b.jpg"))
    draw(Path("album-color/new.jpg"))
    Manifest(Path("album-color", MANIFEST_NAME)).append(Record("b.jpg", "0", {}, ("b.jpg",)))
    assert "album-color/b.jpg" not in planned(".", out="out")
    assert "album-color/new.jpg" in planned(".", out="out")


def test_the_folder_of_results_is_not_searched(album: Path, draw: Draw) -> None:
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


def test_a_folder_that_may_not_be_read_is_told_and_the_rest_found(
    album: Path, monkeypatch: pytest.MonkeyPatch, draw: Draw
) -> None:
    scandir = os.scandir

    def scan(path: str | Path) -> object:
        if Path(path).name == "1950s":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)
    assert list(planned(album)) == ["album/a.png", "album/b.jpg"]
    assert len(plan([album])) == 3
    draw(Path("1950s/x.jpg"))
    assert reasons("1950s") == [("1950s", "cannot be searched (Permission denied); change its permissions")]


SYSTEM_FOLDERS = (
    "@eaDir/b.jpg",
    "#recycle",
    "$RECYCLE.BIN/S-1-5-21",
    "__MACOSX/1950s",
    "lost+found",
    "System Volume Information",
    "@Recycle",
    "Previews.lrdata/0",
    "1950s/@eaDir/c.TIF",
)


def test_what_systems_put_among_photos_is_passed_over_unless_it_is_named(album: Path, draw: Draw) -> None:
    for folder in SYSTEM_FOLDERS:
        draw(album / folder / "SYNOPHOTO_THUMB_XL.jpg")
    (album / "._b.jpg").write_bytes(b"\0\5\x16\7")
    assert len(planned(album)) == 4
    assert list(planned("album/**/*.jpg")) == ["album/1950s/deep/d.jpg", "album/b.jpg"]
    assert list(planned("album/@eaDir")) == ["album/@eaDir/b.jpg/SYNOPHOTO_THUMB_XL.jpg"]
    assert list(planned("album/@eaDir/*/*.jpg")) == ["album/@eaDir/b.jpg/SYNOPHOTO_THUMB_XL.jpg"]
    assert len(planned("album/#recycle/SYNOPHOTO_THUMB_XL.jpg")) == 1


def test_what_was_begun_in_a_folder_of_results_is_no_photo(album: Path, draw: Draw) -> None:
    draw(Path("album-color/b.jpg"))
    Manifest(Path("album-color", MANIFEST_NAME)).begin(
        Record("b.jpg", "0", {}), Intent("0" * 32, ("b.jpg",), ("b.jpg",))
    )
    assert "album-color/b.jpg" not in planned(".", out="out")


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


def test_with_out_several_sources_keep_their_names(album: Path, draw: Draw) -> None:
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


def test_out_with_a_suffix_that_cannot_be_written_is_refused_for_a_single_photo(album: Path) -> None:
    with pytest.raises(ConfigError, match=r"y.xyz: .xyz cannot be written; choose one of .*, or end the name"):
        plan(["album/b.jpg"], "y.xyz")
    assert [job.files for job in plan(["album/b.jpg"], "y.xyz/").jobs] == [(Path("y.xyz", "b.jpg"),)]
    Path("y.xyz").mkdir()
    assert [job.files for job in plan(["album/b.jpg"], "y.xyz").jobs] == [(Path("y.xyz", "b.jpg"),)]
    assert len(plan(["album/b.jpg", "album/a.png"], "my.photos").jobs) == 2
    assert len(plan(["album/1950s/deep"], "my.photos").jobs) == 1


def test_a_slash_makes_a_folder_of_out_even_if_it_is_named_like_a_photo(album: Path) -> None:
    assert [job.files for job in plan(["album/b.jpg"], "new.jpg/").jobs] == [(Path("new.jpg", "b.jpg"),)]
    assert len(plan(["album/b.jpg", "album/a.png"], "new.jpg/").jobs) == 2


def test_out_must_not_be_a_file_of_another_kind(album: Path) -> None:
    with pytest.raises(ConfigError, match="--out is a folder"):
        planned(album, out="album/notes.txt")


def test_results_that_go_to_the_photos_own_folder_are_named_as_results(album: Path) -> None:
    assert planned("album/b.jpg", out="album") == {"album/b.jpg": ["album/b-color.jpg"]}
    assert planned(album, out="album")["album/1950s/c.TIF"] == ["album/1950s/c-color.TIF"]


def test_a_gif_becomes_a_png(album: Path, draw: Draw) -> None:
    draw(album / "g.gif")
    assert planned("album/g.gif") == {"album/g.gif": ["album/g-color.png"]}


def test_a_photo_whose_suffix_is_wrong_gets_that_of_its_content(album: Path, draw: Draw) -> None:
    draw(album / "p.png").rename(album / "p.jpg")
    assert planned("album/p.jpg") == {"album/p.jpg": ["album/p-color.png"]}


def test_a_photo_that_would_get_the_name_of_another_is_told_apart_by_its_format(album: Path, draw: Draw) -> None:
    draw(album / "a.gif")
    outputs = planned(album)
    assert outputs["album/a.png"] == ["album-color/a.png"]
    assert outputs["album/a.gif"] == ["album-color/a.gif.png"]
    assert planned("album/a.png", "album/a.gif")["album/a.gif"] == ["album/a.gif-color.png"]


def test_a_photo_without_a_suffix_is_told_apart_from_one_of_its_name(album: Path, draw: Draw) -> None:
    draw(album / "c.jpg")
    draw(album / "c2.jpg").rename(album / "c")
    outputs = planned(album)
    assert outputs["album/c.jpg"] == ["album-color/c.jpg"]
    assert outputs["album/c"] == ["album-color/c.no-suffix.jpg"]
    assert planned("album/c", "album/c.jpg")["album/c"] == ["album/c.no-suffix-color.jpg"]
    Path("album-color").mkdir()
    (album / "c.jpg").unlink()
    assert planned(album)["album/c"] == ["album-color/c.jpg"]
    Manifest(Path("album-color", MANIFEST_NAME)).append(Record("c", "0", {}, ("c.no-suffix.jpg",)))
    assert planned(album)["album/c"] == ["album-color/c.no-suffix.jpg"]


def test_photos_of_one_folder_that_cannot_be_told_apart_are_to_be_renamed(album: Path, draw: Draw) -> None:
    draw(album / "a.gif")
    draw(album / "a.gif.png")
    with pytest.raises(ConfigError, match=r"album/a.gif and album/a.gif.png would both become .*; rename one of them"):
        planned(album)


def test_maps_of_confidence_of_photos_of_one_name_are_told_apart(album: Path, draw: Draw) -> None:
    draw(album / "b.png")
    outputs = planned(album, confidence=True)
    assert outputs["album/b.png"] == ["album-color/b.png", "album-color/b.png-confidence.png"]
    assert outputs["album/b.jpg"] == ["album-color/b.jpg", "album-color/b.jpg-confidence.png"]


def test_photos_of_one_name_cannot_go_to_one_folder(album: Path, draw: Draw) -> None:
    draw(Path("other/b.jpg"))
    with pytest.raises(ConfigError, match=r"album/b.jpg and other/b.jpg would both become x/b.jpg"):
        planned("album/b.jpg", "other/b.jpg", out="x")


@pytest.mark.parametrize("overwrite", [False, True])
def test_no_result_ever_replaces_a_photo(album: Path, overwrite: bool, draw: Draw) -> None:
    draw(Path("other/b.jpg"))
    with pytest.raises(ConfigError, match="would replace this photo"):
        plan(["other/b.jpg", "album/b.jpg"], Path("album"), overwrite=overwrite)


def test_a_hint_is_of_one_photo(album: Path) -> None:
    hint = (Hint(1, 1, (255, 0, 0)),)
    with pytest.raises(ConfigError, match="there are 4"):
        planned(album, hints=hint)
    assert planned("album/b.jpg", hints=hint)


@pytest.mark.parametrize(
    ("out", "asked"), [("x/a.png", "PNG"), ("x/a.tif", "TIFF"), ("x/a.JPG", None), ("x/a.jpeg", "JPEG")]
)
def test_the_name_of_a_result_asks_for_a_format_if_it_is_not_the_photos_own(
    album: Path, out: str, asked: str | None
) -> None:
    (job,) = plan(["album/b.jpg"], Path(out)).jobs
    assert job.format == asked


def test_the_format_that_is_asked_for_gives_the_suffix(album: Path) -> None:
    assert planned("album/b.jpg", format="WEBP", confidence=True) == {
        "album/b.jpg": ["album/b-color.webp", "album/b-color-confidence.png"]
    }


def test_a_photo_that_arrives_later_gets_a_name_of_its_own_and_others_keep_theirs(album: Path, draw: Draw) -> None:
    draw(album / "e.gif")
    assert planned(album)["album/e.gif"] == ["album-color/e.png"]
    draw(Path("album-color/e.png"))
    Manifest(Path("album-color", MANIFEST_NAME)).append(Record("e.gif", "0", {}, ("e.png",)))
    draw(album / "e.png")
    for _ in range(2):
        outputs = planned(album)
        assert outputs["album/e.gif"] == ["album-color/e.png"]
        assert outputs["album/e.png"] == ["album-color/e.png.png"]
        Manifest(Path("album-color", MANIFEST_NAME)).append(Record("e.png", "0", {}, ("e.png.png",)))

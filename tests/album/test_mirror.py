"""Albums in a store: fsspec's own store in memory for the quick tests, a local S3 server for the slow one."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from platformdirs import user_cache_path

from photochrom.album import MANIFEST_NAME, Mirror, is_address
from photochrom.cli import main
from photochrom.coloring import Options

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryFileSystem]:
    """An empty store with two buckets."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    store = fsspec.filesystem("memory")
    store.store.clear()
    store.pseudo_dirs[:] = ["", "/photos", "/color"]
    yield store
    store.store.clear()
    store.pseudo_dirs[:] = [""]


@pytest.fixture
def colorize(tiny: Options, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command, with one worker and a tiny network: its exit status and what it prints."""

    def run(*words: str) -> tuple[int, str]:
        options = ["--model", tiny.model.whole, "--no-faces", "--jobs", "1"]
        monkeypatch.setattr(sys, "argv", ["photochrom", "colorize", *words, *options])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out + captured.err

    return run


@pytest.fixture
def photos(album: Path, store: MemoryFileSystem) -> Path:
    """The folder `album`, and the same in the store, with a broken photo."""
    (album / "broken.jpg").write_bytes(b"\xff\xd8\xff...")
    for path in album.rglob("*"):
        if path.is_file():
            store.pipe_file(f"/photos/{path.as_posix()}", path.read_bytes())
    return album


def objects(store: MemoryFileSystem, top: str = "/color") -> dict[str, bytes]:
    return {name.removeprefix(f"{top}/"): store.cat_file(name) for name in store.find(top)}


def results(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def ledger(content: bytes) -> list[dict[str, Any]]:
    """Its lines without times, and without the names of files that were written first."""
    lines = [json.loads(line) for line in content.splitlines()]
    for line in lines:
        line["seconds"] = 0
        if line["intent"] is not None:
            line["intent"]["id"] = ""
    return sorted(lines, key=lambda line: (line["file"], line["intent"] is None, str(line["intent"])))


def working_folders() -> list[Path]:
    place = user_cache_path("photochrom", appauthor=False) / "remote"
    return list(place.iterdir()) if place.exists() else []


ADDRESSES = ("memory://photos/album", "--out", "memory://color")


def test_an_album_in_a_store_gives_the_same_bytes_and_ledger_as_a_folder(
    photos: Path, store: MemoryFileSystem, colorize: Command
) -> None:
    before = objects(store, "/photos")
    here, there = colorize("album", "--out", "here"), colorize(*ADDRESSES)
    assert here[0] == there[0] == 2
    assert there[1] == here[1].replace("album/", "memory://photos/album/").replace("here", "memory://color")
    expected, made = results(Path("here")), objects(store)
    assert ledger(made.pop(MANIFEST_NAME)) == ledger(expected.pop(MANIFEST_NAME))
    assert made == expected
    assert objects(store, "/photos") == before
    assert working_folders() == []

    status, told = colorize(*ADDRESSES)
    assert status == 2
    assert "colored 0, skipped 4 (4 done before), failed 1" in told
    assert {name: made[name] for name in made} == {k: v for k, v in objects(store).items() if k != MANIFEST_NAME}

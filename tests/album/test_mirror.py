"""Albums in a store: fsspec's own store in memory for the quick tests, a local S3 server for the slow one."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import threading
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
from photochrom.workers._remote import _RemoteWorker

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


def photos_of(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files without the ledger."""
    return {name: content for name, content in files.items() if name != MANIFEST_NAME}


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
    assert photos_of(objects(store)) == made


def test_nothing_that_is_there_is_replaced_without_being_asked(
    photos: Path, store: MemoryFileSystem, colorize: Command
) -> None:
    store.pipe_file("/color/a.png", b"mine")
    status, told = colorize(*ADDRESSES)
    assert status == 2
    assert "memory://photos/album/a.png: memory://color/a.png is there already; --overwrite replaces it" in told
    assert "colored 3, failed 2" in told
    assert store.cat_file("/color/a.png") == b"mine"

    assert "colored 1, skipped 3 (3 done before), failed 1" in colorize(*ADDRESSES, "--overwrite")[1]
    assert store.cat_file("/color/a.png").startswith(b"\x89PNG")


def test_what_another_puts_there_meanwhile_is_kept_and_the_rest_goes_on(
    photos: Path, store: MemoryFileSystem, colorize: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = MemoryFileSystem.put_file

    def race(self: MemoryFileSystem, source: str, place: str, **options: Any) -> Any:
        if place.endswith("a.png"):
            self.pipe_file(place, b"theirs")
        return put(self, source, place, **options)

    monkeypatch.setattr(MemoryFileSystem, "put_file", race)
    status, told = colorize(*ADDRESSES)
    assert status == 2
    assert "memory://color/a.png is there already" in told
    assert "colored 3, failed 2" in told
    assert store.cat_file("/color/a.png") == b"theirs"


@pytest.mark.parametrize("was_put", [False, True], ids=["before a result is put", "after it"])
def test_a_run_that_was_killed_goes_on_and_each_photo_is_colored_once(
    was_put: bool, photos: Path, store: MemoryFileSystem, colorize: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = Mirror._put

    def ended(self: Mirror, path: Path) -> None:
        if path.name == "b.jpg":
            content = path.read_bytes()
            if was_put:
                put(self, path)
                path.write_bytes(content)
            raise RuntimeError("killed")
        put(self, path)

    with monkeypatch.context() as patch:
        patch.setattr(Mirror, "_put", ended)
        patch.setattr(Mirror, "__exit__", lambda self, *_: self._lock.release())
        with pytest.raises(RuntimeError, match="killed"):
            colorize(*ADDRESSES)
    assert MANIFEST_NAME not in objects(store)
    assert ("b.jpg" in objects(store)) == was_put

    status, told = colorize(*ADDRESSES)
    assert status == 2
    assert "failed 1;" in told
    made = objects(store)
    lines = [json.loads(line) for line in made.pop(MANIFEST_NAME).splitlines()]
    assert sorted(line["file"] for line in lines if line["outputs"]) == sorted(made)
    colorize("album", "--out", "here")
    assert made == photos_of(results(Path("here")))
    assert working_folders() == []


def test_a_photo_that_vanishes_is_one_line_and_the_rest_goes_on(
    photos: Path, store: MemoryFileSystem, colorize: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = Mirror.fetch

    def vanishing(self: Mirror, path: Path) -> None:
        if path.name == "a.png":
            store.rm_file("/photos/album/a.png")
        fetch(self, path)

    monkeypatch.setattr(Mirror, "fetch", vanishing)
    status, told = colorize(*ADDRESSES)
    assert status == 2
    assert "memory://photos/album/a.png: nothing is there; check the name of the bucket and of the photo" in told
    assert "colored 3, failed 2" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("memory://photos/album",), "memory://photos/album: say with --out where results go"),
        (("memory://photos/album", "--out", "memory://photos"), "lie in one another; choose another place with --out"),
        (("memory://photos/none", "--out", "memory://color"), "memory://photos/none: no such file or folder"),
        (
            ("memory://photos/../color", "--out", "memory://color"),
            "not an address; expected something like s3://bucket",
        ),
        (("s3://photos/album", "--out", "s3://color"), "s3fs is not installed: pip install 'photochrom[remote]'"),
    ],
    ids=["no out", "nested", "no photos", "no address", "no package"],
)
def test_what_cannot_be_is_one_line(
    words: tuple[str, ...], told: str, photos: Path, colorize: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    status, text = colorize(*words)
    assert status == 2
    assert told in text
    assert "Traceback" not in text


@pytest.mark.parametrize("fails", ["write_bytes", "touch"])
def test_a_full_disk_here_is_not_blamed_on_the_store(
    fails: str, photos: Path, colorize: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    act = getattr(Path, fails)

    def fail(path: Path, *arguments: Any, **options: Any) -> Any:
        if "remote" in path.parts and path.name == "b.jpg":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return act(path, *arguments, **options)

    monkeypatch.setattr(Path, fails, fail)
    status, told = colorize(*ADDRESSES)
    assert status == 2
    assert re.search(r"remote.[0-9a-f]{16}: cannot be written \(No space left on device\); make room", told)
    assert "cannot be reached" not in told
    assert "its name" not in told


def test_a_photo_for_which_there_is_no_room_here_fails_alone(
    photos: Path, store: MemoryFileSystem, colorize: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes

    def fail(path: Path, content: bytes) -> int:
        if "remote" in path.parts and path.name == "b.jpg" and path.stat().st_size:  # its head is there
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", fail)
    status, told = colorize(*ADDRESSES)
    assert status == 2
    assert "cannot be written (No space left on device); make room" in told
    assert "colored 3, failed 2" in told


def test_a_fault_of_ours_is_not_taken_for_one_of_the_network(
    photos: Path, colorize: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("size")

    monkeypatch.setattr(Mirror, "_reflect_photos", fail)
    with pytest.raises(KeyError):
        colorize(*ADDRESSES)


def test_a_name_that_is_no_file_name_is_one_line_and_leads_nowhere(
    photos: Path, store: MemoryFileSystem, colorize: Command, tmp_path: Path
) -> None:
    store.store["/photos/album/../../../out.jpg"] = store.store["/photos/album/b.jpg"]
    status, told = colorize(*ADDRESSES)
    assert status == 2
    assert "memory://photos/album/out.jpg: its name cannot be that of a file here" in told
    assert "colored 4, failed 2" in told
    assert not list((tmp_path / "cache").rglob("out.jpg"))


def test_photos_of_this_machine_can_go_to_a_store_and_back(
    photos: Path, store: MemoryFileSystem, colorize: Command
) -> None:
    before = results(photos)
    assert "colored 4, failed 1; results: memory://color" in colorize("album", "--out", "memory://color")[1]
    assert "colored 4, failed 1; results: back" in colorize("memory://photos/album", "--out", "back")[1]
    assert results(photos) == before
    there, back = objects(store), results(Path("back"))
    assert there.keys() == back.keys()
    assert photos_of(there) == photos_of(back)


def test_a_file_of_this_machine_is_no_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_address("s3://bucket/photos")
    assert not any(map(is_address, ("C:\\photos", "C://photos", "photos", "https://host/a.jpg", "-", "")))
    Path("s3:/bucket").mkdir(parents=True)
    assert not is_address("s3://bucket")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A store on an S3 server of this machine, with two buckets."""
    pytest.importorskip("moto")
    s3fs = pytest.importorskip("s3fs")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = ""
            assert process.stderr is not None
            while not (found := re.search(r"http://127\.0\.0\.1:\d+", line)):
                line = process.stderr.readline()
                assert line, "the server has ended"
            threading.Thread(target=process.stderr.read, daemon=True).start()  # it logs, and a full pipe would stop it
            monkeypatch.setenv("AWS_ENDPOINT_URL", found[0])
            store = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
            store.mkdir("photos")
            store.mkdir("color")
            yield store
        finally:
            process.kill()


def told_by(words: list[str], options: Options) -> str:
    done = subprocess.run(command_of(words, options), capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return f"{done.returncode} {done.stdout}{done.stderr}"


def command_of(words: list[str], options: Options) -> list[str]:
    rest = ["--model", options.model.whole, "--no-faces", "--jobs", "1"]
    return [sys.executable, "-m", "photochrom", "colorize", *words, *rest]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_after_a_kill_every_photo_on_an_s3_server_is_colored_once_and_to_the_same_bytes(
    album: Path, server: Any, tiny: Options, draw: Callable[..., Path]
) -> None:
    for seed in range(12):
        draw(album / f"{seed:02}.png", seed)
    server.put(str(album), "photos/", recursive=True)
    words = ["s3://photos/album", "--out", "s3://color"]
    with subprocess.Popen(command_of(words, tiny)) as running:
        while len(server.find("color")) < 3:
            assert running.poll() is None
        running.send_signal(signal.SIGKILL)
    assert "color/photochrom.jsonl" not in server.find("color")
    assert told_by(words, tiny).startswith("0 colored ")
    assert "16 done before" in told_by(words, tiny)
    assert told_by(["album", "--out", "here"], tiny).startswith("0 colored 16")

    made = {name.removeprefix("color/"): server.cat_file(name) for name in server.find("color")}
    lines = [json.loads(line) for line in made.pop(MANIFEST_NAME).splitlines()]
    assert sorted(line["file"] for line in lines if line["outputs"]) == sorted(made)
    assert made == photos_of(results(Path("here")))
    assert not list(Path(os.environ["XDG_CACHE_HOME"], "photochrom", "remote").iterdir())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_what_an_s3_server_refuses_is_one_line(
    album: Path, server: Any, tiny: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = told_by(["s3://nobody/album", "--out", "s3://color"], tiny)
    assert nobody.startswith("2 photochrom: s3://nobody/album: nothing is there; check the name of the bucket")
    nowhere = told_by(["s3://photos/album", "--out", "s3://nowhere"], tiny)
    assert nowhere.startswith("2 photochrom: s3://nowhere: nothing is there; check the name of the bucket")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    dead = told_by(["s3://photos/album", "--out", "s3://color"], tiny)
    assert dead.startswith("2 photochrom: s3://color: cannot be reached (Could not connect to the endpoint URL")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_colors_an_album_in_a_store_to_the_same_bytes_without_seeing_a_file(
    photos: Path, store: MemoryFileSystem, colorize: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    asked: list[bytes] = []
    ask = _RemoteWorker.ask

    def overheard(self: _RemoteWorker, question: bytes, seconds: float | None) -> Any:
        asked.append(question)
        return ask(self, question, seconds)

    monkeypatch.setattr(_RemoteWorker, "ask", overheard)
    assert "colored 4, failed 1; results: memory://color" in colorize(*ADDRESSES, "--engine", "ray")[1]
    colorize("album", "--out", "here")
    assert photos_of(objects(store)) == photos_of(results(Path("here")))
    assert len(asked) == 5
    assert not any(b"cache" in question or b"album/" in question for question in asked)

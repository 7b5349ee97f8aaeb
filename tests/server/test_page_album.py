"""What the page keeps of a visit."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photochrom.coloring import Colorizer, Hint, Result
from photochrom.photo import photo_from_image
from photochrom.server import _page_album
from photochrom.server._page_album import Album, Choices, Memory, Shot, marked, shrunk

RED, BLUE = Hint(3, 4, (200, 20, 20)), Hint(30, 20, (20, 20, 200))


class CountingGuesser:
    models = ("tiny",)

    def __init__(self, colorizer: Colorizer) -> None:
        self.colorizer = colorizer
        self.calls: list[tuple[str, int]] = []

    def guesses(self, source: Path, model: str, count: int) -> list[Result]:
        self.calls.append((source.name, count))
        return self.colorizer.variants(source, count, force=True)


@pytest.fixture(scope="module")
def colorizer(tiny_network: Path) -> Colorizer:
    return Colorizer(str(tiny_network), face_model=None)


@pytest.fixture
def guesser(colorizer: Colorizer) -> CountingGuesser:
    return CountingGuesser(colorizer)


@pytest.fixture
def shots(tmp_path: Path, gray_photo: bytes) -> list[Shot]:
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    for path in paths:
        path.write_bytes(gray_photo)
    return [Shot(path, Choices("tiny")) for path in paths]


@pytest.fixture
def album(tmp_path: Path) -> Album:
    return Album.begin(tmp_path / "sources", tmp_path / "served")


def test_undone_hints_come_back_one_by_one() -> None:
    choices = Choices("tiny").with_hint(RED).with_hint(BLUE)
    assert choices.undo().hints == (RED,)
    assert choices.undo().redo() == choices
    assert choices.clear().hints == ()
    assert choices.clear().redo().hints == (RED,)
    assert choices.clear().redo().redo().hints == (RED, BLUE)


def test_undoing_nothing_changes_nothing() -> None:
    choices = Choices("tiny")
    assert choices.undo() == choices.redo() == choices.clear() == choices


def test_new_hint_ends_what_can_be_redone() -> None:
    assert Choices("tiny").with_hint(RED).undo().with_hint(BLUE).undone == ()


def test_network_is_asked_once_for_the_same_guesses(guesser: CountingGuesser, shots: list[Shot]) -> None:
    memory = Memory(guesser)
    memory.results(shots[0], 2)
    memory.results(shots[0], 1)
    memory.chosen(shots[0])
    assert guesser.calls == [("a.png", 2)]


def test_more_guesses_than_remembered_are_asked_for(guesser: CountingGuesser, shots: list[Shot]) -> None:
    memory = Memory(guesser)
    memory.results(shots[0], 1)
    assert len(memory.results(shots[0], 4)) == 4
    assert guesser.calls == [("a.png", 1), ("a.png", 4)]


def test_memory_drops_what_was_looked_at_longest_ago(
    guesser: CountingGuesser, shots: list[Shot], monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory(guesser)
    size = _page_album._bytes_of(memory.results(shots[0], 1))
    monkeypatch.setattr(_page_album, "_MEMORY_BYTES", 2 * size)
    memory.results(shots[1], 1)
    memory.results(shots[0], 1)
    memory.results(shots[2], 1)  # b goes
    guesser.calls.clear()
    memory.results(shots[0], 1)
    memory.results(shots[1], 1)
    assert guesser.calls == [("b.png", 1)]


def test_taken_file_is_moved_out_of_what_is_served(album: Album, tmp_path: Path) -> None:
    upload = tmp_path / "a.jpg"
    upload.write_bytes(b"photo")
    shot = album.take(upload, "tiny")
    assert not upload.exists()
    assert shot.source.name == "a.jpg"
    assert shot.source.read_bytes() == b"photo"
    assert album.served not in shot.source.parents


def test_folders_are_for_their_owner_alone(album: Album) -> None:
    assert {album.sources.stat().st_mode & 0o777, album.served.stat().st_mode & 0o777} == {0o700}


def test_last_picture_of_a_kind_stays_beside_the_new_one(album: Album) -> None:
    pictures = [album.show("after", Image.new("L", (4, 4))) for _ in range(4)]
    assert [picture.exists() for picture in pictures] == [False, False, True, True]


def test_closed_album_leaves_nothing_behind(album: Album, guesser: CountingGuesser, shots: list[Shot]) -> None:
    album.show("after", Image.new("L", (4, 4)))
    album.take(shots[0].source, "tiny")
    album.close()
    assert not album.sources.exists()
    assert not album.served.exists()


def test_forgotten_album_is_asked_for_anew(album: Album, guesser: CountingGuesser, shots: list[Shot]) -> None:
    memory = Memory(guesser)
    shot = album.take(shots[0].source, "tiny")
    memory.results(shot, 1)
    memory.results(shots[1], 1)
    memory.forget(album)
    guesser.calls.clear()
    memory.results(shot, 1)
    memory.results(shots[1], 1)
    assert guesser.calls == [("a.png", 1)]


def test_shrunk_result_has_its_hints_at_the_same_places(colorizer: Colorizer) -> None:
    ramp = np.tile(np.linspace(0, 255, 80).astype(np.uint8), (40, 1))
    result = colorizer.colorize(photo_from_image(Image.fromarray(ramp)), hints=[Hint(60, 20, (200, 20, 20))])
    small = shrunk(result, 80 * 40 / 4 / 1e6)
    assert small.photo.size == (40, 20)
    assert small.rgb.shape == (20, 40, 3)
    assert (small.look.hints[0].x, small.look.hints[0].y) == (30, 10)
    assert shrunk(result, 1.0) is result


def test_hints_are_marked_in_their_colors(colorizer: Colorizer) -> None:
    gray = Image.new("L", (80, 40), 128)
    result = colorizer.colorize(photo_from_image(gray), hints=[Hint(60, 20, (200, 20, 20))])
    assert marked(result.image, result).getpixel((60, 20)) == (200, 20, 20)
    assert marked(result.image.resize((40, 20)), result).getpixel((30, 10)) == (200, 20, 20)

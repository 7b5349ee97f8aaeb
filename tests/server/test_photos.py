"""Photos as resources, over HTTP and in their store."""

import io
import shutil
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from photochrom.coloring import Colorizer, Hint, Look, Options
from photochrom.errors import ConfigError, GoneError
from photochrom.server import _sketch
from photochrom.server._facts import Confidence, KeptFacts
from photochrom.server.photos import KeptPhoto, PhotoStore
from photochrom.server.problems import Problem
from photochrom.server.settings import Settings

Encode = Callable[..., bytes]

PHOTOS = "/api/v1/photos"


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def pixels(answer: Any) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return np.asarray(opened(answer.content).convert("RGB"), np.int16)


def with_manifest(png: bytes) -> bytes:
    """A PNG with a chunk of C2PA's."""
    data = b"caBX" + b"\x00\x00\x00\x10jumb"
    return png[:33] + (len(data) - 4).to_bytes(4, "big") + data + zlib.crc32(data).to_bytes(4, "big") + png[33:]


@pytest.fixture
def photo(client: TestClient, gray_photo: bytes) -> str:
    """The address of a photo that is kept."""
    return str(client.post(PHOTOS, params={"name": "a.png"}, content=gray_photo).headers["location"])


@pytest.mark.parametrize("way", ["as it is", "in a form"])
def test_a_photo_is_sent_once_and_told_about(client: TestClient, gray_photo: bytes, way: str) -> None:
    if way == "in a form":
        answer = client.post(PHOTOS, files={"file": ("C:\\fakepath\\old one?.png", gray_photo)})
    else:
        answer = client.post(PHOTOS, params={"name": "C:\\fakepath\\old one?.png"}, content=gray_photo)
    told = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"{PHOTOS}/{told['id']}")
    assert told["name"] == "old one.png"
    assert (told["width"], told["height"], told["bits"], told["format"]) == (64, 64, 8, "PNG")
    assert (told["coloring"], told["faces"], told["guesses"], told["model"]) == ("gray", [], 4, "tiny")
    assert 0.0 <= told["confidence"]["lowest_tenth"] <= told["confidence"]["mean"] <= 1.0
    assert client.get(answer.headers["location"]).json() == told


def test_what_the_colored_file_will_lack_is_told(client: TestClient, gray_photo: bytes) -> None:
    told = client.post(PHOTOS, params={"name": "torn.png"}, content=gray_photo[: len(gray_photo) * 3 // 4]).json()
    assert "rows are missing" in told["remarks"][0]
    told = client.post(PHOTOS, params={"name": "a.png"}, content=with_manifest(gray_photo)).json()
    assert told["remarks"] == ["not kept in the result: a C2PA manifest, which is of the source alone"]


def test_the_rows_that_are_missing_of_a_torn_photo_stay_gray(client: TestClient, gray_photo: bytes) -> None:
    torn = client.post(PHOTOS, content=gray_photo[: len(gray_photo) * 3 // 4])
    missing = int(torn.json()["remarks"][0].split("torn: ")[1].split(" of ")[0])
    for what in ("picture?format=png&guess=1", "file?guess=1"):
        colored = pixels(client.get(f"{torn.headers['location']}/{what}"))
        assert np.ptp(colored[:-missing], axis=2).mean() > 2
        assert np.ptp(colored[-missing:], axis=2).max() == 0


def test_photos_cannot_be_listed_nor_their_ids_guessed(client: TestClient, photo: str) -> None:
    assert client.get(PHOTOS).status_code == 405
    assert len(photo.rpartition("/")[2]) == 32


@pytest.mark.parametrize(
    ("photo_content", "status", "kind"),
    [(b"", 415, "photo-unreadable"), (b"Dear diary", 415, "photo-unreadable"), (None, 413, "photo-too-large")],
)
def test_what_cannot_be_kept_is_told_and_leaves_nothing(
    client: TestClient, encoded: Encode, photo_content: bytes | None, status: int, kind: str
) -> None:
    kept = set(client.app.state.settings.photo_folder.iterdir())
    content = encoded(np.zeros((2001, 2000), np.uint8)) if photo_content is None else photo_content
    answer = client.post(PHOTOS, content=content)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:photochrom:{kind}")
    assert set(client.app.state.settings.photo_folder.iterdir()) == kept


def test_a_form_without_a_photo_is_told(client: TestClient) -> None:
    for files in ({"other": ("a.png", b"x")}, {"file": (None, "x")}):
        assert client.post(PHOTOS, files=files).status_code == 422


def test_a_picture_shows_what_the_file_will_hold(client: TestClient, photo: str) -> None:
    look = {"guess": 2, "strength": 0.7, "vividness": 1.4}
    shown = pixels(client.get(f"{photo}/picture", params={"guess": 3, "format": "png", **look}))
    written = pixels(client.get(f"{photo}/file", params=look))
    assert np.abs(shown - written).max() <= 2


@pytest.mark.parametrize(("name", "kind"), [("jpeg", "JPEG"), ("webp", "WEBP"), ("png", "PNG")])
def test_a_picture_is_as_narrow_as_it_shall_be(client: TestClient, photo: str, name: str, kind: str) -> None:
    answer = client.get(f"{photo}/picture", params={"width": 20, "format": name})
    assert answer.headers["content-type"] == f"image/{name}"
    assert (opened(answer.content).format, opened(answer.content).size) == (kind, (20, 20))


def test_no_picture_is_larger_than_a_screen(client: TestClient, encoded: Encode) -> None:
    large = encoded(np.full((2000, 1900), 100, np.uint8))
    address = client.post(PHOTOS, content=large).headers["location"]
    width, height = opened(client.get(f"{address}/picture", params={"width": 4096}).content).size
    assert width * height <= 2_000_000
    assert width / height == pytest.approx(0.95, abs=0.002)
    assert opened(client.get(f"{address}/file").content).size == (1900, 2000)


def test_strength_and_vividness_change_a_picture(client: TestClient, photo: str) -> None:
    def colorfulness(**look: float) -> float:
        shown = pixels(client.get(f"{photo}/picture", params={"guess": 3, "format": "png", **look}))
        return float(np.ptp(shown, axis=2).mean())

    assert colorfulness(strength=0) == 0.0
    assert colorfulness(strength=0.5) < colorfulness() < colorfulness(vividness=3)


def test_the_gray_photo_and_how_sure_its_colors_are_can_be_shown(client: TestClient, photo: str) -> None:
    gray = pixels(client.get(f"{photo}/picture", params={"show": "gray", "format": "png"}))
    assert np.ptp(gray, axis=2).max() == 0
    sure = pixels(client.get(f"{photo}/picture", params={"show": "confidence"}))
    assert np.ptp(sure, axis=2).max() > 20


def test_hints_are_kept_with_a_photo(client: TestClient, photo: str) -> None:
    placed = [{"x": 5.0, "y": 5.0, "color": "#c00000"}, {"x": 60.0, "y": 60.0, "color": "#0000c0"}]
    before = pixels(client.get(f"{photo}/picture", params={"format": "png"}))
    assert client.put(f"{photo}/hints", json=placed).json() == placed
    assert client.get(f"{photo}/hints").json() == placed
    for address in ("picture", "picture", "file"):  # worked out, then remembered, then at full size
        colored = pixels(client.get(f"{photo}/{address}", params={"format": "png"}))
        assert colored[5, 5, 0] > colored[5, 5, 2] + 20
        assert colored[60, 60, 2] > colored[60, 60, 0] + 20
    assert client.delete(f"{photo}/hints").status_code == 204
    assert client.get(f"{photo}/hints").json() == []
    assert np.array_equal(pixels(client.get(f"{photo}/picture", params={"format": "png"})), before)


@pytest.mark.parametrize(
    "hint",
    [
        {"x": 64, "y": 1, "color": "#c00000"},
        {"x": -1, "y": 1, "color": "#c00000"},
        {"x": 1, "y": 1, "color": "red"},
        {"x": 1, "y": 1},
    ],
)
def test_hints_that_make_no_sense_change_nothing(client: TestClient, photo: str, hint: dict[str, Any]) -> None:
    good = [{"x": 5.0, "y": 5.0, "color": "#c00000"}]
    client.put(f"{photo}/hints", json=good)
    assert client.put(f"{photo}/hints", json=[hint]).status_code == 422
    assert client.put(f"{photo}/hints", json=good * 101).status_code == 422
    assert client.get(f"{photo}/hints").json() == good


def test_a_file_has_what_was_stored_with_the_photo(client: TestClient, encoded: Encode) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a grandmother"
    sent = encoded(np.full((40, 30), 90, np.uint8), "JPEG", exif=exif, dpi=(300, 300))
    address = client.post(PHOTOS, params={"name": "Oma Lübeck.jpg"}, content=sent).headers["location"]
    answer = client.get(f"{address}/file")
    colored = opened(answer.content)
    assert (colored.format, colored.size, colored.info["dpi"]) == ("JPEG", (30, 40), (300, 300))
    assert colored.getexif()[0x010E] == "a grandmother"
    assert "filename*=UTF-8''Oma%20L%C3%BCbeck-color.jpg" in answer.headers["content-disposition"]


def test_a_file_is_the_one_that_coloring_at_once_gives(client: TestClient, photo: str, gray_photo: bytes) -> None:
    at_once = client.post("/api/v1/colorize", files={"file": ("a.png", gray_photo)}, data={"vividness": 1.5})
    assert client.get(f"{photo}/file", params={"vividness": 1.5}).content == at_once.content
    both = client.post("/api/v1/colorize", files={"file": gray_photo}, data={"compare": True, "confidence": True})
    with zipfile.ZipFile(io.BytesIO(both.content)) as archive:
        for part, name in (("comparison", "color-compare.png"), ("confidence", "color-confidence.png")):
            assert client.get(f"{photo}/file", params={"part": part}).content == archive.read(name)


def test_another_format_of_the_file_can_be_asked_for(client: TestClient, photo: str) -> None:
    answer = client.get(f"{photo}/file", params={"format": "webp"})
    assert answer.headers["content-type"] == "image/webp"
    assert 'filename="a-color.webp"' in answer.headers["content-disposition"]


def test_the_file_of_a_photo_in_color_is_made_only_by_force(client: TestClient, color_photo: bytes) -> None:
    answer = client.post(PHOTOS, content=color_photo)
    assert answer.json()["coloring"] == "color"
    address = answer.headers["location"]
    refused = client.get(f"{address}/file")
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:photochrom:photo-in-color")
    assert client.get(f"{address}/file", params={"force": True}).status_code == 200
    assert client.get(f"{address}/picture").status_code == 200


def test_another_model_guesses_anew(client: TestClient, photo: str) -> None:
    before = pixels(client.get(f"{photo}/picture", params={"format": "png"}))
    other = client.get("/api/v1/models").json()[1]["name"]
    assert client.patch(photo, json={"model": other}).json()["model"] == other
    after = pixels(client.get(f"{photo}/picture", params={"format": "png"}))
    assert np.abs(after - before).max() > 0
    assert client.patch(photo, json={"model": "no-such-model"}).json()["type"] == "urn:photochrom:no-such-model"
    assert client.post(PHOTOS, params={"model": "no-such-model"}, content=b"x").status_code == 422


def test_a_picture_that_waits_while_another_model_guesses_is_drawn_from_its_guess(
    client: TestClient, photo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, store = client.app.state.pool, client.app.state.photos
    kept = store.get(photo.rpartition("/")[2])
    submit = pool.submit

    def submit_too_late(task: Any, folder: Path, *rest: Any, **options: Any) -> Any:
        monkeypatch.setattr(pool, "submit", submit)
        other = shutil.copytree(folder, folder.with_name("other"))
        store.replace_sketch(kept, other, kept.model, kept.facts)
        return submit(task, folder, *rest, **options)

    monkeypatch.setattr(pool, "submit", submit_too_late)
    assert pixels(client.get(f"{photo}/picture")).shape == (64, 64, 3)
    assert kept.sketch.name == "other"


def test_a_deleted_photo_is_gone_from_the_disk_too(client: TestClient, photo: str) -> None:
    folder = client.app.state.settings.photo_folder / photo.rpartition("/")[2]
    assert (folder / "source").is_file()
    assert client.delete(photo).status_code == 204
    assert not folder.exists()
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/picture"), ("GET", "/file"), ("GET", "/hints")):
        answer = client.request(method, f"{photo}{path}")
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:photochrom:photo-gone")
        assert "it was deleted, it expired, or was removed to make room; send it again" in answer.json()["detail"]


def test_several_photos_come_as_one_archive(client: TestClient, gray_photo: bytes, color_photo: bytes) -> None:
    ids = [
        client.post(PHOTOS, params={"name": name}, content=content).json()["id"]
        for name, content in (("a.png", gray_photo), ("a.png", gray_photo), ("flag.png", color_photo))
    ]
    chosen = [{"id": ids[0], "guess": 1}, {"id": ids[1], "strength": 0.0}, {"id": ids[2]}]
    answer = client.post("/api/v1/archives", json={"photos": chosen})
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a-color.png", "a-color-2.png", "not-in-here.txt"]
        assert not any(entry.flag_bits & 0x8 for entry in archive.infolist())  # sizes stand before the content
        assert archive.read("not-in-here.txt").startswith(b"flag.png: ")
        assert np.ptp(np.asarray(opened(archive.read("a-color-2.png")), np.int16), axis=2).max() == 0
        single = client.get(f"{PHOTOS}/{ids[0]}/file", params={"guess": 1})
        assert archive.read("a-color.png") == single.content
    missing = client.post("/api/v1/archives", json={"photos": [{"id": "no-such-photo"}]})
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:photochrom:photo-gone")


def test_pictures_need_neither_the_network_nor_the_photo(
    tiny_network: Path, tmp_path: Path, gray_photo: bytes, options: Options
) -> None:
    (tmp_path / "source").write_bytes(gray_photo)
    colorizer: Any = Colorizer(str(tiny_network), face_model=None)
    told = _sketch.sketch(colorizer, tmp_path / "source", tmp_path / "sketch", options)
    (tmp_path / "source").unlink()
    nobody: Any = None
    view = _sketch.View(format="png", look=Look(hints=(Hint(5, 5, (200, 0, 0)),)))
    drawn = _sketch.draw(nobody, tmp_path / "sketch", (told["width"], told["height"]), view)
    assert opened(drawn).size == (64, 64)


def test_a_photo_that_was_deleted_meanwhile_is_told(tmp_path: Path, options: Options) -> None:
    nobody: Any = None
    with pytest.raises(GoneError):
        _sketch.sketch(nobody, tmp_path / "source", tmp_path / "sketch", options)
    with pytest.raises(GoneError):
        _sketch.draw(nobody, tmp_path / "sketch", (1, 1), _sketch.View())
    with pytest.raises(GoneError):
        _sketch.write(nobody, tmp_path / "source", 0, "color", options)


# The store


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


FACTS = KeptFacts(
    width=1,
    height=1,
    coloring="gray",
    remarks=[],
    faces=[],
    confidence=Confidence(mean=0.5, lowest_tenth=0.5),
    bits=8,
    format="PNG",
    guesses=4,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def keep(store: PhotoStore, size: int = 1000) -> KeptPhoto:
    with store.draft() as draft:
        (draft / "source").write_bytes(bytes(size))
        return store.keep(draft / "source", draft / "sketch", "a.png", "scene", FACTS)


def is_kept(store: PhotoStore, photo: KeptPhoto) -> bool:
    """Whether a photo can be had; one that cannot must be gone from the disk too."""
    try:
        found = store.get(photo.id) is photo
    except Problem:
        found = False
    assert found == photo.folder.exists()
    return found


def test_a_draft_that_is_not_kept_is_removed(settings: Settings) -> None:
    store = PhotoStore(settings)
    with store.draft() as draft:
        (draft / "source").write_bytes(b"x")
    assert list(settings.photo_folder.iterdir()) == []


def test_photos_are_for_their_owner_alone(settings: Settings) -> None:
    photo = keep(PhotoStore(settings))
    assert {path.stat().st_mode & 0o777 for path in (settings.photo_folder, photo.folder)} == {0o700}


def test_those_used_longest_ago_make_room_for_others(settings: Settings) -> None:
    store = PhotoStore(replace(settings, max_photos=2))
    first, second = keep(store), keep(store)
    store.get(first.id)
    third = keep(store)
    assert [is_kept(store, photo) for photo in (first, second, third)] == [True, False, True]


def test_photos_have_no_more_bytes_than_they_may(settings: Settings) -> None:
    store = PhotoStore(replace(settings, max_photos_mb=0.0025))
    photos = [keep(store) for _ in range(3)]
    assert [is_kept(store, photo) for photo in photos] == [False, True, True]
    large = keep(store, 10_000)
    assert len(store) == 1
    assert is_kept(store, large)


def test_photos_that_nobody_uses_are_deleted(settings: Settings, clock: Clock) -> None:
    store = PhotoStore(replace(settings, keep_minutes=10), clock)
    idle, used = keep(store), keep(store)
    clock.now = 400.0
    store.get(used.id)
    clock.now = 700.0
    store.sweep()
    assert [is_kept(store, photo) for photo in (idle, used)] == [False, True]


def test_what_a_worker_wrote_for_a_deleted_photo_is_swept_away(settings: Settings) -> None:
    store = PhotoStore(settings)
    photo = keep(store)
    store.delete(photo.id)
    photo.sketch.mkdir(parents=True)
    with store.draft() as draft:
        store.sweep()
        assert draft.is_dir()
    assert not photo.folder.exists()


def test_photos_of_a_server_that_was_killed_are_removed_at_the_next_start(settings: Settings) -> None:
    left = keep(PhotoStore(settings))
    PhotoStore(settings)
    assert not left.folder.exists()


def test_other_folders_are_never_deleted(settings: Settings) -> None:
    (settings.photo_folder / "Grandmother").mkdir(parents=True)
    with pytest.raises(ConfigError, match="holds other things"):
        PhotoStore(settings)
    assert (settings.photo_folder / "Grandmother").is_dir()


def test_a_closed_store_leaves_nothing_behind(settings: Settings) -> None:
    store = PhotoStore(settings)
    keep(store)
    store.close()
    assert not settings.photo_folder.exists()


def test_a_full_disk_takes_no_photo(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    store = PhotoStore(settings)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(Problem) as caught, store.draft():
        pass
    assert caught.value.status_code == 507


def test_another_sketch_takes_the_place_of_the_first(settings: Settings) -> None:
    store = PhotoStore(settings)
    photo = keep(store)
    for name in ("sketch", "other"):
        (photo.folder / name).mkdir()
    store.replace_sketch(photo, photo.folder / "other", "scene-open", FACTS)
    assert (photo.sketch.name, photo.model) == ("other", "scene-open")
    assert sorted(path.name for path in photo.folder.iterdir()) == ["other", "source"]
    store.delete(photo.id)
    with pytest.raises(Problem):
        store.replace_sketch(photo, photo.folder / "third", "scene", FACTS)

import base64
import io
import json
import os
import re
import signal
import socket
import sys
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from photochrom.errors import CheckpointError, ConfigError
from photochrom.photo import FORMATS, WRITTEN_FORMATS
from photochrom.photo.formats import format_of
from photochrom.server.app import create_app
from photochrom.server.app import serve as serve_until_interrupted
from photochrom.server.batches import BatchStore
from photochrom.server.settings import Settings

Encode = Callable[..., bytes]

COLORIZE = "/api/v1/colorize"


def sent(client: TestClient, photo: bytes, /, **fields: Any) -> Any:
    return client.post(COLORIZE, files={"file": ("a.png", photo)}, data=fields)


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def test_a_photo_comes_back_in_color_with_what_was_stored_with_it(client: TestClient, encoded: Encode) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a grandmother"
    photo = encoded(np.full((40, 30), 90, np.uint8), "JPEG", exif=exif, dpi=(300, 300))
    answer = sent(client, photo)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    colored = opened(answer.content)
    assert (colored.mode, colored.size, colored.info["dpi"]) == ("RGB", (30, 40), (300, 300))
    assert colored.getexif()[0x010E] == "a grandmother"


MEDIA_TYPES = {
    "AVIF": "image/avif",
    "BMP": "image/bmp",
    "HEIF": "image/heic",
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "TIFF": "image/tiff",
    "WEBP": "image/webp",
}


@pytest.mark.parametrize("name", WRITTEN_FORMATS)
def test_each_format_can_be_asked_for_and_comes_back_as_it_was(
    client: TestClient, gray_photo: bytes, name: str
) -> None:
    asked = sent(client, gray_photo, format=name.lower())
    assert (asked.status_code, asked.headers["content-type"]) == (200, MEDIA_TYPES[name])
    assert format_of(asked.content).name == name
    if name != "HEIF":
        assert opened(asked.content).format == name
    returned = sent(client, asked.content, force=True)
    assert (returned.status_code, returned.headers["content-type"]) == (200, MEDIA_TYPES[name])


@pytest.mark.parametrize("path", ["/api/v1/colorize", "/api/v1/batch", "/api/v1/photos"])
def test_an_unknown_field_is_refused_with_the_one_that_was_meant(
    client: TestClient, gray_photo: bytes, path: str
) -> None:
    name = "files" if path.endswith("batch") else "file"
    answer = client.post(path, files={name: ("a.png", gray_photo)}, data={"strenght": "0.5", "fil": "x", "upright": ""})
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    told = {error["field"]: error["message"] for error in problem["errors"]}
    assert told.keys() == {"body.strenght", "body.fil", "body.upright"}
    assert told["body.fil"] == f"There is no such field; did you mean {name}?"
    if name == "file" and path.endswith("colorize"):
        assert told["body.strenght"].endswith("did you mean strength?")
        assert "there are: " in told["body.upright"]


def test_options_in_the_address_are_refused_not_passed_over(client: TestClient, gray_photo: bytes) -> None:
    answer = client.post("/api/v1/colorize?strength=0.5", files={"file": ("a.png", gray_photo)})
    assert (answer.status_code, answer.json()["detail"]) == (422, "a parameter is unknown; see errors")
    assert answer.json()["errors"] == [
        {"field": "query.strength", "message": "There is no such parameter; this address takes none"}
    ]
    misspelt = client.post("/api/v1/photos?turnd=left", files={"file": ("a.png", gray_photo)})
    assert misspelt.json()["errors"][0]["field"] == "query.turnd"


def test_a_format_that_is_not_written_is_refused_with_those_that_are(client: TestClient, gray_photo: bytes) -> None:
    answer = sent(client, gray_photo, format="gif")
    assert answer.status_code == 422
    assert "avif, bmp" in answer.text


def test_the_page_lets_photos_of_each_format_be_chosen(client: TestClient) -> None:
    offers = re.findall(r'accept="image/\*,([^"]*)"', client.get("/").text)
    assert len(offers) == 2
    for offer in offers:
        assert set(offer.split(",")) == {suffix for one in FORMATS.values() for suffix in one.suffixes}


def test_several_pictures_come_as_a_zip_file(client: TestClient, gray_photo: bytes) -> None:
    answer = sent(client, gray_photo, variants=2, compare=True, confidence=True)
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["color-1.png", "color-2.png", "color-compare.png", "color-confidence.png"]
        sizes = [opened(archive.read(name)).size for name in archive.namelist()]
    assert sizes == [(64, 64), (64, 64), (192, 64), (64, 64)]


@pytest.mark.parametrize("asking", ["field", "header"])
def test_all_of_it_comes_as_json(client: TestClient, gray_photo: bytes, asking: str) -> None:
    if asking == "field":
        answer = sent(client, gray_photo, respond="json")
    else:
        files = {"file": ("a.png", gray_photo)}
        answer = client.post(COLORIZE, files=files, headers={"Accept": "application/json"})
    told = answer.json()
    assert (told["width"], told["height"], told["coloring"], told["faces"]) == (64, 64, "gray", [])
    assert 0.0 <= told["confidence"]["lowest_tenth"] <= told["confidence"]["mean"] <= 1.0
    assert set(told["seconds"]) == {"read", "guess", "render"}
    (picture,) = told["pictures"]
    assert picture["media_type"] == "image/png"
    assert base64.b64decode(picture["content"]) == sent(client, gray_photo).content


@pytest.mark.parametrize("variants", [1, 2])
def test_what_is_missing_of_a_photo_is_told_beside_the_pictures(
    client: TestClient, gray_photo: bytes, variants: int
) -> None:
    torn = sent(client, gray_photo[: len(gray_photo) * 3 // 4], variants=variants)
    (remark,) = json.loads(torn.headers["photochrom-remarks"])
    assert "rows are missing and stay blank" in remark
    assert "photochrom-remarks" not in sent(client, gray_photo, variants=variants).headers


def test_no_strength_gives_gray(client: TestClient, gray_photo: bytes) -> None:
    assert np.asarray(opened(sent(client, gray_photo, strength=0).content)).std(axis=2).max() < 1.0


def test_hints_give_places_their_colors(client: TestClient, gray_photo: bytes) -> None:
    colored = np.asarray(opened(sent(client, gray_photo, hints=["5,5,#c00000", "60,60,#0000c0"]).content)).astype(int)
    assert colored[5, 5, 0] > colored[5, 5, 2] + 20
    assert colored[60, 60, 2] > colored[60, 60, 0] + 20


def test_what_is_in_color_is_colored_only_by_force(client: TestClient, color_photo: bytes) -> None:
    refused = sent(client, color_photo)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:photochrom:photo-in-color")
    assert sent(client, color_photo, force=True).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"strength": 1.5},
        {"strength": "nan"},
        {"vividness": "inf"},
        {"variants": 0},
        {"variants": 99},
        {"model": "../../etc/passwd"},
        {"hints": ["red"]},
        {"hints": ["5,5,#c00000" + "0" * 99]},
        {"hints": ["1,1,#c00000"] * 101},
        {"hints": ["999,5,#c00000"]},
        {"hints": ["nan,nan,#c00000"]},
        {"format": "gif"},
        {"respond": "xml"},
        {"force": "perhaps"},
    ],
)
def test_fields_that_make_no_sense_are_told(client: TestClient, gray_photo: bytes, fields: dict[str, Any]) -> None:
    answer = sent(client, gray_photo, **fields)
    problem = answer.json()
    assert answer.status_code == problem["status"] == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(problem) - {"errors"} == {"type", "title", "status", "detail"}


def test_what_is_no_photo_is_not_taken(client: TestClient) -> None:
    for content in (b"", b"GIF8", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n", b"<svg/>"):
        answer = sent(client, content)
        assert (answer.status_code, answer.json()["type"]) == (415, "urn:photochrom:photo-unreadable")


def test_too_many_pixels_are_refused_before_they_are_decoded(client: TestClient, encoded: Encode) -> None:
    answer = sent(client, encoded(np.zeros((2001, 2000), np.uint8)))
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:photochrom:photo-too-large")


def test_a_file_must_be_sent(client: TestClient) -> None:
    answer = client.post(COLORIZE, data={"strength": 1})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "body.file", "message": "Field required"}]
    assert client.post(COLORIZE, content=b"x", headers={"Content-Type": "multipart/form-data"}).status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/no-such-page", 404),
        ("GET", "/api/v1/jobs/no-such-job", 404),
        ("GET", "/api/v1/jobs/no-such-job/result", 404),
        ("DELETE", "/api/v1/jobs/no-such-job", 404),
        ("GET", "/api/v1/jobs/..%2f..%2fetc%2fpasswd", 404),
        ("GET", COLORIZE, 405),
        ("PUT", "/api/v1/models", 405),
    ],
)
def test_wrong_addresses_and_methods_are_problems_too(client: TestClient, method: str, path: str, status: int) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (status == 405) == ("allow" in answer.headers)


def test_the_page_at_the_root_leaves_the_api_its_own_refusals(client: TestClient) -> None:
    assert client.get("/").headers["content-type"].startswith("text/html")
    for method, path, status in (("GET", "/api/v1/nothing", 404), ("POST", "/api", 404), ("GET", COLORIZE, 405)):
        answer = client.request(method, path)
        assert answer.status_code == status
    assert (answer.headers["allow"], answer.json()["status"]) == ("POST", 405)
    assert client.get("/api/v1/models").status_code == 200


def test_a_slow_photo_is_a_problem(serve: Any, gray_photo: bytes) -> None:
    with serve(seconds_a_photo=1e-9) as client:
        answer = sent(client, gray_photo)
    assert (answer.status_code, answer.json()["type"]) == (504, "urn:photochrom:photo-too-slow")


def test_a_full_queue_asks_to_come_again(serve: Any, odd_tasks: Any, gray_photo: bytes, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with serve(queue=1) as client:
        pool = client.app.state.pool
        pool.submit(odd_tasks.hold, str(tmp_path / "pipe"))
        with (tmp_path / "pipe").open("w"):
            pool.submit(odd_tasks.give, None)
            answer = sent(client, gray_photo)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["type"] == "urn:photochrom:queue-full"


def test_a_fault_is_a_problem_that_tells_nothing(
    client: TestClient, gray_photo: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("grandmother.jpg")

    monkeypatch.setattr(client.app.state.pool, "submit", fail)
    answer = sent(client, gray_photo)
    assert (answer.status_code, answer.json()["status"]) == (500, 500)
    assert answer.json()["detail"] == "internal error; see the server's log"
    assert "RuntimeError" in caplog.text
    assert "grandmother" not in answer.text + caplog.text


def test_logs_tell_neither_names_nor_addresses(
    client: TestClient, gray_photo: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "photochrom")
    client.post(COLORIZE, files={"file": ("grandmother.png", gray_photo)})
    client.post(f"{COLORIZE}?of=grandmother", files={"file": ("grandmother.png", gray_photo)})
    client.get("/grandmother")
    assert "POST /api/v1/colorize 200" in caplog.text
    assert "POST /api/v1/colorize 422" in caplog.text
    assert "grandmother" not in "".join(record.getMessage() for record in caplog.records if "photochrom" in record.name)


def test_the_server_tells_that_it_is_there_and_what_it_did(client: TestClient, gray_photo: bytes) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    sent(client, gray_photo)
    counts = client.get("/metrics").text
    for name in ("photochrom_requests_total", "photochrom_request_seconds_count", "photochrom_faces_total"):
        assert name in counts
    assert 'photochrom_pictures_total{outcome="colored",source="api"}' in counts
    assert "photochrom_queue 0.0" in counts


def test_the_default_network_is_told_first(client: TestClient, gray_photo: bytes) -> None:
    first, *_ = client.get("/api/v1/models").json()
    assert first == {"name": "tiny", "is_default": True}
    assert sent(client, gray_photo, model="tiny").content == sent(client, gray_photo).content


@pytest.mark.parametrize("part", ["model", "face_model"])
@pytest.mark.parametrize("network", ["no-such-model", "no-such-model.onnx"])
def test_a_missing_network_is_told_at_once(settings: Settings, part: str, network: str) -> None:
    with pytest.raises(CheckpointError, match="no-such-model"):
        create_app(replace(settings, **{part: network}))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server does not wait for another one to leave its folder."""
    monkeypatch.setattr("photochrom.server.batches._LOCK_SECONDS", 0.01)


def test_a_folder_that_another_server_uses_is_told_at_once(settings: Settings, impatient: None) -> None:
    with closing(BatchStore(settings)), pytest.raises(ConfigError, match="in use by another server"):
        serve_until_interrupted(replace(settings, port=0))


def test_other_things_among_the_photos_are_told_before_the_server_starts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("photochrom.server.app._Server.run", lambda _: pytest.fail("it started"))
    settings.photo_folder.mkdir(parents=True)
    (settings.photo_folder / "letter.txt").touch()
    with pytest.raises(ConfigError, match=r"kept-photos: holds other things, such as letter\.txt; give "):
        serve_until_interrupted(replace(settings, port=0))


def test_what_systems_put_into_the_folders_is_passed_over(settings: Settings, serve: Any) -> None:
    left = [
        folder / name for folder in (settings.job_folder, settings.photo_folder) for name in (".DS_Store", "@eaDir")
    ]
    for path in left:
        path.mkdir(parents=True)
    with serve() as client:
        assert client.get("/healthz").status_code == 200
    assert all(path.exists() for path in left)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
@pytest.mark.parametrize("is_ignored", [False, True])
def test_a_terminal_that_is_closed_ends_the_server_unless_it_was_started_by_nohup(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, is_ignored: bool
) -> None:
    received: list[int] = []
    hang_up = signal.SIG_IGN if is_ignored else signal.SIG_DFL
    handlers = {signal.SIGTERM: lambda number, _: received.append(number), signal.SIGHUP: hang_up}
    before = [(number, signal.signal(number, handler)) for number, handler in handlers.items()]
    monkeypatch.setattr("photochrom.server.app._Server.run", lambda _: signal.raise_signal(signal.SIGHUP))
    try:
        serve_until_interrupted(replace(settings, port=0))
    finally:
        for number, handler in before:
            signal.signal(number, handler)
    assert received == ([] if is_ignored else [signal.SIGTERM])


def test_an_address_that_is_taken_is_told_in_one_line(settings: Settings) -> None:
    with socket.create_server((settings.host, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(
            ConfigError, match=f"cannot listen at {settings.host}, port {port} .*; choose another --port"
        ):
            serve_until_interrupted(replace(settings, port=port))


def test_the_documentation_needs_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs").text
    assert "http://" not in page
    assert "https://" not in page
    for part in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert client.get(f"/static-offline-docs/{part}").status_code == 200
    assert {"/api/v1/colorize", "/api/v1/photos", "/api/v1/batch"} <= set(client.get("/openapi.json").json()["paths"])


def test_many_callers_get_their_own_photos(client: TestClient, encoded: Encode) -> None:
    photos = [encoded(np.full((20 + side, 30), 100, np.uint8)) for side in range(12)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda photo: sent(client, photo), photos))
    assert [opened(answer.content).size for answer in answers] == [(30, 20 + side) for side in range(12)]


def finished(client: TestClient, job: dict[str, Any]) -> dict[str, Any]:
    while job["state"] != "finished":
        job = client.get(f"/api/v1/jobs/{job['id']}").json()
    return job


def packed(photos: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in photos.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_a_batch_gives_a_zip_file_of_what_could_be_colored(
    client: TestClient, gray_photo: bytes, color_photo: bytes
) -> None:
    album = packed({"album/a.png": gray_photo, "album/b/a.png": gray_photo, "album/.hidden": b"", "album/c.png": b"no"})
    files = [("files", ("album.zip", album)), ("files", ("a.png", gray_photo)), ("files", ("d.png", color_photo))]
    answer = client.post("/api/v1/batch", files=files, data={"format": "jpeg", "variants": 2})
    assert answer.status_code == 202
    job = finished(client, client.get(answer.headers["location"]).json())
    assert [(photo["name"], photo["state"]) for photo in job["photos"]] == [
        ("album/a.png", "colored"),
        ("album/b/a.png", "colored"),
        ("album/c.png", "failed"),
        ("a.png", "colored"),
        ("d.png", "in color"),
    ]
    assert job["counts"] == {"waiting": 0, "at work": 0, "colored": 3, "in color": 1, "failed": 1}
    result = client.get(f"/api/v1/jobs/{job['id']}/result")
    assert result.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(result.content)) as archive:
        report = json.loads(archive.read("photochrom.json"))
        outputs = [output for photo in report for output in photo["outputs"]]
        assert outputs == [f"{stem}-{n}.jpg" for stem in ("album/a", "album/b/a", "a") for n in (1, 2)]
        assert sorted(archive.namelist()) == sorted([*outputs, "photochrom.json"])
        assert opened(archive.read("a-2.jpg")).mode == "RGB"


def test_a_batch_tells_what_is_missing_of_its_photos(client: TestClient, gray_photo: bytes) -> None:
    torn = gray_photo[: len(gray_photo) * 3 // 4]
    files = [("files", ("whole.png", gray_photo)), ("files", ("torn.png", torn))]
    job = finished(client, client.post("/api/v1/batch", files=files).json())
    assert job["photos"][0]["remarks"] == []
    assert "rows are missing and stay blank" in job["photos"][1]["remarks"][0]


def test_a_batch_that_is_deleted_is_gone(client: TestClient, gray_photo: bytes) -> None:
    job = client.post("/api/v1/batch", files=[("files", ("a.png", gray_photo))] * 5).json()
    assert client.delete(f"/api/v1/jobs/{job['id']}").status_code == 204
    assert client.get(f"/api/v1/jobs/{job['id']}").status_code == 404
    assert sent(client, gray_photo).status_code == 200


def test_a_result_cannot_be_fetched_before_it_is_there(
    serve: Any, odd_tasks: Any, gray_photo: bytes, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with serve(max_jobs=1) as client:
        client.app.state.pool.submit(odd_tasks.hold, str(tmp_path / "pipe"))
        with (tmp_path / "pipe").open("w"):
            job = client.post("/api/v1/batch", files=[("files", ("a.png", gray_photo))]).json()
            early = client.get(f"/api/v1/jobs/{job['id']}/result")
            second = client.post("/api/v1/batch", files=[("files", ("a.png", gray_photo))])
        assert (early.status_code, early.json()["type"]) == (409, "urn:photochrom:job-unfinished")
        assert (second.status_code, second.headers["retry-after"]) == (503, "5")
        assert finished(client, job)["counts"]["colored"] == 1


def test_a_batch_goes_on_after_a_restart(serve: Any, gray_photo: bytes) -> None:
    with serve(workers=1) as client:
        job = client.post("/api/v1/batch", files=[("files", (f"{n}.png", gray_photo)) for n in range(8)]).json()
    with serve(workers=2) as client:
        assert finished(client, job)["counts"]["colored"] == 8


def test_one_folder_of_batches_is_one_servers(serve: Any, impatient: None) -> None:
    with serve(), pytest.raises(ConfigError, match="in use by another server"), serve():
        pass

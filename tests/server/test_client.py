import io
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from photochrom.server.client import Client, ServerError


class _Served(httpx.BaseTransport):
    """Brings requests to a server in this process."""

    def __init__(self, server: TestClient) -> None:
        self._server = server

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        answer = self._server.request(
            request.method, request.url.raw_path.decode(), content=request.read(), headers=headers
        )
        return httpx.Response(answer.status_code, headers=dict(answer.headers), content=answer.content)


class _Models(BaseHTTPRequestHandler):
    """A server that has none."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def caller(client: TestClient) -> Iterator[Client]:
    with Client(http=httpx.Client(base_url="http://testserver", transport=_Served(client))) as caller:
        yield caller


def test_a_photo_comes_back_in_color(caller: Client, gray_photo: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(gray_photo)
    colored = caller.colorize(tmp_path / "a.png", strength=0.5, hints=["1,1,#ff0000"], format="webp")
    assert Image.open(io.BytesIO(colored)).format == "WEBP"
    assert caller.colorize(gray_photo) == caller.colorize(tmp_path / "a.png")


def test_a_batch_comes_back_as_a_zip_file(caller: Client, gray_photo: bytes, tmp_path: Path) -> None:
    for name, content in (("a.png", gray_photo), ("b.png", b"no photo")):
        (tmp_path / name).write_bytes(content)
    told: list[Any] = []
    job = caller.batch(
        [tmp_path / "a.png", tmp_path / "b.png"], tmp_path / "out.zip", poll_seconds=0.0, told=told.append, force=True
    )
    assert [photo["state"] for photo in job["photos"]] == ["colored", "failed"]
    assert zipfile.ZipFile(tmp_path / "out.zip").namelist() == ["a.png", "photochrom.json"]
    assert told[-1] == job


def test_a_refusal_is_an_error_that_says_why(caller: Client) -> None:
    with pytest.raises(ServerError, match="not a photo that can be read") as caught:
        caller.colorize(b"no photo")
    assert (caught.value.status, caught.value.kind) == (415, "urn:photochrom:photo-unreadable")


def test_the_networks_are_told(caller: Client) -> None:
    assert caller.models()[0]["name"] == "tiny"


def test_what_is_no_server_of_ours_is_told() -> None:
    http = httpx.Client(base_url="http://testserver", transport=httpx.MockTransport(lambda _: httpx.Response(502)))
    with Client(http=http) as caller, pytest.raises(ServerError, match=r"502 Bad Gateway; is it photochrom's\?"):
        caller.models()


@pytest.mark.parametrize("has_http", [False, True])
def test_the_key_is_shown_with_each_request(has_http: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[str, str | None]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        shown.append((request.url.path, request.headers.get("x-api-key")))
        return httpx.Response(200, json={"id": "1", "state": "finished"})

    made = httpx.Client
    transport = httpx.MockTransport(answer)
    monkeypatch.setattr(httpx, "Client", lambda **options: made(**options, transport=transport))
    http = httpx.Client(base_url="http://testserver") if has_http else None
    with Client(api_key="sesame", http=http) as caller:
        caller.models()
        caller.batch([], tmp_path / "out.zip")
    paths = ["/api/v1/models", "/api/v1/batch", "/api/v1/jobs/1/result"]
    assert shown == [(path, "sesame") for path in paths]


def test_what_goes_to_this_machine_goes_past_any_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:9")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Models) as server, ThreadPoolExecutor(1) as serving:
        serving.submit(server.serve_forever)
        try:
            with Client(f"http://127.0.0.1:{server.server_port}") as caller:
                assert caller.models() == []
        finally:
            server.shutdown()

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from photochrom.server.app import create_app
from photochrom.server.guard import Guard, RateLimit
from photochrom.server.meters import Meters
from photochrom.server.settings import Settings
from photochrom.workers import Pool

Encode = Callable[..., bytes]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:7860", "[::1]:7860", "LOCALHOST:1", "testserver"])
def test_own_names_are_served(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "192.168.1.5", "", "[", "localhost@evil"])
def test_other_names_are_not(client: TestClient, host: str) -> None:
    answer = client.get("/healthz", headers={"Host": host})
    assert (answer.status_code, answer.json()["status"]) == (421, 421)


def test_a_server_at_all_addresses_goes_by_addresses_but_by_no_foreign_name(serve: Any) -> None:
    with serve(host="0.0.0.0", insecure=True) as client:
        assert client.get("/healthz", headers={"Host": "192.168.1.5:7860"}).status_code == 200
        assert client.get("/healthz", headers={"Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://testserver:81"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/colorize", "/api/v1/photos", "/api/v1/batch", "/anything"])
def test_pages_of_other_sites_may_not_send(client: TestClient, path: str, headers: dict[str, str]) -> None:
    assert client.post(path, headers=headers).status_code == 403


def test_own_pages_may_send(client: TestClient, gray_photo: bytes) -> None:
    headers = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
    answer = client.post("/api/v1/colorize", files={"file": ("a.png", gray_photo)}, headers=headers)
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/app.js", "/api/v1/models", "/api/v1/nothing", "/docs", "/healthz", "/nothing"])
def test_browsers_are_told_to_be_careful(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"X-API-Key": "wrong"}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Basic ???"}, 401),
        ({"Authorization": "Basic bsO8"}, 401),
        ({"X-API-Key": "s\xe9same".encode("latin-1")}, 401),
        ({"X-API-Key": "sesame"}, 200),
        ({"Authorization": "Bearer sesame"}, 200),
        ({"Authorization": "Basic YW55Ym9keTpzZXNhbWU="}, 200),
    ],
)
def test_a_key_opens_everything_but_the_sign_of_life(guarded: TestClient, headers: dict[str, str], status: int) -> None:
    for path in ("/api/v1/models", "/metrics", "/docs", "/openapi.json"):
        answer = guarded.get(path, headers=headers)
        assert answer.status_code == status
        assert ("www-authenticate" in answer.headers) == (status == 401)
    assert guarded.get("/healthz", headers=headers).status_code == 200


@pytest.fixture(scope="module")
def guarded(client: TestClient) -> TestClient:
    """A server with a key; none of its routes that color is used."""
    return TestClient(create_app(replace(client.app.state.settings, api_key="sesame")))


def test_too_many_requests_are_asked_to_wait(serve: Any) -> None:
    with serve(requests_a_minute=12) as client:
        statuses = [client.get("/api/v1/models").status_code for _ in range(4)]
        refused = client.get("/api/v1/models")
    assert statuses == [200, 200, 429, 429]
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["status"] == 429


def test_a_bucket_fills_with_time() -> None:
    rate = RateLimit(60)
    assert [rate.wait("a", 0.0) for _ in range(11)] == [0.0] * 10 + [1.0]
    assert rate.wait("b", 0.0) == 0.0
    assert rate.wait("a", 0.5) == 0.5
    assert rate.wait("a", 1.0) == 0.0
    assert [rate.wait("a", 1000.0) for _ in range(11)] == [0.0] * 10 + [1.0]


def test_those_without_a_key_do_not_use_up_what_others_may_ask(client: TestClient) -> None:
    guarded = TestClient(create_app(replace(client.app.state.settings, api_key="sesame", requests_a_minute=12)))
    assert {guarded.get("/api/v1/models").status_code for _ in range(10)} == {401, 429}
    assert guarded.get("/api/v1/models", headers={"X-API-Key": "sesame"}).status_code == 200


def test_callers_who_are_forgotten_do_not_take_memory() -> None:
    rate = RateLimit(60)
    for number in range(20_000):
        rate.wait(str(number), 0.0)
    assert len(rate._buckets) == 10_000


def test_too_large_uploads_are_refused(client: TestClient, encoded: Encode) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1500, 1500), np.uint8)
    photo = encoded(noise)
    told = client.post("/api/v1/colorize", files={"file": ("a.png", photo)})
    assert (told.status_code, told.json()["status"]) == (413, 413)
    parts = (b"x" * 65536 for _ in range(100))
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    untold = client.post("/api/v1/colorize", content=parts, headers=headers)
    assert (untold.status_code, untold.json()["status"]) == (413, 413)


_POST = {"type": "http", "method": "POST", "path": "/", "headers": [(b"host", b"localhost")], "client": ("::1", 1)}


async def _never() -> Any:
    await asyncio.Event().wait()


def guard_of(app: Any, settings: Settings) -> Guard:
    return Guard(app, settings, Meters(Pool()))


def test_no_more_is_received_than_may_wait(settings: Settings) -> None:
    statuses: list[int] = []

    async def hold(scope: Any, receive: Any, send: Any) -> None:
        await _never()

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 0))

    async def crowd() -> None:
        guard = guard_of(hold, replace(settings, queue=2))
        held = [asyncio.create_task(guard(dict(_POST), _never, send)) for _ in range(3)]
        await asyncio.sleep(0)
        await guard(dict(_POST), _never, send)
        for task in held:
            task.cancel()

    asyncio.run(crowd())
    assert statuses == [503, 0]


def test_a_body_that_does_not_come_is_not_waited_for(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("photochrom.server.guard._BODY_SECONDS", 0.0)
    statuses: list[int] = []

    async def receive_all(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 0))

    asyncio.run(guard_of(receive_all, settings)(dict(_POST), _never, send))
    assert statuses == [408, 0]


def test_nothing_speaks_over_a_web_socket(client: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/"):
        pass

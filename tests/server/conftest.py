import importlib
import io
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from photochrom.coloring import Model, Options
from photochrom.lab.datasets._faces import draw_faces
from photochrom.server.app import create_app
from photochrom.server.settings import Settings

_ODD_TASKS = """
def hold(colorizer, pipe):
    with open(pipe) as held:  # waits until somebody writes
        return held.read()

def give(colorizer, value):
    return value
"""


def _encoded(pixels: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="session")
def encoded() -> Callable[..., bytes]:
    """Makes picture files of pixels."""
    return _encoded


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of this machine a server may be asked, of no other."""
    ask = socket.getaddrinfo

    def refuse_others(host: object, *arguments: Any, **options: Any) -> Any:
        if host != "127.0.0.1":
            pytest.fail(f"a test reached for {host!r}")
        return ask(host, *arguments, **options)

    monkeypatch.setattr("socket.getaddrinfo", refuse_others)


@pytest.fixture(scope="session")
def color_photo() -> bytes:
    """Patches of many colors, as a PNG of 64x64 pixels."""
    patches = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    return _encoded(patches.repeat(8, axis=0).repeat(8, axis=1))


@pytest.fixture(scope="session")
def gray_photo() -> bytes:
    """A drawn face in gray, of the same size."""
    return _encoded(np.asarray(Image.fromarray(draw_faces(1, seed=3, size=64)[0]).convert("L")))


def _settings(network: Path, folder: Path) -> Settings:
    return Settings(
        trusted_hosts=("testserver",),
        model=str(network),
        face_model=None,
        workers=1,
        max_upload_mb=1.0,
        max_megapixels=4.0,
        max_jobs=100_000,
        requests_a_minute=1_000_000,
        data_dir=folder,
    )


@pytest.fixture
def settings(tiny_network: Path, tmp_path: Path) -> Settings:
    """Of a small server."""
    return _settings(tiny_network, tmp_path / "data")


@pytest.fixture
def serve(settings: Settings) -> Callable[..., AbstractContextManager[TestClient]]:
    """Makes clients of servers in this process, whose workers are processes of their own."""

    @contextmanager
    def serving(**changes: Any) -> Iterator[TestClient]:
        with TestClient(create_app(replace(settings, **changes))) as client:
            yield client

    return serving


@pytest.fixture(scope="module")
def client(tiny_network: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Of a server that the tests of a module share."""
    with TestClient(create_app(_settings(tiny_network, tmp_path_factory.mktemp("data")))) as client:
        yield client


@pytest.fixture
def odd_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What workers never do otherwise; those that are started from now on find the module too."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/odd_server_tasks.py").write_text(_ODD_TASKS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"), prepend=os.pathsep)
    monkeypatch.syspath_prepend(tmp_path / "modules")
    monkeypatch.delitem(sys.modules, "odd_server_tasks", raising=False)
    return importlib.import_module("odd_server_tasks")


@pytest.fixture
def options(tiny_network: Path) -> Options:
    """Of the small server's network."""
    return Options(Model(str(tiny_network), None))

"""A server as a process of its own, on a free port."""

import io
import os
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from photochrom.server.client import Client
from photochrom.server.settings import Settings

_PROGRAM = """
from pathlib import Path
from photochrom.server.settings import Settings
if __name__ == "__main__":
    from photochrom.server.app import serve
    serve({settings})
"""

Started = Callable[..., AbstractContextManager[tuple[subprocess.Popen[str], Client]]]


@contextmanager
def _process(program: Path, settings: Settings) -> Iterator[tuple[subprocess.Popen[str], Client]]:
    program.write_text(_PROGRAM.format(settings=repr(settings).replace("PosixPath", "Path")))
    with subprocess.Popen([sys.executable, program], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        log = []
        try:
            while not (found := re.search(r"running on (http://127\.0\.0\.1:\d+)", "".join(log[-1:]))):
                log.append(process.stderr.readline())
                assert log[-1], "".join(log)
            with ThreadPoolExecutor(1) as drain, Client(found[1]) as client:
                drain.submit(process.stderr.read)  # a pipe that is full would halt the server
                try:
                    yield process, client
                finally:
                    process.terminate()
                    process.wait()
        finally:
            process.kill()


@pytest.fixture
def started(settings: Settings, tmp_path: Path) -> Started:
    """Starts servers."""
    return lambda **changes: _process(tmp_path / "server.py", replace(settings, port=0, **changes))


@pytest.fixture
def album(tmp_path: Path, encoded: Callable[..., bytes]) -> list[Path]:
    """Ten photos that are no two the same."""
    paths = [tmp_path / f"{number}.png" for number in range(10)]
    for number, path in enumerate(paths):
        path.write_bytes(encoded(np.full((500 + number, 500), 100, np.uint8)))
    return paths


def test_a_server_colors_photos_for_many_at_once(started: Started, album: list[Path]) -> None:
    with started(workers=2) as (_, client), ThreadPoolExecutor(5) as callers:
        colored = list(callers.map(client.colorize, album))
    assert [content[16:24] for content in colored] == [path.read_bytes()[16:24] for path in album]


def test_no_process_of_it_loads_a_deep_learning_framework(started: Started, album: list[Path]) -> None:
    if not Path("/proc/self/task").exists():
        pytest.skip("only Linux tells what a process has loaded")
    with started() as (process, client):
        client.colorize(album[0])
        children = [Path(f"/proc/{pid}/maps").read_text() for pid in [process.pid, *_children(process.pid)]]
    assert len(children) >= 2
    assert not any("libtorch" in loaded for loaded in children)


def _children(pid: int) -> list[str]:
    children: list[str] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread may end while its process is looked at
            children += (task / "children").read_text().split()
    return children


def test_a_batch_goes_on_after_the_server_was_killed(started: Started, album: list[Path], tmp_path: Path) -> None:
    with started() as (process, client):
        files: Any = [("files", (path.name, path.read_bytes())) for path in album]
        job = client._ask("POST", "/api/v1/batch", files=files).json()
        address = f"/api/v1/jobs/{job['id']}"
        while job["counts"]["colored"] < 2:
            job = client._ask("GET", address).json()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert job["state"] == "unfinished"
    with started() as (_, client):
        while job["state"] != "finished":
            job = client._ask("GET", address).json()
        result = client._ask("GET", f"{address}/result").content
    assert job["counts"]["colored"] == len(album)
    names = zipfile.ZipFile(io.BytesIO(result)).namelist()
    assert names == [*(path.name for path in album), "photochrom.json"]


def test_a_caller_who_goes_away_leaves_the_workbench_free(started: Started, encoded: Callable[..., bytes]) -> None:
    large = encoded(np.full((2000, 2000), 100, np.uint8))
    small = encoded(np.full((20, 20), 100, np.uint8))
    with started(seconds_a_photo=1000.0) as (_, client):
        for _ in range(5):
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(
                    client._http.base_url.join("/api/v1/colorize"),
                    files={"file": large},
                    data={"variants": "4"},
                    timeout=httpx.Timeout(30.0, read=0.05),
                )
        client.colorize(small)
        counts = client._ask("GET", "/metrics").text
    assert "photochrom_queue 0.0" in counts
    assert "photochrom_at_work 0.0" in counts


def test_a_server_ends_when_it_is_asked_to(started: Started) -> None:
    with started() as (process, _):
        process.send_signal(signal.SIGINT)
        assert process.wait() in (0, -signal.SIGINT, 130)

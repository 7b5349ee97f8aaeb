"""Nothing leaves the machine, and nobody but us leaves anything in the user's folders."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

_PHOTOCHROM = [sys.executable, "-m", "photochrom"]
_SEALS = (["unshare", "--net"], ["unshare", "--user", "--map-root-user", "--net"])
_ROOT = Path(__file__).parents[1]

_API = """
import sys, photochrom
photochrom.Colorizer().colorize(sys.argv[1]).save(sys.argv[2])
"""

_VISIT = """
import re, subprocess, sys
import httpx
photo, data = sys.argv[1:]
command = [sys.executable, "-m", "photochrom", "serve", "--port", "0", "--workers", "1", "--data-dir", data]
with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
    try:
        line = ""
        while not (found := re.search(r"running on (http://127\\.0\\.0\\.1:\\d+)", line)):
            line = server.stderr.readline()
            assert line, "the server has ended"
        with httpx.Client(base_url=found[1], trust_env=False, timeout=60) as client:
            for path in ("/", "/docs"):
                page = client.get(path).raise_for_status().text
                for part in re.findall(r'(?:src|href)="(?:\\./|/)([^"]+)"', page):
                    client.get(f"/{part}")
            with open(photo, "rb") as file:
                client.post("/api/v1/colorize", files={"file": file}).raise_for_status()
    finally:
        server.terminate()
"""

_LAB = """
import json, sys
from photochrom.cli import main
for words in json.loads(sys.argv[1]):
    sys.argv = ["photochrom", *words]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
"""

Sealed = Callable[[Sequence[list[str]]], list[dict[str, Any]]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(np.add.outer(np.arange(120), np.arange(100)).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def sealed(home: Path) -> Sealed:
    """Runs commands in a network of their own; skips where the system allows none."""

    def run(seal: list[str], commands: Sequence[list[str]]) -> subprocess.CompletedProcess[str]:
        program = [*seal, sys.executable, str(Path(__file__).with_name("sealed.py")), str(home)]
        return subprocess.run(program, input=json.dumps(commands), capture_output=True, text=True)

    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("no unshare, or no ip, on this machine")
    seal = next((seal for seal in _SEALS if run(seal, []).returncode == 0), None)
    if seal is None:
        pytest.skip("this system lets nobody have a network of his own")

    def told(commands: Sequence[list[str]]) -> list[dict[str, Any]]:
        ended = run(seal, commands)
        assert ended.returncode == 0, ended.stderr
        return [json.loads(line) for line in ended.stdout.splitlines()]

    return told


def reaching(what: str) -> list[str]:
    return [sys.executable, "-c", f"import contextlib, pathlib, socket\nwith contextlib.suppress(OSError): {what}"]


def test_what_reaches_out_is_seen(sealed: Sealed) -> None:
    reached = sealed(
        [
            reaching("socket.getaddrinfo('example.org', 443)"),
            reaching("socket.create_connection(('203.0.113.5', 443), 5)"),
            reaching("socket.create_connection(('2001:db8::5', 443), 5)"),
            reaching("socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('203.0.113.5', 9))"),
            reaching("pathlib.Path('~/left').expanduser().touch()"),
            reaching("socket.create_connection(('127.0.0.1', 443), 5)"),
        ]
    )
    assert [(told["contacts"], told["files"]) for told in reached] == [
        (["look-up of example.org"], []),
        (["connection to 203.0.113.5 port 443"], []),
        (["connection to 2001:db8::5 port 443"], []),
        (["packet to 203.0.113.5 port 9"], []),
        ([], ["left"]),
        ([], []),
    ]


@pytest.mark.slow
def test_no_way_in_asks_for_another_host_or_leaves_a_file_at_home(
    sealed: Sealed, photo: Path, face_folder: Path, tmp_path: Path
) -> None:
    album, run = tmp_path / "album", tmp_path / "runs" / "custom" / "tiny"
    album.mkdir()
    for name in ("a.png", "b.png"):
        shutil.copy(photo, album / name)
    lab = [
        ["train", f"data={face_folder}", "max_epochs=1", "--run", str(run), "--tensorboard", "--quiet"],
        [
            "search",
            "convnet",
            "max_epochs=1",
            "--data",
            str(face_folder),
            "--trials",
            "2",
            "--runs",
            str(tmp_path / "s"),
        ],
        ["export", str(run / "best.safetensors"), str(tmp_path / "tiny.onnx")],
        ["report", str(tmp_path / "runs"), "--out", str(tmp_path / "report")],
    ]
    ways = {
        "a photo": [*_PHOTOCHROM, "colorize", str(photo), "--out", str(tmp_path / "one")],
        "an album": [*_PHOTOCHROM, "colorize", str(album), "--out", str(tmp_path / "many"), "--jobs", "2"],
        "the Python API": [sys.executable, "-c", _API, str(photo), str(tmp_path / "api.png")],
        "the server and its page": [sys.executable, "-c", _VISIT, str(photo), str(tmp_path / "data")],
        "training, search, export and report": [sys.executable, "-c", _LAB, json.dumps(lab)],
    }
    for way, told in zip(ways, sealed(list(ways.values())), strict=True):
        assert told["status"] == 0, (way, told["output"])
        assert (told["contacts"], told["files"]) == ([], []), way
    assert (tmp_path / "report" / "report.html").is_file()


def environment(home: Path, **changes: str) -> dict[str, str]:
    """What a fresh user has: this process's own was set when it imported photochrom."""
    told = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    return told | {"HOME": str(home)} | changes


def test_coloring_a_photo_leaves_the_users_folders_empty(photo: Path, home: Path, tmp_path: Path) -> None:
    command = [*_PHOTOCHROM, "colorize", str(photo), "--out", str(tmp_path / "out")]
    subprocess.run(command, check=True, env=environment(home), capture_output=True)
    assert (tmp_path / "out" / "photo.png").is_file()
    assert list(home.rglob("*")) == []


@pytest.mark.parametrize(("chosen", "found"), [({}, "1"), ({"ORT_DISABLE_TELEMETRY": "0"}, "0")])
def test_telemetry_is_off_unless_the_user_has_chosen(home: Path, chosen: dict[str, str], found: str) -> None:
    program = "import os, photochrom; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    command = [sys.executable, "-c", program]
    told = subprocess.run(command, check=True, env=environment(home, **chosen), capture_output=True, text=True)
    assert told.stdout.split() == [found]


@pytest.mark.parametrize("program", sorted(_ROOT.glob("benchmarks/*.py")), ids=lambda path: path.stem)
def test_a_program_that_uses_onnx_runtime_imports_photochrom_first(program: Path) -> None:
    """ONNX Runtime sends while it is imported, and import sorting puts it before photochrom."""
    statements = [line for line in program.read_text().splitlines() if line.startswith(("import ", "from "))]
    assert "import onnxruntime" not in statements or statements[0].split()[1] == "photochrom"

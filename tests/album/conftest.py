import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from photochrom.coloring import Model, Options
from photochrom.workers import Pool

SIZE = (36, 28)


def _draw(path: Path | str, seed: int = 0, mode: str = "L") -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, SIZE, interpolation=cv2.INTER_LINEAR)
    Image.fromarray(picture).convert(mode).save(path)
    return path


@pytest.fixture(scope="session")
def draw() -> Callable[..., Path]:
    """Writes a smooth picture of 36x28 pixels as a file: `draw(path, seed=0, mode="L")`."""
    return _draw


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with photos below the current one, and what else lies in such folders."""
    monkeypatch.chdir(tmp_path)
    folder = Path("album")
    for seed, name in enumerate(("b.jpg", "a.png", "1950s/c.TIF", "1950s/deep/d.jpg")):
        _draw(folder / name, seed)
    _draw(folder / ".hidden.jpg")
    _draw(folder / ".thumbnails" / "e.jpg")
    (folder / "notes.txt").write_text("no photo")
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_network: Path) -> Options:
    """Options with a real network."""
    return Options(Model(str(tiny_network), None))


@pytest.fixture(scope="session")
def pool(tiny: Options) -> Iterator[Pool]:
    """Two workers, which tests share."""
    with Pool(tiny.model, workers=2) as pool:
        yield pool


_OBEDIENT = """
import os, signal, sys
from photochrom.album import color_photo as really_color

def color_photo(colorizer, source, options, targets=None):
    name = source.name
    if name.startswith("killed"):
        os.kill(os.getpid(), signal.SIGKILL)
    if name.startswith("ends"):
        os._exit(3)
    if name.startswith("fault"):
        raise ZeroDivisionError("grandmother")
    told = really_color(colorizer, source, options, targets)
    if name.startswith("waits"):
        signal.pause()
    return told
"""


@pytest.fixture
def obedient(album: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Workers that are started from now on obey the names of photos."""
    modules = tmp_path_factory.mktemp("modules")
    (modules / "obedient_tasks.py").write_text(_OBEDIENT)
    monkeypatch.setenv("PYTHONPATH", str(modules), prepend=":")
    monkeypatch.syspath_prepend(modules)
    monkeypatch.delitem(sys.modules, "obedient_tasks", raising=False)
    tasks = importlib.import_module("obedient_tasks")
    monkeypatch.setattr("photochrom.album._run.color_photo", tasks.color_photo)
    return tasks

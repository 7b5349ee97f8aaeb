import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from photochrom.coloring import Model
from photochrom.workers import Pool

_ODD_TASKS = """
import os, signal, sys
from photochrom.errors import ConfigError
from photochrom.workers import announce_size

def give(colorizer, value):
    return value

def process(colorizer):
    return os.getpid()

def chatter(colorizer):
    print("a decoder's remark", flush=True)
    os.write(1, b"another")
    os.write(2, b"and another")
    return [sys.stdin.read(), "an answer"]

def end(colorizer):
    os._exit(3)

def be_killed(colorizer):
    os.kill(os.getpid(), signal.SIGKILL)

def end_the_first_time(colorizer, marker):
    if not os.path.exists(marker):
        open(marker, "w").close()
        os._exit(3)
    return "the second time"

def fail(colorizer):
    raise ValueError("grandmother.jpg")

def refuse(colorizer):
    raise ConfigError("the hint lies outside the photo")

def give_what_is_not_plain(colorizer):
    return {1, 2}

def run_out_of_memory(colorizer):
    raise MemoryError

def hold(colorizer, pipe):
    with open(pipe) as held:  # waits until somebody writes
        return held.read()

def hold_open(colorizer, pipe):
    with open(pipe, "w"):  # whoever reads it waits until this process ends
        signal.pause()

def tell_size(colorizer, megapixels):
    announce_size(megapixels)

def surroundings(colorizer):
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    return {"modules": sorted(sys.modules), "path": sys.path, "blocks_ctrl_c": signal.SIGINT in blocked}
"""


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Tasks that no worker has otherwise; workers that are started from now on find them too."""
    folder = tmp_path_factory.mktemp("tasks")
    (folder / "odd_tasks.py").write_text(_ODD_TASKS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder), prepend=":")
        patch.syspath_prepend(folder)
        yield importlib.import_module("odd_tasks")
        del sys.modules["odd_tasks"]


_WITHOUT_NETWORKS = """
import sys, types
stand_in = types.ModuleType("photochrom.coloring._colorizer")
stand_in.Colorizer = lambda *arguments, **options: types.SimpleNamespace(remark="")
sys.modules[stand_in.__name__] = stand_in
from photochrom.workers._task import main
main()
"""


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that are started from now on load no networks, and so start in a moment; the odd tasks need none."""
    monkeypatch.setattr("photochrom.workers._worker._COMMAND", (sys.executable, "-P", "-c", _WITHOUT_NETWORKS))


@pytest.fixture(scope="module")
def model(tiny_network: Path) -> Model:
    """A small network that loads in a moment."""
    return Model(str(tiny_network), None)


@pytest.fixture
def pool(model: Model, odd: Any, bare: None) -> Iterator[Pool]:
    """One worker without networks."""
    with Pool(model) as pool:
        yield pool


@pytest.fixture(scope="module")
def real_pool(model: Model, odd: Any) -> Iterator[Pool]:
    """One worker as users have it."""
    with Pool(model) as pool:
        yield pool


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A pipe whose opening waits until the other side opens it too."""
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from photochrom.datasets._faces import draw_faces
from photochrom.datasets.synthetic import Synthetic


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Tests run side by side, one process a core."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def no_data_at_hand(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a machine has in its data folder must not change what tests see."""
    monkeypatch.setenv("PHOTOCHROM_DATA", str(tmp_path_factory.mktemp("no-data")))


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(host: object, *_: object, **__: object) -> None:
        pytest.fail(f"a test reached for {host!r}")

    monkeypatch.setattr("socket.getaddrinfo", refuse)


@pytest.fixture
def faces() -> Synthetic:
    """A data set that trains in a moment."""
    return Synthetic(train_count=48, val_count=16, test_count=8, size=24)


@pytest.fixture(scope="session")
def face_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Color pictures as files, in the three split folders."""
    root = tmp_path_factory.mktemp("faces")
    pictures = draw_faces(40, seed=5, size=32)
    for split, part in (("train", pictures[:24]), ("val", pictures[24:32]), ("test", pictures[32:])):
        (root / split).mkdir()
        save_pictures(root / split, part)
    return root


def save_pictures(folder: Path, pictures: np.ndarray) -> None:
    for index, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{index}.png")

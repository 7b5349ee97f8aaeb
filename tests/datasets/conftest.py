from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photochrom.datasets import SPLITS, study
from photochrom.datasets._storage import DATA_HOME_VARIABLE, content_digest


def _draw(seed: int) -> Image.Image:
    blocks = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((80, 80), Image.Resampling.BICUBIC)


@pytest.fixture
def data_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for added data, while the current directory is another empty one."""
    home, here = tmp_path / "data-home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    monkeypatch.setenv(DATA_HOME_VARIABLE, str(home))
    monkeypatch.chdir(here)
    return home


@pytest.fixture
def published(tmp_path: Path, data_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of eight drawn pictures that `study` takes for the published set."""
    root = tmp_path / "published"
    names = {"train": ("0", "1", "10", "2"), "val": ("0", "1"), "test": ("0", "1")}
    parts = {}
    for split in SPLITS:
        part = study._PARTS[split]
        (root / part.folder).mkdir(parents=True)
        for name in names[split]:
            picture = _draw(seed=SPLITS.index(split) * 100 + int(name))
            picture.convert("L" if split == "test" else "RGB").save(root / part.folder / f"{name}.jpg", quality=90)
        files = list((root / part.folder).iterdir())
        parts[split] = study._Part(part.folder, len(files), content_digest(files))
    monkeypatch.setattr(study, "_PARTS", parts)
    return root

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photochrom.lab.datasets import SPLITS, study
from photochrom.lab.datasets._catalogue import entry
from photochrom.lab.datasets._published import PictureCollection, split_by_name
from photochrom.lab.datasets._storage import DATA_HOME_VARIABLE, content_digest


def _draw(seed: int, size: tuple[int, int] = (80, 80)) -> Image.Image:
    blocks = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize(size, Image.Resampling.BICUBIC)


def _names(collection: str) -> Iterator[str]:
    """File names as each collection has them, without end."""
    for index in count():
        match collection:
            case "utkface":
                yield f"{index % 116}_{index % 2}_{index % 5}_{20170109150557335 + index}.jpg.chip.jpg"
            case "congress_portraits":
                yield f"S{index:06d}.jpg"
            case "cc0_portraits":
                yield f"{('female', 'male')[index % 2]}/{index // 2}.jpg"
            case "flickr8k":
                yield f"{index}_{index:010x}.jpg"
            case "lsp":
                yield f"im{index:05d}.jpg"
            case "ccp":
                yield f"photos/{index:04d}.jpg"
            case "imagenet_samples":
                yield f"n{index:08d}_thing.jpg"
            case "open_photos":
                yield f"{('openstax', '18f', 'dollarstreet', 'garments')[index % 4]}/{index}.jpg"


_SIZES = {
    "utkface": (200, 200),
    "congress_portraits": (100, 122),
    "cc0_portraits": (512, 512),
    "flickr8k": (176, 176),
    "lsp": (252, 168),
    "ccp": (192, 288),
    "imagenet_samples": (168, 224),
    "open_photos": (250, 168),
}


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


@pytest.fixture
def draw_collection(tmp_path: Path, data_home: Path) -> Callable[[str], Path]:
    """Draws a folder that is taken for one of the collections: 4 pictures to train, 2 to validate, 2 to test."""

    def draw(collection: str) -> Path:
        root, kind = tmp_path / f"drawn-{collection}", entry(collection)
        assert issubclass(kind, PictureCollection)
        missing = {"train": 4, "val": 2, "test": 2}
        for seed, name in enumerate(_names(collection)):
            split = split_by_name(name, kind.val_share, kind.test_share)
            if missing[split]:
                missing[split] -= 1
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                _draw(seed, _SIZES[collection]).save(root / name, "JPEG", quality=90)
                if collection == "ccp":
                    (root / "masks").mkdir(exist_ok=True)
                    mask = Image.new("L", _SIZES[collection], seed % 4)
                    mask.save(root / "masks" / f"{Path(name).stem}.png")
            if not any(missing.values()):
                return root
        raise AssertionError

    return draw

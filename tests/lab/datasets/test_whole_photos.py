"""Photos of any shape: kept whole, with their shape beside them, and without gray ones."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photochrom.lab.datasets import add, open_dataset
from photochrom.lab.datasets.ccp import ClothingCoParsing
from photochrom.lab.datasets.flickr8k import Flickr8k
from photochrom.lab.datasets.lsp import LeedsSportsPoses

Drawer = Callable[[str], Path]


def save_photo(path: Path, size: tuple[int, int], orientation: int = 1) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", size, (200, 90, 30)).save(path, "JPEG", exif=exif)


@pytest.mark.parametrize(
    ("size", "orientation", "aspect"), [((300, 200), 1, 1.5), ((200, 300), 1, 2 / 3), ((300, 200), 6, 2 / 3)]
)
def test_a_photo_s_shape_is_that_of_the_upright_picture(
    tmp_path: Path, size: tuple[int, int], orientation: int, aspect: float
) -> None:
    save_photo(tmp_path / "im00001.jpg", size, orientation)
    assert LeedsSportsPoses().aspect(tmp_path / "im00001.jpg") == pytest.approx(aspect)


def test_squares_of_flickr_have_an_unknown_shape_and_others_their_own(tmp_path: Path) -> None:
    save_photo(tmp_path / "square.jpg", (176, 176))
    save_photo(tmp_path / "wide.jpg", (240, 160))
    assert np.isnan(Flickr8k().aspect(tmp_path / "square.jpg"))
    assert Flickr8k().aspect(tmp_path / "wide.jpg") == 1.5


def test_whole_photos_are_squashed_and_tell_their_shape(data_home: Path, draw_collection: Drawer) -> None:
    add(draw_collection("lsp"))
    pairs = LeedsSportsPoses(size=64).split("train")
    assert pairs.truth.shape[1:] == (64, 64, 3)
    assert pairs.aspects is not None
    np.testing.assert_allclose(pairs.aspects, 1.5)
    with Image.open(data_home / "lsp" / pairs.names[0]) as image:
        expected = np.asarray(image.resize((64, 64), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(pairs.truth[0], expected)


def test_gray_photos_are_named_and_left_out(data_home: Path, draw_collection: Drawer) -> None:
    add(draw_collection("lsp"))
    first, *others = LeedsSportsPoses().split("train").names
    with Image.open(data_home / "lsp" / first) as image:
        gray = image.convert("L").convert("RGB")
    gray.save(data_home / "lsp" / first)
    pairs = LeedsSportsPoses().split("train")
    assert pairs.names == tuple(others)
    assert pairs.left_out == (f"{first}: a gray picture",)


def test_masks_come_along_and_are_no_photos(data_home: Path, draw_collection: Drawer) -> None:
    add(draw_collection("ccp"))
    dataset = ClothingCoParsing()
    assert all(path.parent.name == "photos" for path in dataset.pictures())
    masks = [dataset.mask(path) for path in dataset.pictures()]
    assert all(mask is not None and mask.is_file() for mask in masks)
    assert dataset.mask(data_home / "ccp" / "photos" / "9999.jpg") is None


def test_a_mixture_keeps_every_picture_s_shape(data_home: Path, draw_collection: Drawer) -> None:
    for collection in ("lsp", "cc0_portraits"):
        add(draw_collection(collection))
    pairs = open_dataset("lsp+2*cc0_portraits").split("train")
    assert pairs.aspects is not None
    portraits = [name.startswith("cc0_portraits/") for name in pairs.names]
    np.testing.assert_allclose(pairs.aspects, np.where(portraits, 1.0, 1.5))
    assert pairs.truth.shape[1:] == (192, 192, 3)


def test_a_share_of_a_part_is_chosen_by_names(data_home: Path, draw_collection: Drawer) -> None:
    for collection in ("lsp", "cc0_portraits"):
        add(draw_collection(collection))
    whole, half = (open_dataset(spec).split("train") for spec in ("lsp+cc0_portraits", "lsp+0.5*cc0_portraits"))
    assert set(half.names) < set(whole.names)
    assert half.names == open_dataset("lsp+0.5*cc0_portraits").split("train").names

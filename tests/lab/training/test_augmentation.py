import numpy as np
import pytest
import torch
from torch import Tensor

from photochrom.color import luma, rgb_to_chroma
from photochrom.lab.datasets._faces import draw_faces
from photochrom.lab.training._augmentation import _WEAR, Augmentation, get_augmentation
from photochrom.lab.training._predictions import rgb_batch


@pytest.fixture(scope="module")
def rgb() -> Tensor:
    return rgb_batch(torch.from_numpy(draw_faces(24, seed=6, size=40)))


def augmented(name: str, rgb: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    torch.manual_seed(seed)
    augmentation = get_augmentation(name, worn=0.4)
    assert augmentation is not None
    return augmentation(rgb)


def test_none_means_none() -> None:
    assert get_augmentation("none", worn=0.4) is None


def test_a_share_of_scenes_is_worn_and_no_faces(rgb: Tensor) -> None:
    for name, worn, is_worn in (("scenes", 0.0, False), ("scenes", 1.0, True), ("faces", 1.0, False)):
        augmentation = get_augmentation(name, worn)
        assert augmentation is not None
        torch.manual_seed(0)
        gray, color = augmentation(rgb)
        assert torch.equal(gray, luma(color)) != is_worn


@pytest.mark.parametrize("name", ["faces", "scenes"])
def test_pictures_keep_shape_and_range(name: str, rgb: Tensor) -> None:
    gray, color = augmented(name, rgb)
    assert gray.shape == (24, 1, 40, 40)
    assert color.shape == rgb.shape
    assert max(gray.abs().max(), color.abs().max()) <= 1.0 + 1e-5


def test_a_moved_face_is_gray_as_its_color_side_is(rgb: Tensor) -> None:
    gray, color = augmented("faces", rgb)
    torch.testing.assert_close(gray, luma(color))


@pytest.mark.parametrize("name", ["faces", "scenes"])
def test_randomness_is_torchs_own(name: str, rgb: Tensor) -> None:
    once, again, other = (augmented(name, rgb, seed)[0] for seed in (3, 3, 4))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)


def test_without_any_motion_a_picture_stays_or_is_mirrored(rgb: Tensor) -> None:
    torch.manual_seed(0)
    _, color = Augmentation(turn=0.0, shift=0.0, zoom=0.0)(rgb)
    stayed = np.array([torch.allclose(a, b, atol=1e-5) for a, b in zip(color, rgb, strict=True)])
    mirrored = np.array([torch.allclose(a, b.flip(2), atol=1e-5) for a, b in zip(color, rgb, strict=True)])
    assert (stayed | mirrored).all()
    assert stayed.any()
    assert mirrored.any()


def test_moving_does_not_tint(rgb: Tensor) -> None:
    _, color = augmented("faces", rgb)
    difference = rgb_to_chroma(color).mean(dim=(2, 3)) - rgb_to_chroma(rgb).mean(dim=(2, 3))
    assert difference.abs().max() < 0.06


def test_old_photographs_have_worn_gray_and_whole_color(rgb: Tensor) -> None:
    gray, color = augmented("scenes", rgb)
    distance = (gray - luma(color)).abs().mean(dim=(1, 2, 3))
    assert 4 <= int((distance > 0.01).sum()) <= 20
    assert int((distance < 1e-6).sum()) >= 4


@pytest.mark.parametrize("wear", _WEAR, ids=lambda wear: wear.__name__.strip("_"))
def test_each_kind_of_wear_changes_a_face_and_leaves_it_to_be_seen(wear: object, rgb: Tensor) -> None:
    torch.manual_seed(1)
    gray = luma(rgb)
    worn = wear(gray)  # type: ignore[operator]
    assert worn.shape == gray.shape
    assert worn.abs().max() <= 1.0 + 1e-5
    assert (worn - gray).abs().mean() > 0.004
    together = torch.stack([worn.flatten(1), gray.flatten(1)], dim=1)
    correlations = torch.stack([torch.corrcoef(pair)[0, 1] for pair in together])
    assert correlations.min() > 0.8


def test_pictures_with_odd_sides_can_be_worn(rgb: Tensor) -> None:
    gray, color = augmented("scenes", rgb[..., :39, :37])
    assert gray.shape[-2:] == color.shape[-2:] == (39, 37)


def ramps(count: int, side: int = 48) -> Tensor:
    """Pictures whose red grows from left to right and whose green from top to bottom."""
    columns = torch.linspace(-1.0, 1.0, side).expand(side, side)
    return torch.stack([columns, columns.T, torch.zeros(side, side)])[None].repeat(count, 1, 1, 1)


@pytest.mark.parametrize("aspect", [0.5, 1.0, 2.0])
def test_a_framed_picture_is_unsquashed(aspect: float) -> None:
    """Of a picture twice as wide as high, a square part spans half of the width and all of the height."""
    torch.manual_seed(0)
    framing = Augmentation(turn=0.0, shift=0.0, zoom=0.0, framed=True)
    _, color = framing(ramps(16), torch.full((16,), aspect))
    across = (color[:, 0, 24, -4] - color[:, 0, 24, 4]).abs()
    down = (color[:, 1, -4, 24] - color[:, 1, 4, 24]).abs()
    torch.testing.assert_close(across * aspect, down, rtol=0.02, atol=0.0)


def test_a_framed_picture_lies_anywhere_along_the_longer_side() -> None:
    torch.manual_seed(0)
    framing = Augmentation(turn=0.0, shift=0.0, zoom=0.0, framed=True)
    _, color = framing(ramps(64), torch.full((64,), 2.0))
    middles = color[:, 0, 24, 24]
    assert middles.min() < -0.4
    assert middles.max() > 0.4
    assert color[:, 1, 24, 24].abs().max() < 0.05


def test_an_unknown_shape_is_drawn_anew_for_each_picture() -> None:
    torch.manual_seed(0)
    framing = Augmentation(turn=0.0, shift=0.0, zoom=0.0, framed=True)
    _, color = framing(ramps(64), torch.full((64,), torch.nan))
    across = (color[:, 0, 24, -4] - color[:, 0, 24, 4]).abs()
    down = (color[:, 1, -4, 24] - color[:, 1, 4, 24]).abs()
    shapes = down / across
    wide = shapes > 1.0
    assert 0.5 < wide.float().mean() < 0.95
    assert ((shapes[wide] > 1.28) & (shapes[wide] < 1.52)).all()
    assert ((1.0 / shapes[~wide] > 1.28) & (1.0 / shapes[~wide] < 1.52)).all()

import numpy as np
import pytest
import torch
from torch import Tensor

from photochrom.color import luma, rgb_to_chroma
from photochrom.lab.datasets._faces import draw_faces
from photochrom.lab.training.augmentation import _WEAR, Augmentation, get_augmentation
from photochrom.lab.training.predictions import rgb_batch


@pytest.fixture(scope="module")
def rgb() -> Tensor:
    return rgb_batch(torch.from_numpy(draw_faces(24, seed=2, size=40)))


def augmented(name: str, rgb: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    torch.manual_seed(seed)
    augmentation = get_augmentation(name)
    assert augmentation is not None
    return augmentation(rgb)


def test_none_means_none() -> None:
    assert get_augmentation("none") is None


@pytest.mark.parametrize("name", ["faces", "photos"])
def test_pictures_keep_shape_and_range(name: str, rgb: Tensor) -> None:
    gray, color = augmented(name, rgb)
    assert gray.shape == (24, 1, 40, 40)
    assert color.shape == rgb.shape
    assert max(gray.abs().max(), color.abs().max()) <= 1.0 + 1e-5


def test_a_moved_face_is_gray_as_its_color_side_is(rgb: Tensor) -> None:
    gray, color = augmented("faces", rgb)
    torch.testing.assert_close(gray, luma(color))


@pytest.mark.parametrize("name", ["faces", "photos"])
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
    gray, color = augmented("photos", rgb)
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
    gray, color = augmented("photos", rgb[..., :39, :37])
    assert gray.shape[-2:] == color.shape[-2:] == (39, 37)

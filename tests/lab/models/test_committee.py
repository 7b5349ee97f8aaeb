"""The mean of several networks, held against its members."""

from pathlib import Path

import pytest
import torch

from photochrom.coloring.palette import marginals
from photochrom.errors import CheckpointError, ConfigError
from photochrom.lab import models
from photochrom.lab.checkpoint import Checkpoint, load_checkpoint, save_checkpoint, unite_checkpoints
from photochrom.lab.models import ColorizationModel, DistributionModel


def trained(name: str, seed: int, **hyperparameters: int) -> ColorizationModel:
    """A network with weights that no other has."""
    torch.manual_seed(seed)
    return models.create(name, hyperparameters).eval()


def gray_pictures(height: int, width: int) -> torch.Tensor:
    return torch.rand(2, 1, height, width, generator=torch.Generator().manual_seed(0)) * 2.0 - 1.0


def saved(folder: Path, *networks: ColorizationModel) -> list[Path]:
    paths = [folder / f"{number}.safetensors" for number in range(len(networks))]
    for path, network in zip(paths, networks, strict=True):
        save_checkpoint(path, Checkpoint(network, {"name": path.stem}, {"val_accuracy": 0.7}))
    return paths


def probabilities(network: ColorizationModel, gray: torch.Tensor) -> torch.Tensor:
    assert isinstance(network, DistributionModel)
    with torch.no_grad():
        given: torch.Tensor = network.probabilities(gray)
    return given


@pytest.mark.parametrize(("height", "width"), [(80, 80), (33, 47)])  # of their strides, 16 and 32, one fits 80
def test_its_probabilities_are_the_mean_of_its_members(tmp_path: Path, height: int, width: int) -> None:
    of_bins, of_palette = trained("chroma_unet", 1), trained("scene_unet", 2)
    unite_checkpoints(saved(tmp_path, of_bins, of_palette), tmp_path / "united")
    united = load_checkpoint(tmp_path / "united")
    gray = gray_pictures(height, width)
    mean = (probabilities(of_bins, gray) + marginals(probabilities(of_palette, gray))) / 2.0
    torch.testing.assert_close(probabilities(united.model, gray), mean, rtol=1e-4, atol=1e-6)
    assert (united.data, united.figures) == ({"name": "0+1", "parts": [{"name": "0"}, {"name": "1"}]}, {})


def test_members_see_the_mirror_image_where_they_see_the_picture(tmp_path: Path) -> None:
    """The stride of one does not fit 80: its padding must lie behind the mirror image too, not before it."""
    unite_checkpoints(saved(tmp_path, trained("chroma_unet", 1), trained("scene_unet", 2)), tmp_path / "united")
    united = load_checkpoint(tmp_path / "united").model
    mirrored = models.create("committee", {**united.hyperparameters, "mirrored": True}).eval()
    mirrored.load_state_dict(united.state_dict())
    gray = gray_pictures(80, 80)
    both = probabilities(united, gray) + probabilities(united, gray.flip(-1)).flip(-1)
    torch.testing.assert_close(probabilities(mirrored, gray), both / 2.0, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("members", "complaint"),
    [
        ("chroma_unet+committee", "no member of a committee"),
        ("convnet", "convnet gives no probabilities of chroma"),
        ("chroma_unet+scene_net", "did you mean 'scene_unet'"),
        ("", "no model is called"),
    ],
)
def test_what_cannot_be_a_member_is_refused(members: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        models.create("committee", {"members": members})


def test_a_network_whose_calibration_would_be_lost_is_refused(tmp_path: Path) -> None:
    torch.manual_seed(0)
    cool = models.create("scene_unet", {"temperature": 0.7, "mirrored": True}).eval()
    with pytest.raises(CheckpointError, match=r"1\.safetensors: has temperature=0\.7;"):
        unite_checkpoints(saved(tmp_path, trained("chroma_unet", 1), cool), tmp_path / "united")


def test_networks_that_cannot_be_united_are_named(tmp_path: Path) -> None:
    usual, small, values = saved(
        tmp_path, *(trained("chroma_unet", 1), trained("chroma_unet", 1, width=8)), trained("convnet", 1)
    )
    with pytest.raises(CheckpointError, match=r"1\.safetensors: has width=8; members of a committee have their usual"):
        unite_checkpoints([usual, small], tmp_path / "united")
    with pytest.raises(ConfigError, match="at least two networks, each of them once"):
        unite_checkpoints([usual, usual], tmp_path / "united")
    with pytest.raises(ConfigError, match="convnet gives no probabilities"):
        unite_checkpoints([usual, values], tmp_path / "united")
    assert not (tmp_path / "united").exists()

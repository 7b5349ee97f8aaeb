"""The contract of the catalogue of networks, held by every entry."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from photochrom.errors import ConfigError
from photochrom.lab import models
from photochrom.lab.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from photochrom.lab.models import ColorizationModel, DistributionModel

ENTRIES = models.available()


def make(name: str, seed: int = 0, **hyperparameters: Any) -> ColorizationModel:
    torch.manual_seed(seed)
    return models.create(name, hyperparameters)


def gray_pictures(count: int = 2, height: int = 32, width: int = 32) -> Tensor:
    """Every gray level, in a smooth ramp with some noise."""
    ramp = torch.linspace(-1.0, 1.0, count * height * width).reshape(count, 1, height, width)
    return (ramp + 0.02 * torch.randn(ramp.shape, generator=torch.Generator().manual_seed(1))).clamp(-1.0, 1.0)


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 47), (17, 80)])
def test_output_has_three_channels_and_the_size_of_the_input(name: str, height: int, width: int) -> None:
    color = make(name)(gray_pictures(2, height, width))
    assert color.shape == (2, 3, height, width)
    assert color.dtype == torch.float32
    assert bool(color.isfinite().all())


@pytest.mark.parametrize("name", ENTRIES)
def test_every_parameter_gets_a_gradient(name: str) -> None:
    model = make(name)
    # Of pictures that are halved to a single place, batch norm over two would let no gradient through.
    mse_loss(model(gray_pictures(2, 64, 64)), torch.zeros(2, 3, 64, 64)).backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert float(parameter.grad.abs().sum()) > 0, parameter_name


@pytest.mark.parametrize("name", ENTRIES)
def test_same_seed_gives_same_output(name: str) -> None:
    gray = gray_pictures()
    assert torch.equal(make(name, seed=3)(gray), make(name, seed=3)(gray))


@pytest.mark.parametrize("name", ENTRIES)
def test_pictures_of_a_batch_do_not_touch_each_other(name: str) -> None:
    model, gray = make(name).eval(), gray_pictures()
    torch.testing.assert_close(model(gray)[:1], model(gray[:1]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ENTRIES)
def test_checkpoint_rebuilds_it(name: str, tmp_path: Path) -> None:
    model = make(name, seed=4).eval()
    save_checkpoint(tmp_path / "weights.safetensors", Checkpoint(model))
    rebuilt = load_checkpoint(tmp_path / "weights.safetensors").model
    assert rebuilt.catalogue_name == name
    assert rebuilt.hyperparameters == model.hyperparameters
    assert torch.equal(rebuilt(gray_pictures()), model(gray_pictures()))


@pytest.mark.parametrize("name", ENTRIES)
def test_one_batch_can_be_overfitted(name: str) -> None:
    """The target is a sepia tint with the luma of the gray: every entry can express it, those that keep luma too."""
    model, gray = make(name), gray_pictures()
    if isinstance(model, DistributionModel):
        model.decoding = "mean"  # of a choice between colors there is no gradient
    tint = torch.tensor([0.25, -0.07887, -0.25]).reshape(1, 3, 1, 1)
    target = gray + tint * (1.0 - gray**2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses: list[float] = []
    while len(losses) < 150 and (not losses or losses[-1] >= 0.1 * losses[0]):
        optimizer.zero_grad()
        loss = mse_loss(model(gray), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]


@pytest.mark.parametrize("name", ENTRIES)
def test_misspelt_option_fails_and_names_the_right_ones(name: str) -> None:
    with pytest.raises(ConfigError, match="no_such_option") as failure:
        models.create(name, {"no_such_option": 1})
    for option in models.option_names(name):
        assert option in str(failure.value)


@pytest.mark.parametrize("name", ENTRIES)
def test_description_is_one_line(name: str) -> None:
    described, _, sentence = models.describe(name)
    assert described == name
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_unknown_network_fails_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="did you mean 'convnet'"):
        models.create("convnett")


def test_networks_do_not_import_each_other() -> None:
    folder = Path(models.__file__).parent
    for name in ENTRIES:
        source = (folder / f"{name}.py").read_text()
        for other in ENTRIES:
            assert f"photochrom.lab.models.{other} " not in source, f"{name} imports {other}"

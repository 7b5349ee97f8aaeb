import pytest
import torch
from torch import nn

from photochrom.errors import ConfigError
from photochrom.lab import models


def kinds(**hyperparameters: object) -> list[str]:
    model = models.create("convnet", hyperparameters)
    return [type(module).__name__ for module in model.modules() if not list(module.children())]


def test_default_is_the_studys_baseline() -> None:
    assert kinds() == ["Conv2d", "ReLU", "Conv2d"]
    assert models.create("convnet").parameter_count() == (25 * 1 * 4 + 4) + (25 * 4 * 3 + 3)


def test_four_layers_have_weights_of_their_own() -> None:
    model = models.create("convnet", {"num_layers": 4})
    middle = [module for module in model.modules() if isinstance(module, nn.Conv2d)][1:3]
    assert not torch.equal(middle[0].weight, middle[1].weight)
    assert model.parameter_count() == 104 + 2 * (25 * 4 * 4 + 4) + 303


def test_one_layer_is_a_single_convolution() -> None:
    assert kinds(num_layers=1) == ["Conv2d"]


def test_batch_norm_follows_every_convolution_but_the_last() -> None:
    assert kinds(num_layers=3, batch_norm=True) == ["Conv2d", "BatchNorm2d", "ReLU"] * 2 + ["Conv2d"]


def test_final_tanh_keeps_the_output_in_range() -> None:
    model = models.create("convnet", {"final_tanh": True})
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(50.0)
        assert float(model(torch.ones(1, 1, 16, 16)).abs().max()) <= 1.0
        assert float(model.layers[:-1](torch.ones(1, 1, 16, 16)).abs().max()) > 1.0


@pytest.mark.parametrize(
    ("option", "value"),
    [("kernel_size", 4), ("kernel_size", 0), ("num_layers", 0), ("hidden_channels", 0), ("hidden_channels", -1)],
)
def test_option_out_of_range_fails_by_name(option: str, value: int) -> None:
    with pytest.raises(ConfigError, match=option):
        models.create("convnet", {option: value})


@pytest.mark.parametrize(("option", "value"), [("num_layers", "2"), ("batch_norm", "yes"), ("num_layers", 2.5)])
def test_option_of_another_type_fails_by_name(option: str, value: object) -> None:
    with pytest.raises(ConfigError, match=option):
        models.create("convnet", {option: value})

"""What sets each of the other networks apart, in numbers worked out by hand."""

import numpy as np
import pytest
import torch

from photochrom.errors import ConfigError
from photochrom.lab import models
from photochrom.lab.models import ColorizationModel, SolvableModel, _catalogue
from photochrom.tensors import GrayBatch, RgbBatch


def conv_parameters(kernel: int, *channels: tuple[int, int]) -> int:
    return sum(kernel**2 * source * target + target for source, target in channels)


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("unet", "depth", 40),
        ("unet", "base_channels", 100_000),
        ("chroma_unet", "depth", 40),
        ("chroma_unet", "blocks", 10**9),
        ("chroma_unet", "width", 10**6),
        ("scene_unet", "width", 10**12),
        ("convnet", "num_layers", 10**9),
        ("convnet", "hidden_channels", 10**9),
        ("weirdnet", "kernel_size", 100_001),
    ],
)
def test_networks_that_no_memory_holds_are_refused_before_they_take_any(name: str, option: str, value: int) -> None:
    with pytest.raises(ConfigError, match=option):
        models.create(name, {option: value})


def test_counting_the_weights_leaves_the_order_of_random_numbers() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(1, 4, 5, padding="same")
    torch.manual_seed(0)
    first = models.create("convnet").state_dict()["layers.conv1.weight"]
    assert torch.equal(first, layer.weight)


def test_a_network_whose_constructor_computes_with_numbers_is_created(monkeypatch: pytest.MonkeyPatch) -> None:
    class Scaled(ColorizationModel):
        def __init__(self, *, count: int = 3) -> None:
            super().__init__()
            self.layer = torch.nn.Conv2d(1, 3, 1)
            self.scale = torch.linspace(0.0, 1.0, count).sum().item()

        def forward(self, gray: GrayBatch) -> RgbBatch:
            colored: RgbBatch = self.layer(gray) * self.scale
            return colored

    monkeypatch.setattr(_catalogue, "_registry", {"scaled": Scaled})
    assert models.create("scaled").hyperparameters == {"count": 3}


def test_flat_unet_has_the_channels_of_the_studys_program() -> None:
    expected = conv_parameters(5, (1, 8), (8, 12), (12, 18), (18, 16), (28, 12), (20, 3))
    assert models.create("unet_flat").parameter_count() == expected


def test_weirdnet_has_the_branches_of_the_studys_program() -> None:
    branches = conv_parameters(5, (1, 8), (8, 4), (1, 16), (16, 8), (1, 32), (32, 16))
    joints = conv_parameters(5, (12, 6), (20, 10), (24, 12), (28, 8), (8, 3))
    assert models.create("weirdnet").parameter_count() == branches + joints


def test_unet_doubles_channels_down_and_halves_them_up() -> None:
    down = conv_parameters(3, (1, 4), (4, 4), (4, 8), (8, 8), (8, 16), (16, 16))
    up = conv_parameters(3, (8 + 16, 8), (8, 8), (4 + 8, 4), (4, 4))
    model = models.create("unet", {"base_channels": 4, "depth": 2})
    assert model.parameter_count() == down + up + conv_parameters(1, (4, 3))


def test_unet_sees_further_than_the_flat_one() -> None:
    """A change in one corner reaches 17 pixels further only through the pooled levels."""

    def reach(name: str) -> float:
        torch.manual_seed(0)
        model = models.create(name).eval()
        gray = torch.zeros(1, 1, 64, 64)
        changed = gray.clone()
        changed[..., :4, :4] = 1.0
        return float((model(gray) - model(changed))[..., 20, 20].detach().abs().max())

    assert reach("unet") > 0.0
    assert reach("unet_flat") == 0.0


def test_autoencoder_has_no_way_round_its_code() -> None:
    model = models.create("autoencoder", {"code_channels": 2})
    codes: list[torch.Size] = []
    model.to_code.register_forward_hook(lambda _module, _inputs, output: codes.append(output.shape))
    model(torch.zeros(1, 1, 80, 80))
    assert codes == [torch.Size([1, 2, 20, 20])]


def test_fresh_lookup_table_copies_gray() -> None:
    gray = torch.linspace(-1.0, 1.0, 256).reshape(1, 1, 16, 16)
    torch.testing.assert_close(models.create("lookup_table")(gray), gray.expand(1, 3, 16, 16), atol=1e-6, rtol=0)


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """Gray 10 is red 100, 100 and 160; gray 20 is red 50; green and blue are 7."""
    gray = np.array([[[10, 10, 10, 20]]], dtype=np.uint8)
    color = np.full((1, 1, 4, 3), 7, dtype=np.uint8)
    color[0, 0, :, 0] = [100, 100, 160, 50]
    return gray, color


@pytest.mark.parametrize(("statistic", "red_at_10"), [("mean", 120.0), ("mode", 100.0)])
def test_lookup_table_is_solved_by_its_statistic(statistic: str, red_at_10: float) -> None:
    model = models.create("lookup_table", {"statistic": statistic})
    assert isinstance(model, SolvableModel)
    model.fit_in_closed_form(*pictures())
    levels = ((model.table + 1.0) * 127.5).detach()
    slack = 12.0 if statistic == "mode" else 0.01
    assert abs(float(levels[10, 0]) - red_at_10) < slack
    assert abs(float(levels[10, 1]) - 7.0) < slack


def test_lookup_table_fills_levels_that_never_occurred() -> None:
    model = models.create("lookup_table")
    assert isinstance(model, SolvableModel)
    model.fit_in_closed_form(*pictures())
    levels = ((model.table[:, 0] + 1.0) * 127.5).detach()
    assert float(levels[15]) == pytest.approx((120 + 50) / 2, abs=0.01)
    assert float(levels[0]) == pytest.approx(120, abs=0.01)
    assert float(levels[255]) == pytest.approx(50, abs=0.01)

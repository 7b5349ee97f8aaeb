from pathlib import Path

import pytest
import torch

from photochrom import models
from photochrom.checkpoint import Checkpoint
from photochrom.export import export_onnx


def _tiny_network() -> models.ColorizationModel:
    """Odds with high peaks that differ from place to place, so that even a cautious guess has colors."""
    torch.manual_seed(0)
    network = models.create("chroma_unet", {"width": 4, "depth": 2, "blocks": 1})
    with torch.no_grad():
        network.train()(torch.rand(4, 1, 64, 64) * 2.0 - 1.0)
        torch.nn.init.normal_(network.get_parameter("to_scores.weight"), std=3.0)
        # Somewhat blue or red by itself, for where odds say gray there would be nothing to see.
        values = torch.linspace(-1.0, 1.0, network.get_parameter("to_scores.bias").numel() // 2)
        humps = [-100.0 * (values - middle) ** 2 for middle in (-0.15, 0.15)]
        network.get_parameter("to_scores.bias").copy_(torch.cat(humps))
    return network.eval()


@pytest.fixture(scope="session")
def tiny_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that gives odds of chroma, as an ONNX file; made once, for an export takes seconds."""
    path = tmp_path_factory.mktemp("networks") / "tiny.onnx"
    export_onnx(Checkpoint(_tiny_network()), path)
    return path


@pytest.fixture(scope="session")
def network_without_odds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that gives color at once, as an ONNX file."""
    path = tmp_path_factory.mktemp("networks") / "convnet.onnx"
    export_onnx(Checkpoint(models.create("convnet", {}).eval()), path)
    return path

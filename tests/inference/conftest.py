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
        torch.nn.init.normal_(network.get_parameter("to_scores.weight"), std=1.5)
        # Peaks far out are rare in photos too; without this, most colors would be such as RGB cannot show.
        bins = torch.linspace(-1.0, 1.0, network.get_parameter("to_scores.bias").numel() // 2)
        network.get_parameter("to_scores.bias").copy_((-20.0 * bins**2).repeat(2))
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

"""The study's baseline: a plain stack of convolutions."""

from collections import OrderedDict
from itertools import pairwise

from torch import nn

from photochrom.lab.models._catalogue import register
from photochrom.lab.models._checks import require_at_least, require_at_most, require_odd
from photochrom.lab.models._colorizer import ColorizationModel
from photochrom.tensors import GrayBatch, RgbBatch


@register
class ConvNet(ColorizationModel):
    """Convolutions with ReLU between them, for pictures of any height and width.

    Every layer has its own weights. The study's program, of which its figures are, used one middle layer twice in its
    network of four layers, and also normalized after the last convolution.

    Args:
        num_layers: Number of convolutions.
        kernel_size: Side of every kernel; odd.
        hidden_channels: Channels between the convolutions; the study's "number of kernels".
        batch_norm: Whether to normalize after every convolution but the last.
        final_tanh: Whether to limit the output to [-1, 1].

    Raises:
        ConfigError: An argument is out of range.

    Reference:
        "Face Colorization with CNN Based Architectures", sections 1 and 2.
    """

    def __init__(
        self,
        *,
        num_layers: int = 2,
        kernel_size: int = 5,
        hidden_channels: int = 4,
        batch_norm: bool = False,
        final_tanh: bool = False,
    ) -> None:
        super().__init__()
        require_at_least(1, num_layers=num_layers, hidden_channels=hidden_channels)
        require_at_most(1000, num_layers=num_layers)
        require_odd(kernel_size=kernel_size)
        widths = [1, *[hidden_channels] * (num_layers - 1), 3]
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for index, (in_channels, out_channels) in enumerate(pairwise(widths), start=1):
            layers[f"conv{index}"] = nn.Conv2d(in_channels, out_channels, kernel_size, padding="same")
            if index < num_layers:
                if batch_norm:
                    layers[f"norm{index}"] = nn.BatchNorm2d(out_channels)
                layers[f"relu{index}"] = nn.ReLU(inplace=True)
        if final_tanh:
            layers["tanh"] = nn.Tanh()
        self.layers = nn.Sequential(layers)

    def forward(self, gray: GrayBatch) -> RgbBatch:
        """The color of gray pictures."""
        return self.layers(gray)

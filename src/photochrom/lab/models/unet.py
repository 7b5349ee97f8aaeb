"""The U-Net that the study describes: a contracting path, an expanding path, and skip connections."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, max_pool2d

from photochrom.lab.models._catalogue import register
from photochrom.lab.models._checks import require_at_least, require_at_most
from photochrom.lab.models._colorizer import ColorizationModel
from photochrom.tensors import GrayBatch, RgbBatch


def _double_conv(in_channels: int, out_channels: int, batch_norm: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for source in (in_channels, out_channels):
        layers.append(nn.Conv2d(source, out_channels, kernel_size=3, padding=1, bias=not batch_norm))
        if batch_norm:
            layers.append(nn.BatchNorm2d(out_channels))
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


@register
class UNet(ColorizationModel):
    """Channels double at every step down and halve at every step up; skip connections concatenate features.

    Height and width must be at least 2 ** depth. Odd sides are rounded down on the way down, and features are resized
    to those of the skip connection on the way up.

    Args:
        base_channels: Channels at full resolution.
        depth: How many times the resolution is halved; at most 10.
        batch_norm: Whether to normalize after every convolution but the last.

    Raises:
        ConfigError: An argument is smaller than 1, or the depth is above 10.

    Reference:
        Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", 2015;
        "Face Colorization with CNN Based Architectures", section 5.1.
    """

    def __init__(self, *, base_channels: int = 8, depth: int = 3, batch_norm: bool = False) -> None:
        super().__init__()
        require_at_least(1, base_channels=base_channels, depth=depth)
        require_at_most(10, depth=depth)
        self.least_side = 2**depth
        widths = [base_channels * 2**level for level in range(depth + 1)]
        self.contracting = nn.ModuleList(
            _double_conv(in_channels, out_channels, batch_norm) for in_channels, out_channels in pairwise([1, *widths])
        )
        self.expanding = nn.ModuleList(
            _double_conv(upper + lower, upper, batch_norm) for upper, lower in reversed(list(pairwise(widths)))
        )
        self.to_rgb = nn.Conv2d(base_channels, 3, kernel_size=1)

    def forward(self, gray: GrayBatch) -> RgbBatch:
        """The color of gray pictures."""
        features = self.contracting[0](gray)
        bridges: list[Tensor] = []
        for block in self.contracting[1:]:
            bridges.append(features)
            features = block(max_pool2d(features, kernel_size=2))
        for block, bridge in zip(self.expanding, reversed(bridges), strict=True):
            raised = interpolate(features, size=bridge.shape[-2:], mode="nearest")
            features = block(torch.cat([raised, bridge], dim=1))
        return self.to_rgb(features)

"""The network whose figures the study prints as its U-Net: skip connections at one resolution."""

from functools import partial

import torch
from torch import nn
from torch.nn.functional import relu

from photochrom.lab.models._catalogue import register
from photochrom.lab.models._checks import require_odd
from photochrom.lab.models._colorizer import ColorizationModel
from photochrom.tensors import GrayBatch, RgbBatch


@register
class FlatUNet(ColorizationModel):
    """Six convolutions with two concatenations and no pooling, for pictures of any height and width.

    The study's text describes a U-Net that contracts and expands (`unet`); its program was this network.

    Args:
        kernel_size: Side of every kernel; odd.

    Raises:
        ConfigError: The kernel size is even or smaller than 1.

    Reference:
        "Face Colorization with CNN Based Architectures", section 5.1, and the study's public program.
    """

    def __init__(self, *, kernel_size: int = 5) -> None:
        super().__init__()
        require_odd(kernel_size=kernel_size)
        conv = partial(nn.Conv2d, kernel_size=kernel_size, padding="same")
        self.in8 = conv(1, 8)
        self.in12 = conv(8, 12)
        self.middle18 = conv(12, 18)
        self.middle16 = conv(18, 16)
        self.out12 = conv(16 + 12, 12)
        self.out3 = conv(12 + 8, 3)

    def forward(self, gray: GrayBatch) -> RgbBatch:
        """The color of gray pictures."""
        first = relu(self.in8(gray))
        second = relu(self.in12(first))
        middle = relu(self.middle16(relu(self.middle18(second))))
        merged = relu(self.out12(torch.cat([middle, second], dim=1)))
        return self.out3(torch.cat([merged, first], dim=1))

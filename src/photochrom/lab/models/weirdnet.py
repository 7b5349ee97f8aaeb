"""The study's Weird-Net: three branches of different width, joined in pairs and then all together."""

from functools import partial

import torch
from torch import nn
from torch.nn.functional import leaky_relu

from photochrom.lab.models._catalogue import register
from photochrom.lab.models._checks import require_odd
from photochrom.lab.models._colorizer import ColorizationModel
from photochrom.tensors import GrayBatch, RgbBatch


@register
class WeirdNet(ColorizationModel):
    """Three branches with 1-8-4, 1-16-8 and 1-32-16 channels, their pairs 12-6, 20-10 and 24-12, and all 28-8-3.

    Leaky ReLU follows every convolution but the last two. Pictures may have any height and width.

    Args:
        kernel_size: Side of every kernel; odd.

    Raises:
        ConfigError: The kernel size is even or smaller than 1.

    Reference:
        "Face Colorization with CNN Based Architectures", section 5.2, and the study's public program.
    """

    def __init__(self, *, kernel_size: int = 5) -> None:
        super().__init__()
        require_odd(kernel_size=kernel_size)
        conv = partial(nn.Conv2d, kernel_size=kernel_size, padding="same")

        def branch(width: int) -> nn.Sequential:
            return nn.Sequential(
                conv(1, width),
                nn.LeakyReLU(inplace=True),
                conv(width, width // 2),
                nn.LeakyReLU(inplace=True),
            )

        self.narrow, self.middle, self.wide = branch(8), branch(16), branch(32)
        self.narrow_middle = conv(4 + 8, 6)
        self.narrow_wide = conv(4 + 16, 10)
        self.middle_wide = conv(8 + 16, 12)
        self.join = nn.Sequential(conv(6 + 10 + 12, 8), conv(8, 3))

    def forward(self, gray: GrayBatch) -> RgbBatch:
        """The color of gray pictures."""
        narrow, middle, wide = self.narrow(gray), self.middle(gray), self.wide(gray)
        pairs = [
            leaky_relu(self.narrow_middle(torch.cat([narrow, middle], dim=1))),
            leaky_relu(self.narrow_wide(torch.cat([narrow, wide], dim=1))),
            leaky_relu(self.middle_wide(torch.cat([middle, wide], dim=1))),
        ]
        return self.join(torch.cat(pairs, dim=1))

"""An auto-encoder: strided convolutions down to a small code and up again."""

import torch
from torch import nn
from torch.nn.functional import interpolate, relu

from photochrom.lab.models._catalogue import register
from photochrom.lab.models._checks import require_at_least
from photochrom.lab.models._colorizer import ColorizationModel
from photochrom.tensors import GrayBatch, RgbBatch


@register
class AutoEncoder(ColorizationModel):
    """Strided convolutions down to a small code and transposed ones up again, with a final tanh.

    Everything passes through the code, so fine detail is lost; this network shows how much. Height and width must be at
    least 4; the output is resized to the size of the input.

    Args:
        hidden_channels: Channels at half resolution.
        code_channels: Channels of the code, at a quarter of the resolution.

    Raises:
        ConfigError: An argument is smaller than 1.

    Reference:
        The command `autoencoder` of the study's public program, whose figures the study does not print.
    """

    least_side = 4

    def __init__(self, *, hidden_channels: int = 8, code_channels: int = 4) -> None:
        super().__init__()
        require_at_least(1, hidden_channels=hidden_channels, code_channels=code_channels)
        self.to_half = nn.Conv2d(1, hidden_channels, kernel_size=3, stride=2, padding=1)
        self.to_code = nn.Conv2d(hidden_channels, code_channels, kernel_size=3, stride=2, padding=1)
        self.from_code = nn.ConvTranspose2d(code_channels, hidden_channels, kernel_size=4, stride=2, padding=1)
        self.from_half = nn.ConvTranspose2d(hidden_channels, 3, kernel_size=4, stride=2, padding=1)

    def forward(self, gray: GrayBatch) -> RgbBatch:
        """The color of gray pictures."""
        code = relu(self.to_code(relu(self.to_half(gray))))
        color = self.from_half(relu(self.from_code(code)))
        if color.shape[-2:] != gray.shape[-2:]:
            color = interpolate(color, size=gray.shape[-2:], mode="bilinear", align_corners=False)
        return torch.tanh(color)

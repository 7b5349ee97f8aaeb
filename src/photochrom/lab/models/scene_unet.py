"""A U-Net with an encoder pretrained on ImageNet: probabilities of chroma for whole photos."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from photochrom.coloring.decoding import DECODINGS, PALETTE_DECODINGS
from photochrom.coloring.palette import PALETTE
from photochrom.errors import ConfigError
from photochrom.lab.models._catalogue import register
from photochrom.lab.models._checks import require_at_least
from photochrom.lab.models._distribution_model import ChromaDistributionModel
from photochrom.lab.models._efficientnet_lite import (
    FEATURE_CHANNELS,
    FEATURE_STRIDES,
    EfficientNetLite0,
    imagenet_weights,
)
from photochrom.tensors import GrayBatch

__all__ = ["SceneUNet"]

_WIDENING = (1.0, 1.0, 4 / 3, 2.0)
"""Channels at the strides 4, 8, 16 and 32, as multiples of the width."""


class _Level(nn.Module):
    """Three convolutions that join the encoder's features with those of the level below."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.join = _normalized(in_channels, out_channels, kernel_size=1)
        self.refine = nn.Sequential(
            _normalized(out_channels, out_channels, kernel_size=3),
            _normalized(out_channels, out_channels, kernel_size=3),
        )

    def forward(self, features: Tensor) -> Tensor:
        refined: Tensor = self.refine(self.join(features))
        return refined


def _normalized(in_channels: int, out_channels: int, kernel_size: int) -> nn.Sequential:
    convolution = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out_channels), nn.ReLU())


class _Decoder(nn.Module):
    """Logits of chroma at a quarter of the size from the encoder's features."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        widths = [round(width * factor) for factor in _WIDENING]
        _, *encoded, deepest = FEATURE_CHANNELS
        self.overview = nn.Sequential(nn.Linear(deepest, widths[-1]), nn.ReLU(), nn.Linear(widths[-1], widths[-1]))
        self.bottom = _Level(deepest, widths[-1])
        self.dropout = nn.Dropout2d(dropout)
        self.levels = nn.ModuleList(
            _Level(channels + lower, upper) for channels, (upper, lower) in zip(encoded, pairwise(widths), strict=True)
        )
        self.to_logits = nn.Conv2d(widths[0], len(PALETTE), kernel_size=1)

    def forward(self, encoded: Sequence[Tensor]) -> Tensor:
        _, *bridges, deepest = encoded
        features = self.bottom.join(deepest) + self.overview(deepest.mean(dim=(2, 3)))[:, :, None, None]
        features = self.bottom.refine(self.dropout(features))
        for level, bridge in zip(reversed(self.levels), reversed(bridges), strict=True):
            raised = functional.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)
            features = level(torch.cat([bridge, raised], dim=1))
        logits: Tensor = self.to_logits(features)
        return logits


_FIRST_STAGES = {8: 2, 16: 3, 32: 5}
"""The first stage at each stride."""


@register
class SceneUNet(ChromaDistributionModel):
    """Probabilities of colors at a quarter of the size, from features that tell skin, sky, grass and cloth apart.

    Pictures may have any size; see `ChromaDistributionModel`, also for `decoding`, `mirrored` and what follows them.
    The encoder is EfficientNet-Lite0. Its batch norm keeps its statistics in training, and its weights down to a stride
    of 4 are never trained; see `TrainingConfig.frozen_epochs` and `tuned_stride` for the others.

    Args:
        width: Channels at a quarter of the size.
        dropout: Share of the features dropped at the lowest level in training.
        decoding: How `forward` decodes.
        mirrored: Whether to average over the mirror image.
        temperature: What logits are divided by.
        steepness: How stated confidence is corrected.
        modesty: See there.

    Raises:
        ConfigError: An argument is out of range, or there is no such decoding.

    Reference:
        Ronneberger, Fischer and Brox, "U-Net", 2015; Iizuka, Simo-Serra and Ishikawa, "Let there be color!", 2016, for
        features of the whole picture; Zhang, Isola and Efros, "Colorful image colorization", 2016, for probabilities of
        colors on a grid.
    """

    decodings = (*DECODINGS, *PALETTE_DECODINGS)
    outcomes = (len(PALETTE),)

    def __init__(
        self,
        *,
        width: int = 96,
        dropout: float = 0.1,
        decoding: str = "mean",
        mirrored: bool = False,
        temperature: float = 1.0,
        steepness: float = 1.0,
        modesty: float = 1.0,
    ) -> None:
        super().__init__(FEATURE_STRIDES[-1], decoding, mirrored, temperature, steepness, modesty)
        require_at_least(1, width=width)
        if not 0.0 <= dropout < 1.0:
            raise ConfigError(f"dropout must be at least 0 and below 1, not {dropout}")
        self.encoder = EfficientNetLite0()
        self.decoder = _Decoder(width, dropout)

    def load_pretrained_weights(self) -> None:
        """Load the weights trained on ImageNet into the encoder.

        Raises:
            CheckpointError: The weights are not installed.
        """
        self.encoder.load_state_dict(imagenet_weights())

    def train_encoder_from(self, stride: int | None) -> None:
        """Choose which part of the encoder training changes: that from a stride of 8, 16 or 32 on; None for nothing."""
        self.encoder.requires_grad_(False)
        if stride is not None:
            self.encoder.stages[_FIRST_STAGES[stride] :].requires_grad_(True)

    def train_last_layer_only(self) -> None:
        """Let training change nothing but the last layer, on features as they are in use."""
        self.requires_grad_(False)
        self.decoder.to_logits.requires_grad_(True)

    def train(self, mode: bool = True) -> "SceneUNet":
        """Set training mode except where features stay as they are: in the encoder, or in all but the last layer."""
        learns_features = any(weights.requires_grad for weights in self.decoder.levels.parameters())
        super().train(mode and learns_features)
        self.encoder.eval()
        return self

    def raw_logits(self, continued: GrayBatch) -> Tensor:
        """Logits of the palette's colors at a quarter of the size."""
        logits: Tensor = self.decoder(self.encoder(continued))
        return logits

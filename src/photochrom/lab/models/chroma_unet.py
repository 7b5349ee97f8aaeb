"""A U-Net that keeps luma and gives probabilities of chroma, with the whole face in view."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from photochrom.coloring.distribution import BIN_COUNT
from photochrom.errors import ConfigError
from photochrom.lab.models._catalogue import register
from photochrom.lab.models._checks import require_at_least, require_at_most
from photochrom.lab.models._distribution_model import CHROMA_STRIDE, ChromaDistributionModel
from photochrom.tensors import GrayBatch

_STEM_CHANNELS = 24
_FIRST_RESIDUAL_SCALE = 0.1


class _Residual(nn.Module):
    """Two convolutions with a residual connection."""

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.first = _normalized(nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False))
        self.second = _normalized(nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False))
        self.dropout = nn.Dropout2d(dropout)
        # Starting near the identity lets a deep network begin as a shallow one (He et al. 2018, "Bag of tricks").
        nn.init.constant_(self.second.get_parameter("1.weight"), _FIRST_RESIDUAL_SCALE)

    def forward(self, features: Tensor) -> Tensor:
        change = self.second(functional.relu(self.first(features)))
        return functional.relu(features + self.dropout(change))


class _GlobalContext(nn.Module):
    """Adds global features to every place: the mean and the maximum of each channel over the picture."""

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.mix = nn.Sequential(
            nn.Linear(2 * channels, channels), nn.ReLU(), nn.Dropout(dropout), nn.Linear(channels, channels)
        )

    def forward(self, features: Tensor) -> Tensor:
        overview = torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))], dim=1)
        shift: Tensor = self.mix(overview)
        return features + shift[:, :, None, None]


def _normalized(convolution: nn.Conv2d) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels))


def _halving(in_channels: int, out_channels: int) -> nn.Sequential:
    convolution = nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=2, padding=1, bias=False)
    return nn.Sequential(*_normalized(convolution), nn.ReLU())


def _enlarge(features: Tensor, factor: int) -> Tensor:
    return functional.interpolate(features, scale_factor=factor, mode="bilinear", align_corners=False)


@register
class ChromaUNet(ChromaDistributionModel):
    """Probabilities of Cb and Cr at a quarter of the size, decoded and merged with the luma of the input.

    Pictures may have any size; see `ChromaDistributionModel`, also for `decoding` and `mirrored`.

    Args:
        width: Channels at a quarter of the size; each level below has twice as many.
        depth: Number of levels; at most 10.
        blocks: Residual blocks on each contracting level. The first level and the expanding ones have one each.
        dropout: Share of the features dropped at the lowest level in training.
        decoding: How `forward` decodes.
        mirrored: Whether to average over the mirror image.

    Raises:
        ConfigError: An argument is out of range, or there is no such decoding.

    Reference:
        Ronneberger, Fischer and Brox, "U-Net", 2015, for the skip connections; He et al., "Deep residual learning for
        image recognition", 2015; Iizuka, Simo-Serra and Ishikawa, "Let there be color!", 2016, for the global features;
        Zhang, Isola and Efros, "Colorful image colorization", 2016, for probabilities instead of values. Unlike there,
        Cb and Cr have a distribution each, which is enough for the study's measure.
    """

    def __init__(
        self,
        *,
        width: int = 64,
        depth: int = 3,
        blocks: int = 2,
        dropout: float = 0.1,
        decoding: str = "within",
        mirrored: bool = False,
    ) -> None:
        require_at_least(1, width=width, depth=depth, blocks=blocks)
        require_at_most(10, depth=depth)
        require_at_most(1000, blocks=blocks)
        if not 0.0 <= dropout < 1.0:
            raise ConfigError(f"dropout must be at least 0 and below 1, not {dropout}")
        super().__init__(CHROMA_STRIDE * 2 ** (depth - 1), decoding, mirrored)
        widths = [width * 2**level for level in range(depth)]
        self.stem = nn.Sequential(_halving(1, _STEM_CHANNELS), _halving(_STEM_CHANNELS, width))
        self.contracting = nn.ModuleList(
            nn.Sequential(*(_Residual(channels, 0.0) for _ in range(blocks if level else 1)))
            for level, channels in enumerate(widths[:-1])
        )
        self.halving = nn.ModuleList(_halving(upper, lower) for upper, lower in pairwise(widths))
        self.bottom = nn.Sequential(
            *(_Residual(widths[-1], dropout) for _ in range(blocks)), _GlobalContext(widths[-1], dropout)
        )
        self.narrowing = nn.ModuleList(
            _normalized(nn.Conv2d(lower, upper, kernel_size=1, bias=False)) for upper, lower in pairwise(widths)
        )
        self.expanding = nn.ModuleList(_Residual(channels, 0.0) for channels in widths[:-1])
        self.to_logits = nn.Conv2d(width, 2 * BIN_COUNT, kernel_size=1)

    def raw_logits(self, continued: GrayBatch) -> Tensor:
        """Logits of the bins of Cb and then of Cr, at a quarter of the size."""
        features = self.stem(continued)
        bridges: list[Tensor] = []
        for block, halve in zip(self.contracting, self.halving, strict=True):
            bridges.append(block(features))
            features = halve(bridges[-1])
        features = self.bottom(features)
        for level in reversed(range(len(bridges))):
            raised = _enlarge(self.narrowing[level](features), 2)
            features = self.expanding[level](functional.relu(bridges[level] + raised))
        logits: Tensor = self.to_logits(features)
        return logits

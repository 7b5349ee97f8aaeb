"""A U-Net that keeps luma and gives probabilities of chroma, seeing the whole face."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from photochrom.color import fit_gamut
from photochrom.coloring.distribution import (
    BIN_COUNT,
    DECODINGS,
    decode_chroma,
    probabilities_from_logits,
    probability_within,
    require_decoding,
    variant_chroma,
)
from photochrom.errors import ConfigError
from photochrom.lab.models._catalogue import register
from photochrom.lab.models._checks import require_at_least
from photochrom.lab.models._colorizer import ColorizationModel
from photochrom.tensors import ChromaProbabilities, GrayBatch, RgbBatch

__all__ = ["ChromaUNet"]

_STEM_STRIDE = 4
"""Chroma is predicted at a quarter of the size: true chroma, shrunk so and enlarged again, is within the study's
margin for 99.99 % of the values of its validation faces."""

_STEM_CHANNELS = 24
_FIRST_RESIDUAL_SCALE = 0.1


class _Residual(nn.Module):
    """Two convolutions whose result is added to their input."""

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
    """Adds to every place what the whole picture shows: its mean and its strongest features."""

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


def _cropped_to(gray: GrayBatch, coarse: Tensor) -> Tensor:
    """What was predicted at a quarter of the size, without what only continues the gray pictures."""
    # Rounded up without a negative number, which an ONNX graph would divide otherwise.
    height, width = ((side + _STEM_STRIDE - 1) // _STEM_STRIDE for side in gray.shape[-2:])
    return coarse[..., :height, :width]


def _enlarged_to(gray: GrayBatch, coarse: Tensor) -> Tensor:
    """What was predicted at a quarter of the size, at the size of the gray pictures."""
    height, width = gray.shape[-2:]
    return _enlarge(coarse, _STEM_STRIDE)[..., :height, :width]


def _merged(gray: GrayBatch, chroma: Tensor) -> RgbBatch:
    """Luma and chroma at a quarter of the size as color pictures."""
    return fit_gamut(gray, _enlarged_to(gray, chroma))


@register
class ChromaUNet(ColorizationModel):
    """Probabilities of Cb and Cr at a quarter of the size, read as one guess and merged with the luma of the input.

    Pictures may have any size: they are continued beyond their edges to the next multiple of what the network halves.

    Args:
        width: Channels at a quarter of the size; each level below has twice as many.
        depth: Levels.
        blocks: Residual blocks on each contracting level but the first, which has one, as every expanding level has.
        dropout: Share of the features dropped at the lowest level while training.
        decoding: Which guess `forward` gives; see `photochrom.coloring.distribution.DECODINGS`.
        mirrored: Whether probabilities are averaged over a picture and its mirror image, which takes twice the time and
            is a little nearer to the truth; training never does it.

    Raises:
        ConfigError: An argument is out of range, or there is no such decoding.

    Reference:
        Ronneberger, Fischer and Brox, "U-Net", 2015, for the bridges; He et al., "Deep residual learning for image
        recognition", 2015; Iizuka, Simo-Serra and Ishikawa, "Let there be color!", 2016, for the global features;
        Zhang, Isola and Efros, "Colorful image colorization", 2016, for probabilities instead of values. Those of Cb
        and Cr each, instead of pairs, are ours: the study's measure asks for no more.
    """

    decodings = tuple(DECODINGS)

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
        super().__init__()
        require_at_least(1, width=width, depth=depth, blocks=blocks)
        if not 0.0 <= dropout < 1.0:
            raise ConfigError(f"dropout must be at least 0 and below 1, not {dropout}")
        require_decoding(decoding)
        self.decoding = decoding
        self.mirrored = mirrored
        self.stride = _STEM_STRIDE * 2 ** (depth - 1)
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

    def logits(self, gray: GrayBatch) -> Tensor:
        """What becomes probabilities by a softmax.

        Args:
            gray: Shape (batch, 1, height, width), signed.

        Returns:
            Shape (batch, 2, bins, height / 4, width / 4), sides rounded up, any range.
        """
        features = self.stem(self._continued(gray))
        bridges: list[Tensor] = []
        for block, halve in zip(self.contracting, self.halving, strict=True):
            bridges.append(block(features))
            features = halve(bridges[-1])
        features = self.bottom(features)
        for level in reversed(range(len(bridges))):
            raised = _enlarge(self.narrowing[level](features), 2)
            features = self.expanding[level](functional.relu(bridges[level] + raised))
        logits = _cropped_to(gray, self.to_logits(features))
        # No len() of the batch: it would be fixed in an ONNX graph.
        return logits.reshape(gray.shape[0], 2, BIN_COUNT, *logits.shape[-2:])

    def probabilities(self, gray: GrayBatch) -> ChromaProbabilities:
        """The probabilities of chroma, in the shape of `logits`."""
        # Continued before it is mirrored, so that both grids of probabilities lie on the same places.
        continued = self._continued(gray)
        probabilities = probabilities_from_logits(self.logits(continued).float())
        if self.mirrored:
            mirror_image = probabilities_from_logits(self.logits(continued.flip(3)).float()).flip(4)
            probabilities = (probabilities + mirror_image) / 2.0
        return _cropped_to(gray, probabilities)

    def color(self, gray: GrayBatch, logits: Tensor) -> RgbBatch:
        """The color pictures that logits stand for, by the decoding that was chosen; the luma of the gray is kept."""
        return _merged(gray, decode_chroma(probabilities_from_logits(logits.float()), self.decoding))

    def forward(self, gray: GrayBatch) -> RgbBatch:
        """The color of gray pictures."""
        return _merged(gray, decode_chroma(self.probabilities(gray), self.decoding))

    def variants(self, gray: GrayBatch, count: int) -> list[RgbBatch]:
        """Several different colorings of gray pictures, each coherent in itself, the soberest first.

        Args:
            gray: Shape (batch, 1, height, width), signed.
            count: How many, from 1 to `photochrom.coloring.distribution.MAX_VARIANTS`.

        Returns:
            `count` times shape (batch, 3, height, width), signed.

        Raises:
            ConfigError: There are not so many.
        """
        return [_merged(gray, guess) for guess in variant_chroma(self.probabilities(gray), count)]

    def confidence(self, gray: GrayBatch) -> GrayBatch:
        """How likely red, and how likely blue, of `forward` lies within the study's margin: the mean; range [0, 1]."""
        probabilities = self.probabilities(gray)
        return _enlarged_to(gray, probability_within(probabilities, decode_chroma(probabilities, self.decoding)))

    def _continued(self, gray: GrayBatch) -> Tensor:
        """Pictures whose last row and column are repeated until the network can halve both sides."""
        height, width = gray.shape[-2:]
        return functional.pad(gray, (0, -width % self.stride, 0, -height % self.stride), mode="replicate")

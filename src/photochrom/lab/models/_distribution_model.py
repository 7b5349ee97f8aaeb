"""The base of networks that give probabilities of chroma at a quarter of the size."""

from abc import abstractmethod

import torch
from torch import Tensor
from torch.nn import functional

from photochrom.color import fit_gamut
from photochrom.coloring.decoding import (
    DECODINGS,
    as_observed,
    decode_chroma,
    probability_within,
    require_decoding,
    variant_chroma,
)
from photochrom.coloring.distribution import BIN_COUNT, probabilities_from_logits
from photochrom.errors import ConfigError
from photochrom.lab.models._colorizer import ColorizationModel
from photochrom.tensors import GrayBatch, Probabilities, RgbBatch

CHROMA_STRIDE = 4
"""Chroma is predicted at a quarter of the size. On the study's validation faces, true chroma that is shrunk so and
enlarged again is within the study's margin for 99.99 % of the values."""


class ChromaDistributionModel(ColorizationModel):
    """A network whose `logits` are turned into probabilities of chroma, decoded, and merged with the luma.

    Pictures may have any size: their edges are repeated up to the next multiple of `stride`.

    Attributes:
        outcomes: The shape of what has a probability: by default, Cb and Cr have bins each.

    Args:
        stride: Inside the network, height and width are multiples of this.
        decoding: How `forward` decodes; see `photochrom.coloring.decoding`.
        mirrored: Whether to average the probabilities of a picture and of its mirror image. This takes twice the time
            and is slightly more accurate; it is not done in training.
        temperature: What logits are divided by before they become probabilities, so that the stated confidence is
            right on photos that were not learnt from; below 1 if the network is too modest. Not used in training.
        steepness: How stated confidence is corrected where no temperature does it; see
            `photochrom.coloring.decoding.as_observed`.
        modesty: See there.

    Raises:
        ConfigError: There is no such decoding, or one of the last three is not positive.

    Reference:
        Guo et al., "On calibration of modern neural networks", 2017.
    """

    decodings: tuple[str, ...] = tuple(DECODINGS)
    outcomes: tuple[int, ...] = (2, BIN_COUNT)

    def __init__(
        self,
        stride: int,
        decoding: str,
        mirrored: bool,
        temperature: float = 1.0,
        steepness: float = 1.0,
        modesty: float = 1.0,
    ) -> None:
        super().__init__()
        require_decoding(decoding, self.decodings)
        for name, value in {"temperature": temperature, "steepness": steepness, "modesty": modesty}.items():
            if not value > 0.0:
                raise ConfigError(f"{name} must be above 0, not {value}")
        self.temperature = temperature
        self.steepness = steepness
        self.modesty = modesty
        self.stride = stride
        self.decoding = decoding
        self.mirrored = mirrored

    @abstractmethod
    def raw_logits(self, continued: GrayBatch) -> Tensor:
        """Logits of all outcomes in one row.

        Args:
            continued: Shape (batch, 1, height, width), signed; height and width are multiples of `stride`.

        Returns:
            Shape (batch, outcomes, height / 4, width / 4), any range.
        """

    def logits(self, gray: GrayBatch) -> Tensor:
        """Logits for a softmax over the bins or colors.

        Args:
            gray: Shape (batch, 1, height, width), signed.

        Returns:
            Shape (batch, *outcomes, height / 4, width / 4), sides rounded up, any range.
        """
        logits = _cropped_to(gray, self.raw_logits(self._continued(gray)))
        # len() would fix the batch size in an ONNX graph.
        return logits.reshape(gray.shape[0], *self.outcomes, *logits.shape[-2:])

    def probabilities(self, gray: GrayBatch) -> Probabilities:
        """The probabilities of chroma, in the shape of `logits`."""
        # Padded before it is mirrored, so that both grids of probabilities coincide.
        continued = self._continued(gray)
        if not self.mirrored:
            return _cropped_to(gray, self._calibrated(self.logits(continued)))
        # In one pass: for two, ONNX Runtime merges batch norm into weights twice and holds both, 37 MB more of `face`.
        both = self._calibrated(self.logits(torch.cat([continued, continued.flip(-1)])))
        plain, mirror_image = both[: gray.shape[0]], both[gray.shape[0] :]
        return _cropped_to(gray, (plain + mirror_image.flip(-1)) / 2.0)

    def _calibrated(self, logits: Tensor) -> Probabilities:
        logits = logits.float()
        return probabilities_from_logits(logits if self.temperature == 1.0 else logits / self.temperature)

    def color(self, gray: GrayBatch, logits: Tensor) -> RgbBatch:
        """The color that logits stand for, by the chosen decoding, with the luma of the gray pictures."""
        return _merged(gray, decode_chroma(self._calibrated(logits), self.decoding))

    def forward(self, gray: GrayBatch) -> RgbBatch:
        """The color of gray pictures."""
        return _merged(gray, decode_chroma(self.probabilities(gray), self.decoding))

    def variants(self, gray: GrayBatch, count: int) -> list[RgbBatch]:
        """The color that `forward` gives, then other colorings of gray pictures.

        Args:
            gray: Shape (batch, 1, height, width), signed.
            count: From 1 to `photochrom.coloring.distribution.MAX_VARIANTS`.

        Returns:
            `count` arrays of shape (batch, 3, height, width), signed.

        Raises:
            ConfigError: The count is out of range.
        """
        return [_merged(gray, guess) for guess in variant_chroma(self.probabilities(gray), self.decoding, count)]

    def confidence(self, gray: GrayBatch) -> GrayBatch:
        """The stated probability that a value of `forward` is within the study's margin; mean of red and blue."""
        probabilities = self.probabilities(gray)
        stated = probability_within(probabilities, decode_chroma(probabilities, self.decoding))
        return _enlarged_to(gray, as_observed(stated, self.steepness, self.modesty))

    def _continued(self, gray: GrayBatch) -> Tensor:
        """Pictures with their last row and column repeated up to the next multiple of the stride."""
        height, width = gray.shape[-2:]
        return functional.pad(gray, (0, -width % self.stride, 0, -height % self.stride), mode="replicate")


def _cropped_to(gray: GrayBatch, coarse: Tensor) -> Tensor:
    """A prediction at a quarter of the size without the part that belongs to the padding."""
    # An ONNX graph divides negative numbers differently, so this rounds up without one.
    height, width = ((side + CHROMA_STRIDE - 1) // CHROMA_STRIDE for side in gray.shape[-2:])
    return coarse[..., :height, :width]


def _enlarged_to(gray: GrayBatch, coarse: Tensor) -> Tensor:
    """A prediction at a quarter of the size, enlarged to the size of the gray pictures."""
    height, width = gray.shape[-2:]
    enlarged = functional.interpolate(coarse, scale_factor=CHROMA_STRIDE, mode="bilinear", align_corners=False)
    return enlarged[..., :height, :width]


def _merged(gray: GrayBatch, chroma: Tensor) -> RgbBatch:
    """Color from luma at full size and chroma at a quarter of it."""
    return fit_gamut(gray, _enlarged_to(gray, chroma))

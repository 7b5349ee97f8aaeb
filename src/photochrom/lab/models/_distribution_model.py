"""What networks have in common that give probabilities of chroma at a quarter of the size."""

from abc import abstractmethod

from torch import Tensor
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
from photochrom.lab.models._colorizer import ColorizationModel
from photochrom.tensors import ChromaProbabilities, GrayBatch, RgbBatch

__all__ = ["CHROMA_STRIDE", "ChromaDistributionModel"]

CHROMA_STRIDE = 4
"""Chroma is predicted at a quarter of the size: true chroma, shrunk so and enlarged again, is within the study's
margin for 99.99 % of the values of its validation faces."""


class ChromaDistributionModel(ColorizationModel):
    """A network whose `logits` are turned into probabilities of Cb and Cr, decoded, and merged with the luma.

    Pictures may have any size: they are continued beyond their edges to the next multiple of `stride`.

    Args:
        stride: What height and width must be multiples of inside the network.
        decoding: Which guess `forward` gives; see `photochrom.coloring.distribution.DECODINGS`.
        mirrored: Whether probabilities are averaged over a picture and its mirror image, which takes twice the time
            and is a little nearer to the truth; training never does it.

    Raises:
        ConfigError: There is no such decoding.
    """

    decodings = tuple(DECODINGS)

    def __init__(self, stride: int, decoding: str, mirrored: bool) -> None:
        super().__init__()
        require_decoding(decoding)
        self.stride = stride
        self.decoding = decoding
        self.mirrored = mirrored

    @abstractmethod
    def raw_logits(self, continued: GrayBatch) -> Tensor:
        """Logits of the bins of Cb and then of Cr.

        Args:
            continued: Shape (batch, 1, height, width), signed; height and width are multiples of `stride`.

        Returns:
            Shape (batch, 2 * bins, height / 4, width / 4), any range.
        """

    def logits(self, gray: GrayBatch) -> Tensor:
        """What becomes probabilities by a softmax.

        Args:
            gray: Shape (batch, 1, height, width), signed.

        Returns:
            Shape (batch, 2, bins, height / 4, width / 4), sides rounded up, any range.
        """
        logits = _cropped_to(gray, self.raw_logits(self._continued(gray)))
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
        """The probability that red, and that blue, of `forward` lies within the study's margin: the mean; [0, 1]."""
        probabilities = self.probabilities(gray)
        return _enlarged_to(gray, probability_within(probabilities, decode_chroma(probabilities, self.decoding)))

    def _continued(self, gray: GrayBatch) -> Tensor:
        """Pictures whose last row and column are repeated until the network can halve both sides."""
        height, width = gray.shape[-2:]
        return functional.pad(gray, (0, -width % self.stride, 0, -height % self.stride), mode="replicate")


def _cropped_to(gray: GrayBatch, coarse: Tensor) -> Tensor:
    """What was predicted at a quarter of the size, without what only continues the gray pictures."""
    # Rounded up without a negative number, which an ONNX graph would divide otherwise.
    height, width = ((side + CHROMA_STRIDE - 1) // CHROMA_STRIDE for side in gray.shape[-2:])
    return coarse[..., :height, :width]


def _enlarged_to(gray: GrayBatch, coarse: Tensor) -> Tensor:
    """What was predicted at a quarter of the size, at the size of the gray pictures."""
    height, width = gray.shape[-2:]
    enlarged = functional.interpolate(coarse, scale_factor=CHROMA_STRIDE, mode="bilinear", align_corners=False)
    return enlarged[..., :height, :width]


def _merged(gray: GrayBatch, chroma: Tensor) -> RgbBatch:
    """Luma and chroma at a quarter of the size as color pictures."""
    return fit_gamut(gray, _enlarged_to(gray, chroma))

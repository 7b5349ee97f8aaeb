"""The contract that every network keeps."""

from abc import abstractmethod
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from photochrom.tensors import ChromaProbabilities, GrayBatch, GrayPictures, RgbBatch, RgbPictures

__all__ = ["ColorizationModel", "DistributionModel", "EncodingModel", "SolvableModel"]


class ColorizationModel(nn.Module):
    """A network from signed gray to signed color.

    Attributes:
        catalogue_name: The name under which the catalogue made it.
        hyperparameters: The arguments that it was made with, defaults included.
    """

    catalogue_name: str
    hyperparameters: dict[str, Any]

    @abstractmethod
    def forward(self, gray: GrayBatch) -> RgbBatch:
        """The color of gray pictures.

        Args:
            gray: Shape (batch, 1, height, width), range [-1, 1].

        Returns:
            Shape (batch, 3, height, width), range [-1, 1], which networks without a final tanh may leave.
        """

    def parameter_count(self) -> int:
        """How many numbers training adjusts."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)


@runtime_checkable
class SolvableModel(Protocol):
    """A network whose best weights can be computed instead of learnt."""

    def fit_in_closed_form(self, gray: GrayPictures, color: RgbPictures) -> None:
        """Set the weights from pictures: gray (count, height, width), color (count, height, width, 3), uint8."""


@runtime_checkable
class EncodingModel(Protocol):
    """A network whose encoder comes with weights learnt elsewhere.

    Attributes:
        encoder: The part that those weights are of.
    """

    encoder: nn.Module

    def load_pretrained_weights(self) -> None:
        """Give the encoder what it learnt elsewhere.

        Raises:
            CheckpointError: The weights are not installed.
        """


@runtime_checkable
class DistributionModel(Protocol):
    """A network that gives probabilities of chroma, from which guesses of several kinds can be read.

    Attributes:
        decodings: The kinds of guesses.
        decoding: The kind that `forward` gives; may be set.
    """

    decodings: tuple[str, ...]
    decoding: str

    def logits(self, gray: GrayBatch) -> Tensor:
        """What becomes probabilities by a softmax, at a fraction of the size: shape (batch, 2, bins, rows, columns)."""

    def probabilities(self, gray: GrayBatch) -> ChromaProbabilities:
        """The probabilities of chroma, as `photochrom.coloring.distribution` reads them."""

    def color(self, gray: GrayBatch, logits: Tensor) -> RgbBatch:
        """The color pictures that logits stand for, by the decoding that was chosen."""

    def variants(self, gray: GrayBatch, count: int) -> list[RgbBatch]:
        """Several different colorings of gray pictures."""

    def confidence(self, gray: GrayBatch) -> GrayBatch:
        """How likely red and blue of `forward` lie within the study's margin of the truth, range [0, 1]."""

"""What every network provides."""

from abc import abstractmethod
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from photochrom.tensors import GrayBatch, GrayPictures, Probabilities, RgbBatch, RgbPictures


class ColorizationModel(nn.Module):
    """A network from signed gray to signed color.

    Attributes:
        catalogue_name: Its name in the catalogue.
        hyperparameters: The arguments of its constructor, defaults included.
        least_side: Pictures have at least so many pixels on each side.
    """

    catalogue_name: str
    hyperparameters: dict[str, Any]
    least_side: int = 1

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
    """A network whose best weights can be computed directly."""

    def fit_in_closed_form(self, gray: GrayPictures, color: RgbPictures) -> None:
        """Set the weights from pictures: gray (count, height, width), color (count, height, width, 3), uint8."""


@runtime_checkable
class EncodingModel(Protocol):
    """A network with an encoder for which pretrained weights exist."""

    encoder: nn.Module

    def load_pretrained_weights(self) -> None:
        """Load the pretrained weights into the encoder.

        Raises:
            CheckpointError: The weights are not installed.
        """

    def train_encoder_from(self, stride: int | None) -> None:
        """Choose which part of the encoder training changes: that from a stride of 8, 16 or 32 on; None for nothing."""

    def train_last_layer_only(self) -> None:
        """Let training change nothing but the last layer."""


@runtime_checkable
class DistributionModel(Protocol):
    """A network that gives probabilities of chroma, which can be decoded to color in several ways.

    Attributes:
        decodings: The names of these ways.
        decoding: The way that `forward` uses; can be set.
        steepness: How stated confidence is corrected; see `photochrom.coloring.decoding.as_observed`.
        modesty: See there.
    """

    decodings: tuple[str, ...]
    decoding: str
    steepness: float
    modesty: float

    def logits(self, gray: GrayBatch) -> Tensor:
        """Logits of what has a probability, at a fraction of the size; any range."""

    def probabilities(self, gray: GrayBatch) -> Probabilities:
        """The probabilities of chroma, as `photochrom.coloring.decoding` reads them."""

    def color(self, gray: GrayBatch, logits: Tensor) -> RgbBatch:
        """The color that logits stand for, by the chosen decoding."""

    def variants(self, gray: GrayBatch, count: int) -> list[RgbBatch]:
        """Several different colorings of gray pictures."""

    def confidence(self, gray: GrayBatch) -> GrayBatch:
        """The stated probability that red and blue of `forward` are within the study's margin of the truth."""

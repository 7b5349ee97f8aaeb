"""What training asks of a network, and what makes a picture of its answer."""

from abc import ABC, abstractmethod
from typing import cast

import torch
from torch import Tensor, nn

from photochrom.errors import ConfigError
from photochrom.lab.losses import Loss, chroma_cross_entropy, chroma_target, get_loss
from photochrom.lab.models import ColorizationModel, DistributionModel
from photochrom.tensors import GrayBatch, RgbBatch

__all__ = ["ColorObjective", "DistributionObjective", "Objective", "get_objective"]


class Objective(ABC):
    """A question to a network and how far its answer is from the truth."""

    @abstractmethod
    def answer(self, network: nn.Module, gray: GrayBatch) -> Tensor:
        """What the network says of gray pictures."""

    @abstractmethod
    def loss(self, answer: Tensor, truth: RgbBatch) -> Tensor:
        """How far that is from the truth, as a scalar."""

    @abstractmethod
    def color(self, gray: GrayBatch, answer: Tensor) -> RgbBatch:
        """The pictures that the answer stands for, signed."""


class ColorObjective(Objective):
    """Asks for color and compares it with the true color."""

    def __init__(self, loss: Loss) -> None:
        self._loss = loss

    def answer(self, network: nn.Module, gray: GrayBatch) -> Tensor:
        """Color, signed."""
        color: Tensor = network(gray)
        return color

    def loss(self, answer: Tensor, truth: RgbBatch) -> Tensor:
        """The loss that was chosen."""
        return self._loss(answer, truth)

    def color(self, gray: GrayBatch, answer: Tensor) -> RgbBatch:  # noqa: ARG002 - the answer is color already
        """The answer itself."""
        return answer


class DistributionObjective(Objective):
    """Asks for the probabilities of chroma and compares them with the true chroma."""

    def __init__(self, model: DistributionModel, doubling_chroma: float, compiled: bool) -> None:
        self._model = model
        self._doubling_chroma = doubling_chroma
        self._cross_entropy = torch.compile(chroma_cross_entropy) if compiled else chroma_cross_entropy

    def answer(self, network: nn.Module, gray: GrayBatch) -> Tensor:
        """Logits, from which a softmax makes probabilities."""
        return cast("DistributionModel", network).logits(gray).float()

    def loss(self, answer: Tensor, truth: RgbBatch) -> Tensor:
        """The cross entropy of the probabilities."""
        target = chroma_target(truth, *answer.shape[-2:])
        loss: Tensor = self._cross_entropy(answer, target, self._doubling_chroma)
        return loss

    def color(self, gray: GrayBatch, answer: Tensor) -> RgbBatch:
        """One guess, by the network's decoding."""
        return self._model.color(gray, answer)


def get_objective(
    loss: str, model: ColorizationModel, *, doubling_chroma: float = 0.0, compiled: bool = False
) -> Objective:
    """The objective that the setting `loss` means for a network.

    Args:
        loss: As of `TrainingConfig`.
        model: The network.
        doubling_chroma: As of `TrainingConfig`.
        compiled: Whether the cross entropy is compiled for this processor.

    Raises:
        ConfigError: There is no such loss, or the network does not give what it compares.
    """
    if loss != "cross_entropy":
        return ColorObjective(get_loss(loss))
    if not isinstance(model, DistributionModel):
        raise ConfigError(
            f"{model.catalogue_name} gives no probabilities of chroma; "
            "the loss cross_entropy needs chroma_unet or scene_unet"
        )
    return DistributionObjective(model, doubling_chroma, compiled)

"""What a network is trained on: color, or probabilities of chroma."""

from abc import ABC, abstractmethod
from typing import cast

import torch
from torch import Tensor, nn

from photochrom.errors import ConfigError
from photochrom.lab.losses import Loss, chroma_cross_entropy, chroma_target, get_loss
from photochrom.lab.models import ColorizationModel, DistributionModel
from photochrom.tensors import GrayBatch, RgbBatch


class Objective(ABC):
    """What is asked of a network, the loss of its answer, and the color that the answer stands for."""

    @abstractmethod
    def answer(self, network: nn.Module, gray: GrayBatch) -> Tensor:
        """The network's answer for gray pictures."""

    @abstractmethod
    def loss(self, answer: Tensor, truth: RgbBatch) -> Tensor:
        """The loss of an answer, a scalar."""

    @abstractmethod
    def color(self, gray: GrayBatch, answer: Tensor) -> RgbBatch:
        """The color that an answer stands for, signed."""


class ColorObjective(Objective):
    """The answer is color, and is compared with the true color."""

    def __init__(self, loss: Loss) -> None:
        self._loss = loss

    def answer(self, network: nn.Module, gray: GrayBatch) -> Tensor:
        """Color, signed."""
        color: Tensor = network(gray)
        return color

    def loss(self, answer: Tensor, truth: RgbBatch) -> Tensor:
        """The chosen loss."""
        return self._loss(answer, truth)

    def color(self, gray: GrayBatch, answer: Tensor) -> RgbBatch:  # noqa: ARG002 - the answer is color
        """The answer itself."""
        return answer


class DistributionObjective(Objective):
    """The answer is logits of chroma, and is compared with the true chroma."""

    def __init__(self, model: DistributionModel, doubling_chroma: float, compiled: bool) -> None:
        self._model = model
        self._doubling_chroma = doubling_chroma
        self._cross_entropy = torch.compile(chroma_cross_entropy) if compiled else chroma_cross_entropy

    def answer(self, network: nn.Module, gray: GrayBatch) -> Tensor:
        """Logits of chroma."""
        return cast("DistributionModel", network).logits(gray).float()

    def loss(self, answer: Tensor, truth: RgbBatch) -> Tensor:
        """The cross entropy."""
        target = chroma_target(truth, *answer.shape[-2:])
        loss: Tensor = self._cross_entropy(answer, target, self._doubling_chroma)
        return loss

    def color(self, gray: GrayBatch, answer: Tensor) -> RgbBatch:
        """The color by the network's decoding."""
        return self._model.color(gray, answer)


def get_objective(
    loss: str, model: ColorizationModel, *, doubling_chroma: float = 0.0, compiled: bool = False
) -> Objective:
    """The objective of the setting `loss` for a network."""
    if loss != "cross_entropy":
        return ColorObjective(get_loss(loss))
    if not isinstance(model, DistributionModel):
        raise ConfigError(
            f"{model.catalogue_name} gives no probabilities of chroma; "
            "the loss cross_entropy needs chroma_unet or scene_unet"
        )
    return DistributionObjective(model, doubling_chroma, compiled)

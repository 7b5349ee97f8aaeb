"""What a network is trained on: color, or probabilities of chroma."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from photochrom.errors import ConfigError
from photochrom.lab.losses import chroma_cross_entropy, chroma_target, chroma_weight, get_loss
from photochrom.lab.models import ColorizationModel, DistributionModel
from photochrom.tensors import GrayBatch, RgbBatch


@dataclass(frozen=True)
class Objective:
    """What is asked of a network, the loss of its answer, and the color that the answer stands for.

    Attributes:
        answer: Gives a network's answer for gray pictures.
        loss: Gives the loss of an answer against the true color, a scalar: a mean over the pictures.
        weight: Gives what an answer counts for in the mean over several, a scalar.
        color: Gives the color, signed, that the answer for gray pictures stands for.
    """

    answer: Callable[[nn.Module, GrayBatch], Tensor]
    loss: Callable[[Tensor, RgbBatch], Tensor]
    weight: Callable[[Tensor, RgbBatch], Tensor]
    color: Callable[[GrayBatch, Tensor], RgbBatch]


def get_objective(
    loss: str, model: ColorizationModel, *, doubling_chroma: float = 0.0, compiled: bool = False
) -> Objective:
    """The objective of the setting `loss` for a network."""
    if loss != "cross_entropy":
        return Objective(lambda network, gray: network(gray), get_loss(loss), _pictures, lambda _, answer: answer)
    if not isinstance(model, DistributionModel):
        raise ConfigError(
            f"{model.catalogue_name} gives no probabilities of chroma; "
            "the loss cross_entropy needs chroma_unet, scene_unet or committee"
        )
    cross_entropy = torch.compile(chroma_cross_entropy) if compiled else chroma_cross_entropy

    def logits(network: nn.Module, gray: GrayBatch) -> Tensor:
        return cast("DistributionModel", network).logits(gray).float()

    def loss_of_logits(answer: Tensor, truth: RgbBatch) -> Tensor:
        return cross_entropy(answer, chroma_target(truth, *answer.shape[-2:]), doubling_chroma)

    def weight_of_places(answer: Tensor, truth: RgbBatch) -> Tensor:
        return chroma_weight(chroma_target(truth, *answer.shape[-2:]), doubling_chroma).mean() * len(truth)

    return Objective(logits, loss_of_logits, weight_of_places if doubling_chroma else _pictures, model.color)


def _pictures(_: Tensor, truth: RgbBatch) -> Tensor:
    return torch.tensor(float(len(truth)), device=truth.device)

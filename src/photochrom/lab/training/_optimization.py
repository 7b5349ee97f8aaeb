"""How weights change: the optimizer, the schedule of its step size, and the average of the weights."""

import math
from collections.abc import Sequence
from typing import Any

from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from photochrom.lab.models import ColorizationModel, EncodingModel
from photochrom.lab.training._config import TrainingConfig

_RISING_SHARE = 0.2
_FEWEST_STEPS_OF_A_CYCLE = 6
"""With fewer steps the rise would have none of its own, and torch divides by their number."""


def get_optimizer(config: TrainingConfig, model: ColorizationModel, *, tunes_encoder: bool = False) -> Optimizer:
    """The optimizer of a configuration.

    Args:
        tunes_encoder: Whether it is for the epochs after the frozen ones.
    """
    if config.optimizer == "sgd":
        return SGD(
            model.parameters(),
            lr=config.learning_rate,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
        )
    rate = config.learning_rate * (config.tuning_rate if tunes_encoder else 1.0)
    return AdamW(_parameter_groups(config, model, rate), lr=rate, weight_decay=config.weight_decay)


def _parameter_groups(config: TrainingConfig, model: ColorizationModel, rate: float) -> list[dict[str, Any]]:
    """The weights grouped by step size: a pretrained encoder takes smaller steps."""
    if not isinstance(model, EncodingModel):
        return [{"params": list(model.parameters())}]
    encoder = list(model.encoder.parameters())
    known = {id(parameter) for parameter in encoder}
    others = [parameter for parameter in model.parameters() if id(parameter) not in known]
    return [{"params": others}, {"params": encoder, "lr": rate * config.encoder_rate}]


def pictures_by_epoch(config: TrainingConfig, count: int, in_focus: int) -> list[int]:
    """How many pictures each epoch shows, counted from the first picture.

    Args:
        in_focus: Those of a mixture's first data set.
    """
    broad_epochs = max(config.max_epochs - config.focus_epochs, 0)
    return [count if epoch < broad_epochs else in_focus for epoch in range(config.max_epochs)]


def get_schedule(config: TrainingConfig, optimizer: Optimizer, pictures: Sequence[int]) -> OneCycleLR | None:
    """The schedule of the step size; None if it is constant.

    Args:
        pictures: How many each epoch of the cycle shows.

    Reference:
        Smith and Topin, "Super-convergence", 2017.
    """
    if config.schedule == "constant":
        return None
    steps = sum(math.ceil(count / config.batch_size) for count in pictures)
    return OneCycleLR(
        optimizer,
        [group["lr"] for group in optimizer.param_groups],
        total_steps=max(steps, _FEWEST_STEPS_OF_A_CYCLE),
        pct_start=_RISING_SHARE,
        div_factor=10.0,
        final_div_factor=100.0,
        cycle_momentum=config.optimizer == "adamw",
    )


def get_average(config: TrainingConfig, model: ColorizationModel) -> AveragedModel | None:
    """The moving average of the weights and of the statistics of batch norm; None if it is not asked for."""
    if not config.average:
        return None
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(config.average), use_buffers=True)  # type: ignore[no-untyped-call]

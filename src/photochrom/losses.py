"""Losses between predicted and true color, as pure functions by name."""

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import l1_loss, mse_loss, smooth_l1_loss

from photochrom.errors import ConfigError

__all__ = ["LOSSES", "Loss", "get_loss"]

Loss = Callable[[Tensor, Tensor], Tensor]
"""From prediction and target, both signed of shape (batch, 3, height, width), to a scalar."""


def _smooth_l1(prediction: Tensor, target: Tensor) -> Tensor:
    """Quadratic below the study's margin of 12 levels, which is where an error stops to matter; linear above."""
    return smooth_l1_loss(prediction, target, beta=12 / 127.5)


LOSSES: dict[str, Loss] = {"l1": l1_loss, "mse": mse_loss, "smooth_l1": _smooth_l1}


def get_loss(name: str) -> Loss:
    """The loss of that name.

    Raises:
        ConfigError: There is none.
    """
    if name not in LOSSES:
        raise ConfigError(f"no loss is called {name!r}; there are: {', '.join(LOSSES)}")
    return LOSSES[name]

"""Losses between predicted and true color, as pure functions by name."""

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, l1_loss, mse_loss, smooth_l1_loss

from photochrom.color import rgb_to_chroma
from photochrom.coloring.distribution import soft_bins
from photochrom.errors import ConfigError

__all__ = ["LOSSES", "Loss", "chroma_cross_entropy", "get_loss"]

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


def chroma_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """How badly logits of chroma foretell the true chroma, which is first averaged to their size.

    Args:
        logits: Shape (batch, 2, bins, smaller height, smaller width), any range.
        target: Color; shape (batch, 3, height, width), signed.

    Returns:
        A scalar, the mean over places and over Cb and Cr; at least the entropy of the bell that `soft_bins` gives.
    """
    height, width = logits.shape[-2:]
    chroma = adaptive_avg_pool2d(rgb_to_chroma(target), (height, width))
    probabilities: Tensor = soft_bins(chroma)
    return -(probabilities * logits.log_softmax(dim=2)).sum(dim=2).mean()

"""Losses between predicted and true color, as pure functions by name."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, l1_loss, mse_loss, smooth_l1_loss

from photochrom.color import rgb_to_chroma
from photochrom.coloring.distribution import BIN_CENTERS, BIN_WIDTH
from photochrom.coloring.palette import PALETTE, PALETTE_STEP, is_of_palette
from photochrom.errors import ConfigError
from photochrom.tensors import ChromaBatch, ChromaProbabilities, ColorProbabilities, RgbBatch

Loss = Callable[[Tensor, Tensor], Tensor]
"""From prediction and target, both signed of shape (batch, 3, height, width), to a scalar."""


def _smooth_l1(prediction: Tensor, target: Tensor) -> Tensor:
    """Quadratic below the study's margin of 12 levels, where errors no longer count, and linear above."""
    return smooth_l1_loss(prediction, target, beta=12 / 127.5)


LOSSES: dict[str, Loss] = {"l1": l1_loss, "mse": mse_loss, "smooth_l1": _smooth_l1}


def get_loss(name: str) -> Loss:
    """The loss of that name."""
    if name not in LOSSES:
        raise ConfigError(f"no loss is called {name!r}; there are: {', '.join(LOSSES)}")
    return LOSSES[name]


def chroma_target(color: RgbBatch, height: int, width: int) -> Tensor:
    """The true chroma, averaged to the size of a network's logits.

    Args:
        color: Shape (batch, 3, larger height, larger width), signed.

    Returns:
        Shape (batch, 2, height, width), range [-1, 1].
    """
    averaged: Tensor = adaptive_avg_pool2d(rgb_to_chroma(color), (height, width))
    return averaged


def soft_bins(chroma: ChromaBatch) -> ChromaProbabilities:
    """Target probabilities of bins: a bell around the true value, as wide as a bin.

    Unlike a single true bin, it makes a near miss cost less than a far one.

    Args:
        chroma: Shape (batch, 2, height, width), range [-1, 1].

    Returns:
        Shape (batch, 2, bins, height, width); the bins of a place sum to 1.
    """
    centers = torch.from_numpy(BIN_CENTERS).to(chroma).reshape(1, 1, -1, 1, 1)
    return (-0.5 * ((chroma[:, :, None] - centers) / BIN_WIDTH) ** 2).softmax(dim=2)


def soft_palette(chroma: ChromaBatch) -> ColorProbabilities:
    """Target probabilities of a palette's colors: a bell around the true color, half as wide as their distance.

    Args:
        chroma: Shape (batch, 2, height, width), range [-1, 1].

    Returns:
        Shape (batch, colors, height, width); the colors of a place sum to 1.
    """
    palette = torch.from_numpy(PALETTE).to(chroma)[:, :, None, None]
    squares = [(chroma[:, None, axis] - palette[:, axis]).square() for axis in range(2)]
    return ((squares[0] + squares[1]) * (-0.5 / (0.5 * PALETTE_STEP) ** 2)).softmax(dim=1)


def chroma_cross_entropy(logits: Tensor, chroma: ChromaBatch, doubling_chroma: float = 0.0) -> Tensor:
    """The cross entropy of logits against the true chroma.

    Args:
        logits: Shape (batch, 2, bins, height, width), or (batch, colors, height, width) for a palette; any range.
        chroma: The truth, as `chroma_target` gives it; shape (batch, 2, height, width).
        doubling_chroma: Length of chroma, in levels of 255, at which a place has twice the weight of a gray one. Strong
            colors are rare in photos, and with equal weights a network becomes pale. 0 weights all places equally.

    Returns:
        A scalar: the weighted mean over places, and over Cb and Cr if they have bins each; at least the entropy of the
        bell of `soft_bins` or `soft_palette`.
    """
    if is_of_palette(logits):
        entropy: Tensor = -(soft_palette(chroma) * logits.log_softmax(dim=1)).sum(dim=1)
    else:
        entropy = -(soft_bins(chroma) * logits.log_softmax(dim=2)).sum(dim=2).mean(dim=1)
    if not doubling_chroma:
        return entropy.mean()
    weight = chroma_weight(chroma, doubling_chroma)
    return (entropy * weight).mean() / weight.mean()


def chroma_weight(chroma: ChromaBatch, doubling_chroma: float) -> Tensor:
    """The weight of each place in `chroma_cross_entropy`; shape (batch, height, width).

    Args:
        chroma: The truth; shape (batch, 2, height, width).
        doubling_chroma: See there; above 0.
    """
    weight: Tensor = 1.0 + chroma.square().sum(dim=1).sqrt() * (127.5 / doubling_chroma)
    return weight

"""Stopping rules on lists of validation losses."""

from collections.abc import Sequence
from itertools import pairwise


def has_settled(losses: Sequence[float], patience: int = 10, min_delta: float = 5e-5) -> bool:
    """The study's rule: stop when the loss hardly changes.

    Args:
        losses: Validation loss of each epoch so far.
        patience: Number of last losses that are compared; the rule needs more losses than this.
        min_delta: Consecutive losses must differ by less than this.

    Reference:
        "Face Colorization with CNN Based Architectures", section 3.1; more losses than `patience` are needed as in the
        study's public program.

    Example:
        >>> has_settled([0.5, 0.1, 0.1, 0.1], patience=3)
        True
        >>> has_settled([0.5, 0.1, 0.2, 0.1], patience=3)
        False
    """
    if len(losses) <= patience:
        return False
    return all(abs(after - before) < min_delta for before, after in pairwise(losses[-patience:]))


def is_out_of_patience(losses: Sequence[float], patience: int = 10, min_delta: float = 0.0) -> bool:
    """The usual rule: stop when the best loss is `patience` epochs old.

    Args:
        losses: Validation loss of each epoch so far.
        patience: Number of epochs without a new best.
        min_delta: A new best must be lower than the old one by more than this.

    Example:
        >>> is_out_of_patience([0.3, 0.1, 0.2, 0.2], patience=2)
        True
        >>> is_out_of_patience([0.3, 0.1, 0.2, 0.09], patience=2)
        False
    """
    best, best_epoch = float("inf"), -1
    for epoch, loss in enumerate(losses):
        if loss < best - min_delta:
            best, best_epoch = loss, epoch
    return len(losses) - 1 - best_epoch >= patience

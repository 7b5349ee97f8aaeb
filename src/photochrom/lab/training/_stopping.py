"""When to stop: rules on plain lists of validation losses."""

from collections.abc import Sequence
from itertools import pairwise

__all__ = ["has_settled", "is_out_of_patience"]


def has_settled(losses: Sequence[float], patience: int = 10, min_delta: float = 5e-5) -> bool:
    """The study's rule: the loss has hardly moved for a while.

    Args:
        losses: Validation loss of each epoch so far.
        patience: How many of the last losses are looked at; there must be more than that before the rule speaks.
        min_delta: Every two neighbours among them differ by less than this.

    Returns:
        Whether to stop.

    Reference:
        "Face Colorization with CNN Based Architectures", section 3.1; that more losses than `patience` must be there
        is what the study's public program asks.

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
    """The usual rule: the best loss is `patience` epochs old.

    Args:
        losses: Validation loss of each epoch so far.
        patience: How many epochs may pass without a new best.
        min_delta: A new best must be lower than the old one by more than this.

    Returns:
        Whether to stop.

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

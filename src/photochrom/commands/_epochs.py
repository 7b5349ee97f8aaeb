"""Bars whose steps are the epochs of trainings."""

from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from photochrom.commands._terminal import err

if TYPE_CHECKING:
    from photochrom.lab.training import Epoch


def epoch_bars() -> Progress:
    """Bars that show the figures of the last epoch; the time left is what it takes if no rule stops it earlier."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("epochs, at most"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
        console=err,
    )


def figures(row: "Epoch") -> str:
    """What is shown of an epoch."""
    return f"val accuracy {row.val_accuracy:.4f}, mse {row.val_mse:.5f}"

"""Curves of training, in the style of all figures of the lab."""

import atexit
import io
import os
import tempfile
from collections.abc import Sequence
from typing import Any

if "MPLCONFIGDIR" not in os.environ:
    # Else matplotlib would leave a list of all fonts in the user's folders, and draw by the settings that lie there.
    _own_folder = tempfile.TemporaryDirectory(prefix="photochrom-")
    atexit.register(_own_folder.cleanup)
    os.environ["MPLCONFIGDIR"] = _own_folder.name

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from photochrom.lab.runs._results import SeedGroup

STYLE: dict[Any, Any] = {
    "axes.edgecolor": "#8a8f98",
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "grid.color": "#e3e5e8",
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "photochrom",
}
TRAINING_COLOR, VALIDATION_COLOR = "#9aa5b1", "#c2410c"
_COLORS = (VALIDATION_COLOR, "#1d4ed8")


def svg(figure: Figure) -> bytes:
    """A figure as SVG, the same bytes at any time."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def draw_course(axes: Axes, group: SeedGroup, figure: str, color: str, label: str) -> None:
    """A figure over the epochs, a line for each seed.

    Args:
        figure: A field of `Epoch`.
        label: What the legend calls them.
    """
    for index, seed in enumerate(group.seeds):
        values = [getattr(row, figure) for row in seed.history]
        epochs = [row.epoch for row in seed.history]
        axes.plot(epochs, values, color=color, linewidth=1.0, alpha=0.85, label=None if index else label)


def compared_curves(groups: Sequence[SeedGroup]) -> bytes:
    """Validation accuracy and squared error of one run or two over the epochs, as SVG."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8, 2.8))
        for axes, what, name in zip(
            figure.subplots(1, 2), ("val_accuracy", "val_mse"), ("validation accuracy", "validation MSE"), strict=True
        ):
            for group, color in zip(groups, _COLORS, strict=False):
                draw_course(axes, group, what, color, group.key)
            axes.set_xlabel("epoch")
            axes.set_ylabel(name)
        axes.legend(loc="upper right")
        return svg(figure)

"""Where a training is also recorded: TensorBoard files, and MLflow."""

from photochrom.lab.tracking._tracker import Tracker, fit_tracked

__all__ = ["Tracker", "fit_tracked"]

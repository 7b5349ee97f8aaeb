"""Color for old photos of people, and an honest bench for those who study colorization."""

import importlib
import os
from typing import TYPE_CHECKING, Any

from photochrom.errors import PhotochromError

if TYPE_CHECKING:
    from photochrom.coloring import Colorizer, Hint, Result
    from photochrom.lab.checkpoint import Checkpoint, find_checkpoint, load_checkpoint, save_checkpoint
    from photochrom.lab.datasets import Dataset, Pairs, open_dataset
    from photochrom.lab.experiments import Experiment
    from photochrom.lab.metrics import accuracy_within
    from photochrom.lab.models import ColorizationModel
    from photochrom.lab.models import create as create_model
    from photochrom.lab.report import write_report
    from photochrom.lab.training import (
        Evaluation,
        RunFolder,
        TrainingConfig,
        evaluate,
        fit,
        predict,
        predict_confidence,
        predict_variants,
    )
    from photochrom.photo import Photo

# ONNX Runtime reads it when it is imported, and otherwise sends to its maker what machine it runs on. Each way in,
# worker processes included, comes through here first.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.9.0"

__all__ = [
    "Checkpoint",
    "ColorizationModel",
    "Colorizer",
    "Dataset",
    "Evaluation",
    "Experiment",
    "Hint",
    "Pairs",
    "Photo",
    "PhotochromError",
    "Result",
    "RunFolder",
    "TrainingConfig",
    "__version__",
    "accuracy_within",
    "create_model",
    "evaluate",
    "find_checkpoint",
    "fit",
    "load_checkpoint",
    "open_dataset",
    "predict",
    "predict_confidence",
    "predict_variants",
    "save_checkpoint",
    "write_report",
]

_HOMES = {
    "coloring": ("Colorizer", "Hint", "Result"),
    "lab.checkpoint": ("Checkpoint", "find_checkpoint", "load_checkpoint", "save_checkpoint"),
    "lab.datasets": ("Dataset", "Pairs", "open_dataset"),
    "lab.experiments": ("Experiment",),
    "lab.metrics": ("accuracy_within",),
    "lab.models": ("ColorizationModel", "create_model"),
    "lab.report": ("write_report",),
    "lab.training": (
        *("Evaluation", "RunFolder", "TrainingConfig"),
        *("evaluate", "fit", "predict", "predict_confidence", "predict_variants"),
    ),
    "photo": ("Photo",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first used: most bring torch, which `import photochrom` must not."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_HOME_OF[name]}")
    return getattr(module, {"create_model": "create"}.get(name, name))

"""Color for gray pictures of faces, and an honest bench for colorization experiments."""

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

__version__ = "0.2.0"

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
    "Checkpoint": "lab.checkpoint",
    "ColorizationModel": "lab.models",
    "Colorizer": "coloring",
    "Dataset": "lab.datasets",
    "Evaluation": "lab.training",
    "Experiment": "lab.experiments",
    "Hint": "coloring",
    "Pairs": "lab.datasets",
    "Photo": "photo",
    "Result": "coloring",
    "RunFolder": "lab.training",
    "TrainingConfig": "lab.training",
    "accuracy_within": "lab.metrics",
    "create_model": "lab.models",
    "evaluate": "lab.training",
    "find_checkpoint": "lab.checkpoint",
    "fit": "lab.training",
    "load_checkpoint": "lab.checkpoint",
    "open_dataset": "lab.datasets",
    "predict": "lab.training",
    "predict_confidence": "lab.training",
    "predict_variants": "lab.training",
    "save_checkpoint": "lab.checkpoint",
    "write_report": "lab.report",
}


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first used: most bring torch, which `import photochrom` must not."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_HOMES[name]}")
    return getattr(module, {"create_model": "create"}.get(name, name))

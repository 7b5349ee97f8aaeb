"""Color for gray pictures of faces, and an honest bench for colorization experiments."""

import importlib
import os
from typing import TYPE_CHECKING, Any

from photochrom.errors import PhotochromError

if TYPE_CHECKING:
    from photochrom.checkpoint import Checkpoint, find_checkpoint, load_checkpoint, save_checkpoint
    from photochrom.datasets import Dataset, Pairs, open_dataset
    from photochrom.experiments import Experiment
    from photochrom.inference import Colorizer, Hint, Photo, Result
    from photochrom.metrics import accuracy_within
    from photochrom.models import ColorizationModel
    from photochrom.models import create as create_model
    from photochrom.report import write_report
    from photochrom.training import (
        Evaluation,
        RunFolder,
        TrainingConfig,
        evaluate,
        fit,
        predict,
        predict_confidence,
        predict_variants,
    )

# ONNX Runtime reads it when it is imported, and otherwise sends to its maker what machine it runs on. Each way in,
# worker processes included, comes through here first.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.1"

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
    "Checkpoint": "checkpoint",
    "ColorizationModel": "models",
    "Colorizer": "inference",
    "Dataset": "datasets",
    "Evaluation": "training",
    "Experiment": "experiments",
    "Hint": "inference",
    "Pairs": "datasets",
    "Photo": "inference",
    "Result": "inference",
    "RunFolder": "training",
    "TrainingConfig": "training",
    "accuracy_within": "metrics",
    "create_model": "models",
    "evaluate": "training",
    "find_checkpoint": "checkpoint",
    "fit": "training",
    "load_checkpoint": "checkpoint",
    "open_dataset": "datasets",
    "predict": "training",
    "predict_confidence": "training",
    "predict_variants": "training",
    "save_checkpoint": "checkpoint",
    "write_report": "report",
}


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first used: most bring torch, which `import photochrom` must not."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_HOMES[name]}")
    return getattr(module, {"create_model": "create"}.get(name, name))

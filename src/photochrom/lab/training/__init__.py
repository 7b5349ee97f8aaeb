"""Training: what is set, when to stop, the loop, and the folder in which a run lies."""

from photochrom.lab.training.config import TrainingConfig, read_config
from photochrom.lab.training.estimations import choose, color_test_pictures, score_estimations, write_estimations
from photochrom.lab.training.loop import EpochCallback, fit
from photochrom.lab.training.predictions import (
    Evaluation,
    evaluate,
    predict,
    predict_confidence,
    predict_signed,
    predict_variants,
)
from photochrom.lab.training.run_folder import RunFolder
from photochrom.lab.training.samples import comparison, grid, sample_indices
from photochrom.lab.training.tensorboard import TensorBoardLog

__all__ = [
    "EpochCallback",
    "Evaluation",
    "RunFolder",
    "TensorBoardLog",
    "TrainingConfig",
    "choose",
    "color_test_pictures",
    "comparison",
    "evaluate",
    "fit",
    "grid",
    "predict",
    "predict_confidence",
    "predict_signed",
    "predict_variants",
    "read_config",
    "sample_indices",
    "score_estimations",
    "write_estimations",
]

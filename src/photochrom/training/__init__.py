"""Training: what is set, when to stop, the loop, and the folder in which a run lies."""

from photochrom.training.config import TrainingConfig, read_config
from photochrom.training.estimations import choose, color_test_pictures, score_estimations, write_estimations
from photochrom.training.loop import EpochCallback, fit
from photochrom.training.predictions import (
    Evaluation,
    evaluate,
    predict,
    predict_confidence,
    predict_signed,
    predict_variants,
)
from photochrom.training.run_folder import RunFolder
from photochrom.training.samples import comparison, grid, sample_indices
from photochrom.training.tensorboard import TensorBoardLog

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

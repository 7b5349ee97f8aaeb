"""Training: settings, the loop, stopping rules, run folders and predictions."""

from photochrom.lab.training._config import TrainingConfig, describe_settings, parse_hyperparameters, read_config
from photochrom.lab.training._estimations import (
    choose,
    color_test_pictures,
    require_apart,
    score_estimations,
    write_estimations,
)
from photochrom.lab.training._fit import fit
from photochrom.lab.training._loop import EpochCallback
from photochrom.lab.training._predictions import (
    Evaluation,
    evaluate,
    gray_batch,
    predict,
    predict_confidence,
    predict_signed,
    predict_variants,
    rgb_batch,
)
from photochrom.lab.training._processes import is_first_process
from photochrom.lab.training._records import Epoch, RunMetrics, read_json_object, read_yaml_object
from photochrom.lab.training._run_folder import RunFolder, open_as_trained
from photochrom.lab.training._samples import comparison, grid, sample_indices

__all__ = [
    "Epoch",
    "EpochCallback",
    "Evaluation",
    "RunFolder",
    "RunMetrics",
    "TrainingConfig",
    "choose",
    "color_test_pictures",
    "comparison",
    "describe_settings",
    "evaluate",
    "fit",
    "gray_batch",
    "grid",
    "is_first_process",
    "open_as_trained",
    "parse_hyperparameters",
    "predict",
    "predict_confidence",
    "predict_signed",
    "predict_variants",
    "read_config",
    "read_json_object",
    "read_yaml_object",
    "require_apart",
    "rgb_batch",
    "sample_indices",
    "score_estimations",
    "write_estimations",
]

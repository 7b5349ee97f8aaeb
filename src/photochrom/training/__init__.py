"""Training: what is set, when to stop, the loop, and the folder in which a run lies."""

from photochrom.training.config import TrainingConfig
from photochrom.training.fit import fit
from photochrom.training.predict import Evaluation, evaluate, predict
from photochrom.training.run_folder import RunFolder

__all__ = ["Evaluation", "RunFolder", "TrainingConfig", "evaluate", "fit", "predict"]

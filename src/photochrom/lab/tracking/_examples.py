"""Example pictures while a run is trained."""

from functools import cached_property

import torch
from PIL import Image

from photochrom.lab.checkpoint import load_checkpoint
from photochrom.lab.datasets import Pairs, open_dataset
from photochrom.lab.training import RunFolder, TrainingConfig, comparison, predict, sample_indices


class Examples:
    """Draws the pictures of a run's `samples.png` by its best network so far."""

    def __init__(self, run: RunFolder, config: TrainingConfig) -> None:
        self._run = run
        self._config = config

    @cached_property
    def _pairs(self) -> Pairs:
        val = open_dataset(self._config.data, self._config.size).split("val")
        return val.take(sample_indices(len(val)))

    def draw(self) -> Image.Image:
        """Rows of gray input, prediction and truth; the training's random numbers are not touched."""
        with torch.random.fork_rng(devices=[]):
            model = load_checkpoint(self._run.weights).model
        return comparison(self._pairs, predict(model, self._pairs.gray))

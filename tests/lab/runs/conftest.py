from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from photochrom.lab import models
from photochrom.lab.checkpoint import Checkpoint, save_checkpoint
from photochrom.lab.training import Epoch, RunFolder, RunMetrics, TrainingConfig


@pytest.fixture
def finished(tmp_path: Path) -> Callable[..., None]:
    """Writes runs as training leaves them, one for each accuracy; the place of an accuracy is its seed."""

    def finished(
        key: str, accuracies: Sequence[float], first_seed: int = 0, pictures: str = "", **settings: Any
    ) -> None:
        for seed, accuracy in enumerate(accuracies, start=first_seed):
            config = TrainingConfig(data="synthetic", seed=seed).varied(**settings)
            folder = RunFolder(tmp_path / f"{key}-seed-{seed}")
            folder.claim(config)
            model = models.create(config.model, config.hyperparameters)
            save_checkpoint(folder.weights, Checkpoint(model, {"pictures": pictures}))
            row = Epoch(1, 0.1, 0.5, 0.1, 0.01, accuracy, 1.0)
            folder.write_history([row, replace(row, epoch=2)] if config.max_epochs else [])
            figures: dict[str, Any] = {name: kind(1) for name, kind in RunMetrics.__annotations__.items()}
            folder.write_metrics(RunMetrics(**figures | {"val_accuracy": accuracy, "val_mse": 0.01}))

    return finished

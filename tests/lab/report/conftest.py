from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from photochrom.lab import models
from photochrom.lab.checkpoint import Checkpoint, save_checkpoint
from photochrom.lab.evaluation import Grouping, ModelEvaluation, Scores, record_evaluation
from photochrom.lab.metrics import Calibration
from photochrom.shipped import shipped_model


@pytest.fixture(autouse=True, scope="module")
def no_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The package's own models must not change what tests see, nor how long they take."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("photochrom.shipped.WEIGHTS", tmp_path_factory.mktemp("none"))
        yield


@pytest.fixture
def weights(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of shipped models, which is empty."""
    folder = tmp_path_factory.mktemp("weights")
    monkeypatch.setattr("photochrom.shipped.WEIGHTS", folder)
    return folder


@pytest.fixture
def ship(weights: Path) -> Callable[..., None]:
    """Ships a tiny model; one with probabilities of chroma if asked for."""

    def ship(name: str, has_probabilities: bool = False) -> None:
        torch.manual_seed(0)
        made = (
            models.create("chroma_unet", {"width": 4, "depth": 2, "blocks": 1}) if has_probabilities else tiny_convnet()
        )
        save_checkpoint(weights / f"{name}.safetensors", Checkpoint(made, {"name": "faces of a test"}))

    return ship


def tiny_convnet() -> models.ColorizationModel:
    return models.create("convnet", {"hidden_channels": 2, "kernel_size": 3})


@pytest.fixture
def record() -> Callable[..., None]:
    """Records an evaluation of a shipped model, with figures of the test's own."""

    def record(
        name: str,
        data: str = "study",
        split: str = "val",
        decoding: str | None = None,
        labels: dict[str, float] | None = None,
        **figures: Any,
    ) -> None:
        evaluation = ModelEvaluation(
            decoding=decoding,
            overall=scores(**figures),
            by_skin_tone=grouping({"light": 8.0, "dark": 10.0, "unknown": 20.0}),
            by_label=None if labels is None else grouping(labels),
        )
        record_evaluation(shipped_model(name).figures, evaluation, name, data, split)

    return record


def grouping(chroma_errors: dict[str, float]) -> Grouping:
    """Groups of 40 pictures; that of unknown ones has 3."""
    return Grouping(
        {
            name: scores(pictures=3 if name == "unknown" else 40, chroma_error=error)
            for name, error in chroma_errors.items()
        }
    )


def scores(stated: float | None = None, **figures: Any) -> Scores:
    """Measures of 100 pictures; half of what was stated with a confidence came true."""
    measures = {
        "pictures": 100,
        "accuracy": 0.75,
        "mse": 0.00824,
        "peak_signal_to_noise": 28.19,
        "structural_similarity": 0.971,
        "chroma_error": 9.45,
        "color_difference": 6.36,
        "colorfulness": 27.0,
        "true_colorfulness": 36.0,
        "colorfulness_ratio": 0.75,
        "largest_luma_change": 58.2,
    }
    found = None if stated is None else half_right(stated)
    return Scores(
        **{**measures, **figures},
        calibration_error=None if found is None else found.error,
        reliability=None if found is None else found.table(),
    )


def half_right(stated: float) -> Calibration:
    values = np.zeros(15)
    values[int(stated * 15)] = 200.0
    return Calibration(values, values * stated, values * 0.5)

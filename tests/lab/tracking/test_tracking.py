import json
import logging
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from photochrom.errors import ConfigError
from photochrom.lab.tracking import fit_tracked
from photochrom.lab.tracking._mlflow import MLflowTracker, _environment
from photochrom.lab.training import RunFolder, TrainingConfig

pytestmark = pytest.mark.slow


@pytest.fixture
def config(face_folder: Path) -> TrainingConfig:
    return TrainingConfig(data=str(face_folder), max_epochs=2, hyperparameters={"hidden_channels": 2}, precision="fp32")


def test_tensorboard_files_hold_every_epoch(tmp_path: Path, config: TrainingConfig) -> None:
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = RunFolder(tmp_path)
    metrics = fit_tracked(config, run, device="cpu", tensorboard=True, pictures_every=2)
    plain = fit_tracked(config, RunFolder(tmp_path / "plain"), device="cpu")
    assert replace(metrics, seconds=0.0) == replace(plain, seconds=0.0)
    events = event_accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    written = [(event.step, event.value) for event in events.Scalars("val_mse")]
    assert [step for step, _ in written] == [row.epoch for row in run.history()]
    assert [event.step for event in events.Images("examples")] == [2]
    assert all(
        math.isclose(value, row.val_mse, rel_tol=1e-6) for (_, value), row in zip(written, run.history(), strict=True)
    )


@pytest.mark.filterwarnings("ignore")
def test_mlflow_holds_settings_epochs_figures_and_files_of_a_run_that_was_interrupted(
    tmp_path: Path, config: TrainingConfig
) -> None:
    mlflow = pytest.importorskip("mlflow")
    store, run = f"sqlite:///{tmp_path / 'mlflow.db'}", RunFolder(tmp_path / "runs" / "mine")

    def interrupt(_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_tracked(config, run, device="cpu", mlflow=store, on_epoch=interrupt)
    metrics = fit_tracked(config, run, device="cpu", mlflow=store, pictures_every=2)
    client = mlflow.MlflowClient(tracking_uri=store)
    (recorded,) = client.search_runs([client.get_experiment_by_name("photochrom").experiment_id])
    assert recorded.info.status == "FINISHED"
    assert recorded.data.params["hidden_channels"] == "2"
    assert recorded.data.metrics["final_val_accuracy"] == metrics.val_accuracy
    assert len(recorded.data.tags["data_sha256"]) == 64
    course = client.get_metric_history(recorded.info.run_id, "val_mse")
    assert sorted((one.step, one.value) for one in course) == [(row.epoch, row.val_mse) for row in run.history()]
    files = {file.path for file in client.list_artifacts(recorded.info.run_id)}
    assert {"config.json", "best.safetensors", "samples.png"} <= files
    examples = client.list_artifacts(recorded.info.run_id, "examples")
    assert [file.path for file in examples] == ["examples/epoch-0002.png"]
    assert not (Path.cwd() / "mlruns").exists()


class _Client:
    """Stands for MLflow's client, which says the address in its errors and does not keep what it is told."""

    def __init__(self, tracking_uri: str) -> None:
        self._address = tracking_uri

    def create_run(self, _: str) -> Any:
        if "gone" in self._address:
            raise ConnectionError(f"API request to {self._address}/api failed")
        return SimpleNamespace(info=SimpleNamespace(run_id="begun now"))

    def get_experiment_by_name(self, _: str) -> Any:
        return SimpleNamespace(experiment_id="1")

    def log_batch(self, *_: Any, **__: Any) -> None:
        pass


@pytest.fixture
def tracker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, config: TrainingConfig) -> Callable[[str], MLflowTracker]:
    """Makes a tracker of one run, by a client that reaches nothing."""
    named = SimpleNamespace(Metric=SimpleNamespace, Param=lambda *_: None, RunTag=lambda *_: None)
    monkeypatch.setitem(sys.modules, "mlflow", SimpleNamespace(MlflowClient=_Client))
    monkeypatch.setitem(sys.modules, "mlflow.entities", named)
    monkeypatch.setattr("photochrom.lab.tracking._mlflow.find_spec", lambda _: "there")
    return lambda store: MLflowTracker(RunFolder(tmp_path), config, store)


def test_the_password_of_a_store_is_neither_told_nor_kept(
    tracker: Callable[[str], MLflowTracker], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as told:
        tracker("http://me:secret@gone:5000")
    assert str(told.value) == (
        "http://me:***@gone:5000: MLflow cannot be used (API request to http://me:***@gone:5000/api failed)"
    )
    tracker("http://me:secret@host:5000")
    assert "secret" not in (tmp_path / "mlflow.json").read_text()


def test_a_store_is_known_again_without_its_password(tracker: Callable[[str], MLflowTracker], tmp_path: Path) -> None:
    note = tmp_path / "mlflow.json"
    note.write_text(json.dumps({"store": "http://me:secret@host:5000", "run": "begun by an older version"}))
    for password in ("secret", "another"):
        assert tracker(f"http://me:{password}@host:5000")._id == "begun by an older version"
        assert "secret" not in note.read_text()
    assert tracker("http://you:secret@host:5000")._id == "begun now"


def test_git_is_not_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert set(_environment()) == {"photochrom", "python", "torch"}


def test_a_tracker_that_fails_is_told_once_and_the_training_goes_on(
    tmp_path: Path, config: TrainingConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise ConnectionError("http://me:secret@host is gone\nand more")

    monkeypatch.setattr("photochrom.lab.tracking._tensorboard.TensorBoardTracker.record_epoch", fail)
    with caplog.at_level(logging.WARNING):
        metrics = fit_tracked(config, RunFolder(tmp_path), device="cpu", tensorboard=True)
    assert metrics.epochs == 2
    (line,) = caplog.messages
    assert line.endswith("no longer recorded by TensorBoardTracker (http://me:***@host is gone)")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("store", ["sqlite:////proc/none/mlflow.db", "nonsense://here"])
def test_a_store_that_cannot_be_reached_is_one_line(tmp_path: Path, config: TrainingConfig, store: str) -> None:
    pytest.importorskip("mlflow")
    with pytest.raises(ConfigError, match="MLflow cannot be used") as told:
        fit_tracked(config, RunFolder(tmp_path), device="cpu", mlflow=store)
    assert "\n" not in str(told.value)

"""A run in MLflow: settings, figures, files, and what it was made with."""

import hashlib
import json
import os
import platform
import subprocess
import tempfile
import time
from dataclasses import asdict
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image

from photochrom.errors import ConfigError, reason_of, without_password
from photochrom.files import write_whole
from photochrom.lab.checkpoint import load_checkpoint
from photochrom.lab.training import Epoch, RunFolder, RunMetrics, TrainingConfig, read_json_object

_EXPERIMENT = "photochrom"
_FILES = ("config.json", "history.jsonl", "metrics.json", "samples.png", "best.safetensors")
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # the default is minutes, in which a training would wait
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}


class MLflowTracker:
    """Records a run in an MLflow store. `mlflow.json` in the run's folder says where, so a resumed run goes on there.

    Args:
        run: Its path names the run in MLflow.

    Raises:
        ConfigError: MLflow is not installed, or the store cannot be reached.
    """

    def __init__(self, run: RunFolder, config: TrainingConfig, store: str) -> None:
        if find_spec("mlflow") is None:
            raise ConfigError("MLflow is not installed: pip install 'photochrom[mlflow]'")
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient

        self._run = run
        try:
            self._client = MlflowClient(tracking_uri=store)
            self._id = self._found(store) or self._begun(config, store)
            note = {"store": without_password(store), "run": self._id}
        except Exception as error:  # the client raises what its store does: of SQLAlchemy, requests, or its own
            raise ConfigError(without_password(f"{store}: MLflow cannot be used ({reason_of(error)})")) from error
        write_whole(self._note, json.dumps(note) + "\n")

    def record_epoch(self, row: Epoch) -> None:
        """Record the figures of an epoch as metrics."""
        self._record(asdict(row), row.epoch)

    def record_pictures(self, pictures: Image.Image, epoch: int) -> None:
        """Record example pictures as a file of their epoch."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"epoch-{epoch:04d}.png")
            pictures.save(path)
            self._client.log_artifact(self._id, str(path), "examples")

    def record_end(self, metrics: RunMetrics) -> None:
        """Record the figures, the checksum of the data and the files of the finished run, and end it."""
        self._record({f"final_{name}": value for name, value in asdict(metrics).items()}, metrics.best_epoch)
        data = json.dumps(load_checkpoint(self._run.weights).data, sort_keys=True)
        self._client.set_tag(self._id, "data_sha256", hashlib.sha256(data.encode()).hexdigest())
        for name in _FILES:
            self._client.log_artifact(self._id, str(self._run.path / name))
        self._client.set_terminated(self._id)

    def _record(self, figures: dict[str, Any], step: int) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        numbers = {name: value for name, value in figures.items() if isinstance(value, int | float)}
        self._client.log_batch(self._id, [Metric(name, float(value), now, step) for name, value in numbers.items()])

    @property
    def _note(self) -> Path:
        return self._run.path / "mlflow.json"

    def _found(self, store: str) -> str | None:
        """The identifier that an earlier, interrupted call recorded this run under."""
        if not self._note.is_file():
            return None
        note = read_json_object(self._note, ConfigError)
        is_same = without_password(str(note.get("store"))) == without_password(store)
        return str(note["run"]) if is_same else None

    def _begun(self, config: TrainingConfig, store: str) -> str:
        from mlflow.entities import Param, RunTag

        settings = config.model_dump()
        settings |= settings.pop("hyperparameters")
        tags = {"mlflow.runName": self._run.path.name, "folder": str(self._run.path), **_environment()}
        identifier: str = self._client.create_run(self._experiment(store)).info.run_id
        self._client.log_batch(
            identifier,
            params=[Param(name, str(value)) for name, value in settings.items()],
            tags=[RunTag(name, value) for name, value in tags.items()],
        )
        return identifier

    def _experiment(self, store: str) -> str:
        found = self._client.get_experiment_by_name(_EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        # Without a place of their own, files would go to ./mlruns, wherever the command was started.
        place = (
            Path(store.removeprefix("sqlite:///")).resolve().with_suffix("") if store.startswith("sqlite:") else None
        )
        return str(self._client.create_experiment(_EXPERIMENT, None if place is None else f"{place}-files"))


def _environment() -> dict[str, str]:
    """What a run is made with: versions, and the commit of the folder that the command runs in, if git knows one."""
    import torch

    found = {"photochrom": version("photochrom"), "python": platform.python_version(), "torch": torch.__version__}
    try:
        asked = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607
    except OSError:  # git is not installed
        return found
    return found | ({"git_commit": asked.stdout.strip()} if asked.returncode == 0 else {})

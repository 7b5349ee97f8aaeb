"""The folder of a run: its settings, its history, its figures and its weights."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock, Timeout

from photochrom.errors import ConfigError, DataError
from photochrom.files import write_whole
from photochrom.lab.checkpoint import OF_A_RUN
from photochrom.lab.datasets import Dataset, open_dataset
from photochrom.lab.training._config import TrainingConfig
from photochrom.lab.training._records import Epoch, RunMetrics, read_json_object, record_from

_LOCK_SECONDS = 20.0


class RunFolder:
    """One run on disk: `config.json`, `history.jsonl`, `metrics.json`, `best.safetensors`, `resume.pt`, `samples.png`.

    Every file is written whole or not at all. `metrics.json` is written last, so it marks a finished run.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.weights = path / OF_A_RUN  # the best so far
        self.resume_state = path / "resume.pt"  # deleted when the run is finished
        self.samples = path / "samples.png"  # some gray inputs, predictions and truths

    @classmethod
    def of_config(cls, root: Path, config: TrainingConfig) -> "RunFolder":
        """The folder below `root` that is named by a configuration; no two configurations share one."""
        digest = hashlib.sha256(config.model_dump_json().encode()).hexdigest()
        return cls(root / f"{config.model}-{digest[:8]}")

    def is_finished(self) -> bool:
        """Whether the run is complete."""
        return (self.path / "metrics.json").is_file()

    @contextmanager
    def locked(self, wait_seconds: float = _LOCK_SECONDS) -> Iterator[None]:
        """Keep others out of the folder, or refuse if one stays in it; the lock ends with this process, even if killed.

        A process whose parent or node was killed may live a moment longer, so the lock is waited for.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=wait_seconds)
        except Timeout as error:
            raise ConfigError(f"{self.path}: another process is training this run") from error
        try:
            yield
        finally:
            lock.release()

    def claim(self, config: TrainingConfig) -> None:
        """Write the settings, unless a run with the same ones lies here; refuse a run with others."""
        self.require_same_settings(config)
        if not (self.path / "config.json").is_file():
            write_whole(self.path / "config.json", config.model_dump_json(indent=2) + "\n")

    def require_same_settings(self, config: TrainingConfig) -> None:
        """Check that a run that lies here has the given settings."""
        if (self.path / "config.json").is_file() and (differences := config.differences(self.config())):
            raise ConfigError(
                f"{self.path}: a run with other settings lies there ({differences}); delete it or name another"
            )

    def config(self) -> TrainingConfig:
        """The settings of the run."""
        settings = read_json_object(self.path / "config.json", DataError)
        try:
            return TrainingConfig.checked(settings)
        except ConfigError as error:
            raise DataError(f"{self.path / 'config.json'}: {error}") from error

    def history(self) -> list[Epoch]:
        """The epochs so far."""
        file = self.path / "history.jsonl"
        if not file.is_file():
            return []
        try:
            rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        except ValueError as error:
            raise DataError(f"{file}: broken ({error})") from error
        return [record_from(Epoch, row, file) for row in rows]

    def write_history(self, rows: Sequence[Epoch]) -> None:
        """Replace the history."""
        write_whole(self.path / "history.jsonl", "".join(json.dumps(asdict(row)) + "\n" for row in rows))

    def metrics(self) -> RunMetrics:
        """The figures of a finished run."""
        file = self.path / "metrics.json"
        return record_from(RunMetrics, read_json_object(file, DataError), file)

    def write_metrics(self, metrics: RunMetrics) -> None:
        """Write the figures, which finishes the run."""
        write_whole(self.path / "metrics.json", json.dumps(asdict(metrics), indent=2) + "\n")


def open_as_trained(weights: Path, spec: str, size: int | None = None) -> Dataset:
    """The data set that a user names; the one that a network was trained on is read at the size of that training.

    Args:
        weights: The file of the network, which tells of its training if it lies in the folder of its run.
        size: The side of the pictures that is read instead; see `open_dataset`.
    """
    dataset = open_dataset(spec, size)
    run = RunFolder(weights.parent)
    if size is not None or weights != run.weights or not (run.path / "config.json").is_file():
        return dataset
    config = run.config()
    return open_dataset(config.data, config.size) if config.data == dataset.name else dataset

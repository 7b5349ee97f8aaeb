import math
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from optuna.storages._rdb.storage import _VersionManager

from photochrom.lab.executors import TrainingJob, TrainingOutcome
from photochrom.lab.search import SearchPlan, Space, read_space
from photochrom.lab.training import Epoch, RunMetrics, TrainingConfig

EPOCHS = 4


class PretendingExecutor:
    """Trains nobody: each call of `ended` adds an epoch whose figures follow from the settings."""

    def __init__(self, slots: int = 1, error_of: Callable[[TrainingJob], str] = lambda _: "", deaths: int = 0) -> None:
        self.slots = slots
        self.error_of = error_of
        self.deaths = deaths
        self.started: list[str] = []
        self.working: list[TrainingJob] = []

    def __enter__(self) -> "PretendingExecutor":
        return self

    def __exit__(self, *_: object) -> None:
        self.working.clear()

    def start(self, job: TrainingJob) -> None:
        self.started.append(job.name)
        self.working.append(job)

    def stop(self, job: TrainingJob) -> None:
        self.working.remove(job)

    def ended(self) -> list[TrainingOutcome]:
        outcomes = [outcome for job in self.working if (outcome := self.step(job)) is not None]
        for outcome in outcomes:
            self.working.remove(outcome.job)
        return outcomes

    def step(self, job: TrainingJob) -> TrainingOutcome | None:
        if self.deaths:
            self.deaths -= 1
            return TrainingOutcome(job, "killed by signal 9", has_died=True)
        if error := self.error_of(job):
            return TrainingOutcome(job, error)
        job.folder.path.mkdir(parents=True, exist_ok=True)
        job.folder.claim(job.config)
        rows = job.folder.history()
        if len(rows) < job.config.max_epochs:
            job.folder.write_history([*rows, pretended_epoch(job.config, len(rows) + 1)])
            return None
        job.folder.write_metrics(pretended_metrics(rows))
        return TrainingOutcome(job)


def pretended_epoch(config: TrainingConfig, epoch: int) -> Epoch:
    """Best near a learning rate of 0.01, and better with each epoch."""
    accuracy = 0.8 - 0.05 * abs(math.log10(config.learning_rate) + 2) - 0.1 / epoch
    return Epoch(epoch, 1 - accuracy, accuracy, 1 - accuracy, 1 - accuracy, accuracy, 0.1)


def pretended_metrics(rows: list[Epoch]) -> RunMetrics:
    figures: dict[str, Any] = {name: kind(0) for name, kind in RunMetrics.__annotations__.items()}
    return RunMetrics(**{**figures, **{name: value for name, value in asdict(rows[-1]).items() if name in figures}})


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("photochrom.lab.search._search.POLL_SECONDS", 0.0)


@pytest.fixture(autouse=True, scope="session")
def one_look_at_the_schema() -> Iterator[None]:
    """Whenever a study is opened, Optuna runs the files of all its migrations to learn which is the last: here once."""
    look = _VersionManager.get_head_version
    seen: list[str] = []

    def remembered(manager: _VersionManager) -> str:
        if not seen:
            seen.append(look(manager))
        return seen[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_VersionManager, "get_head_version", remembered)
        yield


@pytest.fixture
def space(tmp_path: Path) -> Space:
    file = tmp_path / "space.yaml"
    file.write_text(
        "learning_rate: {low: 1e-4, high: 1e-1, log: true}\nhidden_channels: [2, 4]\nbatch_norm: [no, yes]\n"
    )
    return read_space(str(file), TrainingConfig())


@pytest.fixture
def planned(tmp_path: Path, space: Space) -> Callable[..., SearchPlan]:
    """Makes a plan in the folder of a name, with some parts changed."""

    def planned(name: str = "mine", **changes: Any) -> SearchPlan:
        parts: dict[str, Any] = {
            "name": "mine",
            "base": TrainingConfig(data="synthetic", max_epochs=EPOCHS),
            "space": space,
            "trials": 8,
            "objective": "val_accuracy",
            "sampler": "tpe",
            "pruner": "none",
            "seed": 0,
            "folder": tmp_path / name / "mine",
        }
        return SearchPlan(**(parts | changes))

    return planned

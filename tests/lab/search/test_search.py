import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest
from optuna.exceptions import StorageInternalError
from optuna.storages import _CachedStorage
from optuna.trial import FrozenTrial, TrialState

from photochrom.errors import ConfigError
from photochrom.lab.experiments import get_experiment, plan
from photochrom.lab.search import Search, SearchPlan, estimated, experiment_file, results_of, write_results
from photochrom.lab.search._storage import storage_faults
from photochrom.lab.training import RunFolder

from .conftest import EPOCHS, PretendingExecutor

Planned = Callable[..., SearchPlan]

_WRITES = (
    "create_new_trial",
    "set_trial_param",
    "set_trial_state_values",
    "set_trial_intermediate_value",
    "set_trial_user_attr",
    "set_trial_system_attr",
)


class Killed(BaseException):
    """What a process that is killed does not live to see."""


@contextmanager
def killed_at(write: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ends the process right after the given write into the storage."""
    count = 0

    def counting(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            result = method(*args, **kwargs)
            count += 1
            if count == write:
                raise Killed
            return result

        return call

    with monkeypatch.context() as patched:
        for name in _WRITES:
            patched.setattr(_CachedStorage, name, counting(getattr(_CachedStorage, name)))
        yield


def die(search: Search) -> None:
    """Release what the system releases when a process dies."""
    for attempt in search._attempts.values():
        attempt.claim.release()
    search._lock.release(force=True)
    gc.collect()  # a lock that was just taken is held by the frames of the exception only


def essence(trials: list[FrozenTrial]) -> list[tuple[Any, ...]]:
    return [(one.number, one.state, one.params, one.value, one.intermediate_values) for one in trials]


def searched(plan: SearchPlan, executor: PretendingExecutor | None = None) -> list[FrozenTrial]:
    search = Search(plan)
    search.run(executor or PretendingExecutor())
    return search.trials()


def test_as_many_trials_as_planned_are_ordinary_runs(planned: Planned) -> None:
    plan = planned()
    trials = searched(plan)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 8
    for trial in trials:
        config = RunFolder(plan.folder / f"trial-{trial.number:04d}").config()
        assert config.learning_rate == trial.params["learning_rate"]
        assert config.hyperparameters["hidden_channels"] == trial.params["hidden_channels"]
        assert (config.data, config.max_epochs) == ("synthetic", EPOCHS)


def test_the_same_command_adds_nothing_and_a_larger_number_adds_the_rest(planned: Planned) -> None:
    first = essence(searched(planned()))
    executor = PretendingExecutor()
    assert essence(searched(planned(), executor)) == first
    assert executor.started == []
    assert essence(searched(planned(trials=10)))[:8] == first


@pytest.mark.parametrize(("sampler", "pruner"), [("tpe", "median"), ("tpe", "asha"), ("random", "asha")])
def test_a_search_killed_after_any_write_ends_like_an_unbroken_one(
    planned: Planned, monkeypatch: pytest.MonkeyPatch, sampler: str, pruner: str
) -> None:
    changes = {"trials": 16, "sampler": sampler, "pruner": pruner}
    unbroken = essence(searched(planned("unbroken", **changes)))
    assert {state for _, state, *_ in unbroken} == {TrialState.COMPLETE, TrialState.PRUNED}
    plan, lives = planned("broken", **changes), 0
    for write in (1, 2, 3, 5, 8, 13, 4, 1, 6, 7, 2, 9, 10, 11, 3, 12):
        search = Search(plan)
        with killed_at(write, monkeypatch), pytest.raises(Killed):
            search.run(PretendingExecutor())
        die(search)
        lives += 1
    assert lives == 16
    assert essence(searched(plan)) == unbroken


def test_a_trial_of_a_living_process_is_left_to_it(planned: Planned) -> None:
    plan = planned(trials=2)
    busy = Search(plan)
    attempt = busy._next()
    assert attempt is not None
    states = [trial.state for trial in searched(plan)]
    assert states == [TrialState.RUNNING, TrialState.COMPLETE]


def test_two_searches_at_once_share_the_trials(planned: Planned) -> None:
    plan = planned(trials=6)
    mine, yours = Search(plan), Search(plan)
    attempts = [search._next() for search in (mine, yours) * 3]
    assert sorted(attempt.trial.number for attempt in attempts if attempt is not None) == list(range(6))
    assert mine._next() is None


def test_a_training_that_dies_is_started_again_and_one_that_always_dies_fails(planned: Planned) -> None:
    executor = PretendingExecutor(deaths=2)
    assert [trial.state for trial in searched(planned(trials=2), executor)] == [TrialState.COMPLETE] * 2
    assert executor.started == ["mine/trial-0000"] * 3 + ["mine/trial-0001"]
    trials = searched(planned("other", trials=2), PretendingExecutor(deaths=3))
    assert [trial.state for trial in trials] == [TrialState.FAIL, TrialState.COMPLETE]


def test_a_failure_is_told_and_ends_no_search(planned: Planned) -> None:
    def diverges(job: Any) -> str:
        return "the loss is no longer a finite number" if job.name.endswith("0001") else ""

    search = Search(planned(trials=4))
    search.run(PretendingExecutor(error_of=diverges))
    results = results_of(search)
    assert results.counts == {"complete": 3, "failed": 1}
    assert results.failures == ["trial 1: the loss is no longer a finite number"]


def test_a_full_disk_ends_the_search_in_one_line_and_loses_no_trial(planned: Planned) -> None:
    plan = planned(trials=3)
    search = Search(plan)
    with pytest.raises(ConfigError, match="same command goes on"):
        search.run(PretendingExecutor(error_of=lambda _: f"x/history.jsonl: {os.strerror(ENOSPC)}"))
    die(search)
    assert essence(searched(plan)) == essence(searched(planned("unbroken", trials=3)))


def test_another_search_in_the_folder_is_refused(planned: Planned) -> None:
    Search(planned())
    with pytest.raises(ConfigError, match="another objective and seed"):
        Search(planned(objective="val_mse", seed=1))


def test_a_search_of_the_name_in_another_folder_is_refused(planned: Planned) -> None:
    storage = planned().url
    Search(planned())
    with pytest.raises(ConfigError, match="lie in another folder"):
        Search(planned("elsewhere", storage=storage))


@pytest.mark.parametrize("storage", ["sqlite:////proc/none/search.db", "/proc/none/x.journal", "nonsense"])
def test_unreachable_storage_gets_one_line(planned: Planned, storage: str) -> None:
    with pytest.raises(ConfigError, match="storage") as told:
        Search(planned(storage=storage))
    assert "\n" not in str(told.value)


def test_a_storage_that_fails_without_a_word_gets_one_line() -> None:
    with pytest.raises(ConfigError, match=r"storage cannot be used \(StorageInternalError\)"), storage_faults("here"):
        raise StorageInternalError


def test_a_password_is_not_told(planned: Planned) -> None:
    with pytest.raises(ConfigError) as told:
        Search(planned(storage="postgresql://me:secret@127.0.0.1:1/base"))
    assert "secret" not in str(told.value)


def test_a_journal_file_holds_the_same_search(planned: Planned) -> None:
    journal = planned("other")
    in_journal = planned("other", storage=f"{journal.folder}.journal")
    journal.folder.parent.mkdir(parents=True)
    assert essence(searched(in_journal)) == essence(searched(planned()))


def test_grid_tries_each_combination(planned: Planned, space: Any) -> None:
    from photochrom.lab.search import Space

    small = Space({name: space.dimensions[name] for name in ("hidden_channels", "batch_norm")})
    trials = searched(planned(space=small, sampler="grid", trials=4))
    assert [tuple(trial.params.values()) for trial in trials] == [(2, False), (2, True), (4, False), (4, True)]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"objective": "beauty"}, "no objective"),
        ({"sampler": "oracle"}, "no sampler"),
        ({"pruner": "shears"}, "no pruner"),
        ({"sampler": "grid"}, "learning_rate: a grid needs"),
        ({"objective": "val_colorfulness", "pruner": "asha"}, "--pruner none"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_made(
    planned: Planned, changes: dict[str, str], complaint: str
) -> None:
    plan = planned(**changes)
    with pytest.raises(ConfigError, match=complaint):
        Search(plan)
    assert not plan.folder.exists()


@pytest.mark.parametrize("name", ["../width", "a/b", "a\\b", "..", ""])
def test_a_name_that_is_none_of_a_folder_is_refused(planned: Planned, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot name a search"):
        replace(planned(), name=name).check()


def test_asha_gives_up_two_thirds_after_the_first_epoch_and_again_after_the_third(planned: Planned) -> None:
    trials = searched(planned(trials=30, pruner="asha", sampler="random"))
    ended = [trial.last_step for trial in trials if trial.state == TrialState.PRUNED]
    assert set(ended) == {1, 3}
    assert len(ended) >= 15
    best = max(trials, key=lambda trial: trial.intermediate_values[1])
    assert best.state == TrialState.COMPLETE


def test_results_name_the_best_first_and_make_an_experiment_of_it(planned: Planned) -> None:
    search = Search(planned(trials=12))
    search.run(PretendingExecutor())
    page = write_results(search, keep=2).read_text()
    results = results_of(search)
    best = search.study.best_trial
    assert results.best[0] == best.number
    assert next(iter(results.importance)) == "learning_rate"
    for picture in ("history.svg", "parallel.svg", "importance.svg"):
        assert picture in page
        assert (search.plan.folder / picture).read_text().startswith("<?xml")
    experiment = get_experiment(str(experiment_file(search)))
    assert len(experiment.runs) == 2
    assert experiment.runs[0].config == search.plan.job(best.number, best.params).config.varied(seed=1)


@pytest.mark.parametrize("seed", [0, 7])
def test_the_best_are_trained_again_with_seeds_that_chose_nothing(planned: Planned, tmp_path: Path, seed: int) -> None:
    search = Search(planned(trials=2, base=planned().base.varied(seed=seed)))
    search.run(PretendingExecutor())
    write_results(search)
    jobs = plan([str(experiment_file(search))], 3, tmp_path / "again")
    assert [job.config.seed for job in jobs] == [seed + 1, seed + 2, seed + 3]
    assert jobs[0].name.endswith(f"-seed-{seed + 1}")


def test_no_complete_trial_gives_a_table_and_no_experiment(planned: Planned) -> None:
    search = Search(planned(trials=2))
    search.run(PretendingExecutor(error_of=lambda _: "no"))
    assert "failed" in write_results(search).read_text()
    assert not experiment_file(search).exists()


def test_what_is_estimated_first_is_what_is_tried_first(planned: Planned, tmp_path: Any, face_folder: Any) -> None:
    plan = planned(trials=12)
    here = planned(trials=12, base=plan.base.varied(data=str(face_folder)))
    found = estimated(here, "cpu")
    assert len(found.values) == 10
    assert found.values == [trial.params for trial in searched(plan)][:10]
    assert found.longest_seconds == pytest.approx(found.epoch_seconds * 12 * EPOCHS)
    assert not here.folder.exists() or here.folder == plan.folder

from pathlib import Path

import pytest

from photochrom.errors import ConfigError
from photochrom.lab import models
from photochrom.lab.experiments import available, get_experiment, get_run

ENTRIES = available()


@pytest.mark.parametrize("name", ENTRIES)
def test_experiment_asks_a_question_and_has_runs(name: str) -> None:
    experiment = get_experiment(name)
    assert experiment.question.endswith("?")
    assert experiment.title
    names = [run.name for run in experiment.runs]
    assert names
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", ENTRIES)
def test_every_network_can_be_made(name: str) -> None:
    for run in get_experiment(name).runs:
        models.create(run.config.model, run.config.hyperparameters)


@pytest.mark.parametrize("name", ENTRIES)
def test_what_it_is_compared_with_exists(name: str) -> None:
    reference = get_experiment(name).compared_with
    if reference is not None:
        assert get_run(reference).label


@pytest.mark.parametrize("name", ENTRIES)
def test_run_names_can_be_told_from_their_seeds(name: str) -> None:
    """A folder is called RUN-seed-N, so no run's name may be the beginning of another's with that ending."""
    for run in get_experiment(name).runs:
        assert "-seed-" not in run.name
        assert "/" not in run.name


def test_every_row_of_the_study_is_there() -> None:
    published = {
        run.published.accuracy: run.config for name in ENTRIES for run in get_experiment(name).runs if run.published
    }
    assert set(published) == {
        0.71211,
        0.71619,
        0.70657,
        0.72307,
        0.75520,
        0.63207,
        0.51590,
        0.75580,
        0.64015,
        0.75435,
        0.63520,
        0.75830,
        0.76582,
        0.76142,
    }
    best = published[0.75830]
    assert best.learning_rate == 0.07
    assert best.hyperparameters == {"hidden_channels": 16, "final_tanh": True}


def test_unknown_run_fails_and_names_the_known() -> None:
    with pytest.raises(ConfigError, match="rate-0.07".replace(".", r"\.")):
        get_run("learning_rate/rate-7")


def test_an_experiment_that_does_not_exist_is_named_and_one_without_a_run_is_asked_for_it() -> None:
    for key in ("nope", "nope/run"):
        with pytest.raises(ConfigError, match="no experiment is called 'nope'"):
            get_run(key)
    with pytest.raises(ConfigError, match="EXPERIMENT/RUN with one of its runs: default"):
        get_run("baseline")


def test_experiments_do_not_import_each_other() -> None:
    from photochrom.lab import experiments

    folder = Path(experiments.__file__).parent
    for name in ENTRIES:
        source = (folder / f"{name}.py").read_text()
        assert not [other for other in ENTRIES if f"photochrom.lab.experiments.{other} " in source]

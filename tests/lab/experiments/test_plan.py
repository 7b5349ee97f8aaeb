from pathlib import Path

import pytest

from photochrom.errors import ConfigError, DataError
from photochrom.lab.experiments import get_run, plan


def test_plan_has_every_seed_and_the_large_networks_first(tmp_path: Path) -> None:
    jobs = plan(["num_layers", "weirdnet"], 2, tmp_path, "synthetic")
    assert [job.name for job in jobs] == [
        "weirdnet/weirdnet-seed-0",
        "num_layers/layers-4-seed-0",
        "num_layers/layers-1-seed-0",
        "weirdnet/weirdnet-seed-1",
        "num_layers/layers-4-seed-1",
        "num_layers/layers-1-seed-1",
    ]
    assert [job.config.seed for job in jobs] == [0, 0, 0, 1, 1, 1]
    assert {job.config.data for job in jobs} == {"synthetic"}


def test_plan_of_all_holds_every_experiment(tmp_path: Path) -> None:
    names = {job.name for job in plan(["all"], 1, tmp_path, "synthetic")}
    assert {"baseline/default-seed-0", "unet/unet-flat-seed-0", "yardsticks/gray-seed-0"} <= names


def test_settings_reach_every_job(tmp_path: Path) -> None:
    jobs = plan(["learning_rate", "max_epochs=3"], 1, tmp_path, "synthetic")
    assert {job.config.max_epochs for job in jobs} == {3}
    assert {job.config.learning_rate for job in jobs} == {0.07, 0.0007, 0.0001}


def test_unknown_experiment_fails_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'weirdnet'"):
        plan(["weird_net"], 1, tmp_path, "synthetic")


def test_missing_data_fails_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        plan(["all"], 1, tmp_path / "runs", str(tmp_path / "pictures"))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [(["max_epochs=3"], "name an experiment"), (["baseline", "seed=3"], "seed"), (["baseline", "data=study"], "data")],
)
def test_words_that_make_no_plan_are_refused(tmp_path: Path, words: list[str], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        plan(words, 1, tmp_path, "synthetic")


def test_experiment_named_twice_is_planned_once(tmp_path: Path) -> None:
    assert len(plan(["baseline", "baseline"], 1, tmp_path, "synthetic")) == 1


def test_data_that_is_not_at_hand_is_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="photochrom data download"):
        plan(["baseline"], 1, tmp_path, "study")


def test_other_settings_in_the_same_place_are_refused_at_once(tmp_path: Path) -> None:
    (job,) = plan(["baseline"], 1, tmp_path, "synthetic")
    job.folder.claim(job.config)
    with pytest.raises(ConfigError, match="max_epochs 100 there, 3 here"):
        plan(["baseline", "max_epochs=3"], 1, tmp_path, "synthetic")


OWN = """
question: Is wider better?
settings: {learning_rate: 7e-2}
runs:
  wide: {hidden_channels: 32}
  wide-adamw: {hidden_channels: 32, optimizer: adamw, learning_rate: 1e-3}
"""


def test_an_experiment_of_the_users_own_is_planned_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "wider.yaml"
    file.write_text(OWN)
    jobs = plan([str(file), "max_epochs=5"], 2, tmp_path / "runs", "synthetic")
    assert [job.name for job in jobs] == [
        "wider/wide-seed-0",
        "wider/wide-adamw-seed-0",
        "wider/wide-seed-1",
        "wider/wide-adamw-seed-1",
    ]
    assert {job.config.hyperparameters["hidden_channels"] for job in jobs} == {32}
    assert {job.config.learning_rate for job in jobs} == {0.07, 0.001}
    assert get_run(f"{file}/wide-adamw").config.optimizer == "adamw"


def test_all_and_a_file_beside_it_are_both_planned(tmp_path: Path) -> None:
    file = tmp_path / "wider.yaml"
    file.write_text(OWN)
    study = plan(["all"], 1, tmp_path / "runs", "synthetic")
    jobs = plan(["all", str(file), "baseline"], 1, tmp_path / "runs", "synthetic")
    assert {job.name for job in jobs} == {job.name for job in study} | {"wider/wide-seed-0", "wider/wide-adamw-seed-0"}
    assert len(jobs) == len(study) + 2


@pytest.mark.parametrize("names", [("a/wider.yaml", "b/wider.yaml"), ("a/wider.yaml", "a/../a/wider.yaml")])
def test_two_files_whose_runs_would_lie_in_one_folder_are_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(OWN)
    with pytest.raises(ConfigError, match="wide-seed-0: two experiments have this folder; rename one, or name it"):
        plan([str(tmp_path / name) for name in names], 1, tmp_path / "runs", "synthetic")


def test_names_of_runs_that_look_like_numbers_are_text(tmp_path: Path) -> None:
    file = tmp_path / "wider.yaml"
    file.write_text(OWN.replace("wide:", "16:").replace("wide-adamw:", "1e3:"))
    names = {job.name for job in plan([str(file)], 1, tmp_path / "runs", "synthetic")}
    assert names == {"wider/16-seed-0", "wider/1e3-seed-0"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (OWN.replace("question: Is wider better?", ""), "question"),
        (OWN.replace("hidden_channels: 32}", "hidden_chanels: 32}"), "did you mean 'hidden_channels'"),
        (OWN.replace("wide:", "wide/r:"), "cannot name a run"),
        (OWN.replace("7e-2", "fast"), "learning_rate"),
        (OWN.replace("runs:", "trains:"), "trains"),
        (
            OWN.replace("runs:", "compared_with: narrow\nruns:"),
            "no run is called 'narrow'; there are: wide, wide-adamw",
        ),
        ("- a list", "not names with values"),
        (OWN.replace("7e-2", "7e-2, seed: 3"), "seed is set for all runs by --seeds"),
        (OWN.replace("32}", "32, seed: 3}"), "seed is set for all runs by --seeds"),
        (OWN.replace("wide-adamw:", "wide:"), "'wide' stands twice, in line 6 again"),
        (OWN.replace("7e-2", "7e-2, learning_rate: 0.1"), "'learning_rate' stands twice"),
    ],
)
def test_wrong_file_of_an_experiment_gets_one_line_that_names_it(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "wider.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=complaint) as told:
        plan([str(file)], 1, tmp_path / "runs", "synthetic")
    assert str(told.value).startswith(str(file))

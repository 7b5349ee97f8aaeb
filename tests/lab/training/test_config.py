import json
from pathlib import Path

import pytest

from photochrom.errors import ConfigError
from photochrom.lab.training import TrainingConfig, describe_settings, read_config


def test_defaults_are_the_studys() -> None:
    config = TrainingConfig()
    assert (config.optimizer, config.loss, config.batch_size, config.max_epochs) == ("sgd", "mse", 16, 100)
    assert (config.stopping, config.patience, config.min_delta) == ("settled", 10, 5e-5)


@pytest.mark.parametrize(
    "assignment",
    [
        "learning_rate=0",
        "learning_rate=-1",
        "learning_rate=many",
        "batch_size=0",
        "max_epochs=-1",
        "seed=-1",
        "loss=hinge",
        "optimizer=adam",
        "stopping=never",
        "precision=fp8",
        "momentum=1",
        "patience=0",
        "min_delta=Infinity",
        "doubling_chroma=Infinity",
        "clip_norm=Infinity",
        "clip_norm=NaN",
    ],
)
def test_setting_out_of_range_fails_by_name(assignment: str) -> None:
    with pytest.raises(ConfigError, match=assignment.partition("=")[0]) as failure:
        TrainingConfig().assigned([assignment])
    assert "\n" not in str(failure.value)


def test_every_setting_is_described_in_one_sentence_with_its_values() -> None:
    described = {name: rest for name, *rest in describe_settings()}
    assert list(described) == list(TrainingConfig.model_fields)
    assert all(sentence for _, _, sentence in described.values())
    assert described["loss"][:2] == ["mse", "mse, l1, smooth_l1, cross_entropy"]
    assert described["momentum"][1] == "≥ 0, < 1"
    assert described["compiled"] == [False, "true, false", "Whether to compile the network for this processor"]


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(ConfigError, match=r"batch_size.*seed"):
        TrainingConfig.checked({"batch_size": 0, "seed": -1})


def test_assignments_reach_settings_and_hyperparameters() -> None:
    config = TrainingConfig().assigned(["learning_rate=0.07", "hidden_channels=8", "final_tanh=true", "loss=l1"])
    assert (config.learning_rate, config.loss) == (0.07, "l1")
    assert config.hyperparameters == {"hidden_channels": 8, "final_tanh": True}


def test_another_model_forgets_the_hyperparameters_of_the_first() -> None:
    config = TrainingConfig(hyperparameters={"hidden_channels": 8}).assigned(["model=unet", "depth=2"])
    assert config.hyperparameters == {"depth": 2}


@pytest.mark.parametrize("assignment", ["learning_rate", "=3", "learning-rate 3"])
def test_what_is_no_assignment_fails_with_an_example(assignment: str) -> None:
    with pytest.raises(ConfigError, match="NAME=VALUE"):
        TrainingConfig().assigned([assignment])


def test_misspelt_setting_fails_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'learning_rate'"):
        TrainingConfig().assigned(["learning_rat=1"])


@pytest.mark.parametrize("model", [5, None, ["convnet"]])
def test_a_value_from_a_file_that_is_no_name_of_a_network_fails_in_one_line(model: object) -> None:
    with pytest.raises(ConfigError, match="no model is called"):
        TrainingConfig().with_values({"model": model})


def test_differences_name_what_differs() -> None:
    here, there = TrainingConfig(seed=1), TrainingConfig(seed=2)
    assert here.differences(there) == "seed 2 there, 1 here"
    assert here.differences(here) == ""


def test_config_file_comes_back(tmp_path: Path) -> None:
    config = TrainingConfig(model="unet", hyperparameters={"depth": 2}, seed=9)
    (tmp_path / "config.json").write_text(config.model_dump_json())
    assert read_config(tmp_path / "config.json") == config


@pytest.mark.parametrize("content", ["", "[1]", "{", json.dumps({"learning_rat": 1})])
def test_broken_config_file_fails_in_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ConfigError) as failure:
        read_config(tmp_path / "config.json")
    assert "\n" not in str(failure.value)


def test_missing_config_file_fails(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_config(tmp_path / "config.json")

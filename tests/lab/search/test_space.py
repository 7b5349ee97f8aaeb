from pathlib import Path

import optuna
import pytest

from photochrom.errors import ConfigError
from photochrom.lab.search import Range, read_space
from photochrom.lab.training import TrainingConfig


def written(folder: Path, text: str) -> str:
    file = folder / "space.yaml"
    file.write_text(text)
    return str(file)


def test_default_space_of_convnet_is_the_studys_and_its_outlook() -> None:
    space = read_space("defaults", TrainingConfig())
    assert space.dimensions["num_layers"] == [1, 2, 4]
    assert space.dimensions["kernel_size"] == [3, 5]
    assert space.dimensions["hidden_channels"] == Range(low=2, high=16, log=True)
    assert space.dimensions["learning_rate"] == Range(low=1e-4, high=1e-1, log=True)
    assert {"batch_norm", "final_tanh", "loss", "optimizer"} <= set(space.dimensions)


def test_whole_ranges_give_whole_numbers_and_others_fractions(tmp_path: Path) -> None:
    source = written(tmp_path, "hidden_channels: {low: 2, high: 16}\nlearning_rate: {low: 1e-3, high: 0.1}\n")
    values = read_space(source, TrainingConfig()).suggested(optuna.create_study().ask())
    assert isinstance(values["hidden_channels"], int)
    assert isinstance(values["learning_rate"], float)


def test_grid_has_every_combination_once(tmp_path: Path) -> None:
    source = written(tmp_path, "kernel_size: [3, 5]\nhidden_channels: {low: 2, high: 8, step: 3}\n")
    grid = read_space(source, TrainingConfig()).grid()
    assert [(one["kernel_size"], one["hidden_channels"]) for one in grid] == [
        (3, 2),
        (3, 5),
        (3, 8),
        (5, 2),
        (5, 5),
        (5, 8),
    ]


def test_grid_of_fractions_needs_a_step(tmp_path: Path) -> None:
    space = read_space(written(tmp_path, "learning_rate: {low: 0.001, high: 0.1}\n"), TrainingConfig())
    with pytest.raises(ConfigError, match="learning_rate: a grid needs"):
        space.grid()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not names with values"),
        ("{}", "names nothing"),
        ("kernel_size: [3, 5", "not YAML"),
        ("kernal_size: [3, 5]", "did you mean 'kernel_size'"),
        ("kernel_size: [3, 4]", "kernel_size"),
        ("loss: [mse, wrong]", "loss"),
        ("seed: [1, 2]", "same for all trials"),
        ("kernel_size: 3", "neither a list"),
        ("kernel_size: []", "neither a list"),
        ("learning_rate: {low: 0.1, high: 0.01}", "must be less than high"),
        ("learning_rate: {low: 0, high: 0.1, log: true}", "greater than 0"),
        ("learning_rate: {low: 0.01, high: 0.1, lg: true}", "learning_rate.lg"),
        ("learning_rate: {low: 0.01}", "learning_rate.high"),
        ("learning_rate: {low: 0.01, high: 100}", "learning_rate"),
    ],
)
def test_wrong_file_gets_one_line_that_names_it(tmp_path: Path, text: str, complaint: str) -> None:
    source = written(tmp_path, text)
    with pytest.raises(ConfigError, match=complaint) as told:
        read_space(source, TrainingConfig())
    assert str(told.value).startswith(source)
    assert "\n" not in str(told.value)


def test_missing_file_and_missing_defaults_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_space(str(tmp_path / "none.yaml"), TrainingConfig())
    with pytest.raises(ConfigError, match="unet has no default space"):
        read_space("defaults", TrainingConfig(model="unet"))

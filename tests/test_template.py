"""The study's own commands, word for word, on a tiny set that lies where the study's program kept it."""

import importlib.util
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from photochrom.commands import one_line_failures
from photochrom.lab.datasets._faces import draw_faces
from photochrom.lab.training import TrainingConfig

ROOT = Path(__file__).parents[1]
Command = Callable[..., int]


@pytest.fixture(scope="module")
def template() -> ModuleType:
    spec = importlib.util.spec_from_file_location("template", ROOT / "template.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny data set."""
    root = tmp_path_factory.mktemp("study") / "dataset"
    faces = draw_faces(150, seed=3, size=80)
    for folder, part in (("train", faces[:16]), ("val", faces[16:24]), ("test_inputs", faces[24:])):
        (root / folder / "images").mkdir(parents=True)
        for index, face in enumerate(part):
            picture = Image.fromarray(face)
            gray_or_color = picture.convert("L") if folder == "test_inputs" else picture
            gray_or_color.save(root / folder / "images" / f"{index}.jpg")
    return root


@pytest.fixture
def command(template: ModuleType, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`python template.py`, in a folder with the tiny data set, and with few epochs."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(dataset, "dataset")
    varied = TrainingConfig.varied
    few = {"max_epochs": 2, "precision": "fp32"}
    monkeypatch.setattr(TrainingConfig, "varied", lambda config, **changes: varied(config, **(few | changes)))
    patch_get_run(monkeypatch)

    def run(*words: str) -> int:
        try:
            with one_line_failures():
                template.main(list(words))
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    return run


def patch_get_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let single runs have few epochs too."""
    from dataclasses import replace

    from photochrom.lab import experiments

    get_run = experiments.get_run
    monkeypatch.setattr(experiments, "get_run", lambda key: replace(get_run(key), config=get_run(key).config.varied()))


def assert_test_outputs(names_below: str = "test_inputs/images/") -> None:
    estimations = np.load("estimations-test.npy")
    assert estimations.shape == (100, 80, 80, 3)
    assert estimations.dtype == np.uint8
    names = Path("estimations-test-names.txt").read_text().split()
    assert len(set(names)) == 100
    assert all(name.startswith(names_below) for name in names)
    for name, estimation in zip(names, estimations, strict=True):
        assert np.array_equal(np.asarray(Image.open(Path("out") / Path(name).with_suffix(".png").name)), estimation)


def test_improved_best_true_trains_and_colors_test_pictures(command: Command) -> None:
    assert command("improved-best", "true") == 0
    assert Path("checkpoints/channels-16-tanh.safetensors").is_file()
    assert_test_outputs()


def test_test_best_only_takes_the_checkpoint_that_was_trained_here(command: Command) -> None:
    command("improved-best")
    assert not Path("out").exists()
    assert command("test-best-only") == 0
    trained = np.load("estimations-test.npy")
    Path("checkpoints/channels-16-tanh.safetensors").unlink()
    assert command("test-best-only") == 0
    assert not np.array_equal(np.load("estimations-test.npy"), trained)
    assert_test_outputs()


@pytest.mark.parametrize(
    ("word", "checkpoint"),
    [
        ("base-best", "preference"),
        ("unet", "unet-adamw"),
        ("unet-flat", "unet-flat"),
        ("weird", "weirdnet"),
        ("autoencoder", "autoencoder"),
    ],
)
def test_single_networks_are_trained(command: Command, word: str, checkpoint: str) -> None:
    assert command(word) == 0
    assert Path(f"checkpoints/{checkpoint}.safetensors").is_file()


def test_every_change_of_one_setting_is_trained_and_the_table_printed(
    command: Command, capsys: pytest.CaptureFixture[str], trains_here: None
) -> None:
    assert command("base-all") == 0
    assert len(list(Path("checkpoints").iterdir())) == 8
    assert "accuracy" in capsys.readouterr().out


@pytest.mark.slow
def test_improvements_are_trained_in_processes_of_their_own_and_the_table_printed(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("improved-all") == 0
    assert len(list(Path("checkpoints").iterdir())) == 4
    assert "accuracy" in capsys.readouterr().out


def test_custom_trains_what_it_is_told(command: Command) -> None:
    from photochrom.lab.checkpoint import load_checkpoint

    assert command("custom", "3", "3", "6", "0.05", "true", "false", "true") == 0
    model = load_checkpoint(Path("checkpoints/custom-3-3-6-0.05-bn.safetensors")).model
    assert model.hyperparameters == {
        "num_layers": 3,
        "kernel_size": 3,
        "hidden_channels": 6,
        "batch_norm": True,
        "final_tanh": False,
    }
    assert_test_outputs()


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["base"],
        ["unet", "perhaps"],
        ["unet", "true", "true"],
        ["base-all", "true"],
        ["test-best-only", "true"],
        ["custom", "2", "5", "8"],
        ["custom", "two", "5", "8", "0.07", "false", "false", "false"],
        ["custom", "2", "5", "8", "fast", "false", "false", "false"],
        ["custom", "2", "5", "8", "0.07", "yes", "false", "false"],
    ],
)
def test_unknown_words_get_the_usage_and_status_2(
    command: Command, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert command(*words) == 2
    captured = capsys.readouterr()
    assert "usage: python template.py" in captured.err
    assert not Path("runs").exists()


def test_option_out_of_range_gets_one_line(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("custom", "2", "4", "8", "0.07", "false", "false", "false") == 2
    assert "kernel_size must be odd" in capsys.readouterr().err


def test_usage_is_printed_on_request(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("--help") == 0
    assert "improved-best" in capsys.readouterr().out


def test_it_is_a_program(tmp_path: Path) -> None:
    import subprocess

    ended = subprocess.run(
        [sys.executable, ROOT / "template.py", "nonsense"], capture_output=True, text=True, cwd=tmp_path
    )
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr

"""What importing costs, and what it must not bring."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import photochrom

PUBLIC_NAMES = {
    "Checkpoint",
    "ColorizationModel",
    "Colorizer",
    "Dataset",
    "Evaluation",
    "Experiment",
    "Hint",
    "Pairs",
    "Photo",
    "PhotochromError",
    "Result",
    "RunFolder",
    "TrainingConfig",
    "__version__",
    "accuracy_within",
    "create_model",
    "evaluate",
    "find_checkpoint",
    "fit",
    "load_checkpoint",
    "open_dataset",
    "predict",
    "predict_confidence",
    "predict_variants",
    "save_checkpoint",
    "write_report",
}


def modules_after(statement: str) -> set[str]:
    program = f"import sys; {statement}; print(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    )


def test_public_names_are_these() -> None:
    assert set(photochrom.__all__) == PUBLIC_NAMES


@pytest.mark.parametrize("name", sorted(PUBLIC_NAMES))
def test_public_name_is_there_and_explained(name: str) -> None:
    thing = getattr(photochrom, name)
    assert thing.__doc__


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        photochrom.no_such_name  # noqa: B018


@pytest.mark.parametrize(
    "statement", ["import photochrom", "import photochrom.color, photochrom.lab.datasets.synthetic"]
)
def test_no_deep_learning_framework_comes_along(statement: str) -> None:
    assert not modules_after(statement) & {"torch", "lightning_fabric", "matplotlib", "scipy", "skimage"}


def test_command_line_starts_without_heavy_modules() -> None:
    assert not modules_after("import photochrom.cli") & {"torch", "numpy", "matplotlib", "pydantic"}


def test_an_interruption_while_modules_are_loaded_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "photochrom", "--version"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "photochrom: interrupted\n")


def test_torchvision_is_not_installed() -> None:
    """Its wheel cannot be imported beside the CPU build of torch, and then breaks what imports it on the way."""
    assert importlib.util.find_spec("torchvision") is None

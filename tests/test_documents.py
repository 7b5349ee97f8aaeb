"""What the documents promise."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from photochrom.cli import app
from photochrom.lab.evaluation import read_evaluations
from photochrom.lab.experiments import get_experiment, of_the_study
from photochrom.lab.report import write_report
from photochrom.shipped import shipped_model, shipped_models

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "benchmarks/README.md",
    "docs/cluster.md",
    "docs/data.md",
    "docs/evaluation.md",
    "docs/files.md",
    "docs/log.md",
    "docs/providers.md",
    "docs/question.md",
    "docs/study/README.md",
    "docs/study/report.md",
]


def code_blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)


def shell_commands(document: str = "README.md") -> list[str]:
    """The lines of a document's shell blocks, without their comments."""
    lines = "".join(code_blocks(document, "bash")).splitlines()
    return [line.partition(" #")[0].strip() for line in lines if line.strip()]


def photochrom_commands() -> list[list[str]]:
    documents = ("README.md", "docs/data.md", "docs/question.md", "docs/study/README.md")
    commands = (line.removeprefix(".venv/bin/") for document in documents for line in shell_commands(document))
    return [shlex.split(line, comments=True)[1:] for line in commands if line.startswith("photochrom ")]


@pytest.mark.parametrize("words", photochrom_commands(), ids=" ".join)
def test_documents_name_commands_and_options_that_exist(words: list[str]) -> None:
    import typer

    command = typer.main.get_command(app)
    arguments = list(words)
    while arguments and arguments[0] in getattr(command, "commands", {}):
        command = command.commands[arguments.pop(0)]  # type: ignore[attr-defined]
    assert not hasattr(command, "commands"), words
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in arguments if word.startswith("--")} <= options


@pytest.mark.parametrize("line", [line for line in shell_commands() if line.startswith("python template.py")])
def test_readme_names_commands_of_the_study_that_exist(line: str) -> None:
    sys.path.insert(0, str(ROOT))
    try:
        import template
    finally:
        sys.path.remove(str(ROOT))
    known = {*template.GROUPS, *template.SINGLE, "custom", "test-best-only"}
    assert line.split()[2] in known


@pytest.mark.parametrize("target", ["run", "test"])
def test_make_knows_the_two_commands(target: str) -> None:
    assert f"make {target} " in README
    ended = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_readme_python_runs(tmp_path: Path) -> None:
    _, program = code_blocks("README.md", "python")
    smaller = program.replace('open_dataset("synthetic")', "Synthetic(val_count=8)")
    smaller = "from photochrom.lab.datasets.synthetic import Synthetic\n" + smaller.replace(
        "photochrom.Synthetic", "Synthetic"
    )
    ended = subprocess.run([sys.executable, "-c", smaller], capture_output=True, text=True, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert 0.2 < float(ended.stdout) < 1.0


def test_readme_python_for_photos_runs(tmp_path: Path) -> None:
    program, _ = code_blocks("README.md", "python")
    shades = np.linspace(0, 255, 1000 * 700).reshape(1000, 700).astype(np.uint8)
    Image.fromarray(shades).save(tmp_path / "grandma.jpg")
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    with Image.open(tmp_path / "grandma-color.jpg") as colored:
        assert (colored.mode, colored.size) == ("RGB", (700, 1000))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", (ROOT / document).read_text()):
        if not link.startswith("http"):
            assert (ROOT / document).parent.joinpath(link).exists(), link


def test_the_tour_names_every_room() -> None:
    source = ROOT / "src" / "photochrom"
    rooms = {
        path.name
        for wing in (source, source / "lab")
        for path in wing.iterdir()
        if not path.name.startswith(("_", "py.typed"))
    }
    for room in rooms:
        assert room in README, room


@pytest.mark.parametrize(("place", "package"), [(0, "models"), (1, "experiments")])
def test_examples_of_new_entries_are_complete(tmp_path: Path, place: int, package: str) -> None:
    """The code in CONTRIBUTING.md, put where it says, is an entry."""
    source = code_blocks("CONTRIBUTING.md", "python")[place]
    name = {"models": "my_net", "experiments": "my_question"}[package]
    folder = ROOT / "src" / "photochrom" / "lab" / package
    program = f"""
import photochrom.lab.{package} as room
room.__path__.append({str(tmp_path)!r})
assert {name!r} in room.available()
"""
    program += {
        "models": "assert room.create('my_net', {'width': 2}).parameter_count() == 77",
        "experiments": "assert room.get_run('my_question/width-32').config.hyperparameters == {'hidden_channels': 32}",
    }[package]
    (tmp_path / f"{name}.py").write_text(source)
    assert not (folder / f"{name}.py").exists()
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_committed_results_hold_every_run_of_the_study() -> None:
    rows = json.loads((ROOT / "docs" / "study" / "results.json").read_text())
    found = {(row["experiment"], row["run"]) for row in rows}
    for name in of_the_study():
        for run in get_experiment(name).runs:
            assert (name, run.name) in found
    assert all(0.2 < row["val_accuracy"] < 0.9 for row in rows)


@pytest.mark.parametrize("model", shipped_models())
def test_a_card_has_the_figures_that_were_measured(model: str) -> None:
    shipped = shipped_model(model)
    card = shipped.card.read_text()
    evaluations = read_evaluations(shipped.figures)
    assert evaluations
    for evaluation in evaluations:
        assert evaluation.model == model
        overall = evaluation.overall
        what = f"{evaluation.data} {evaluation.split}, {evaluation.pictures}"
        how = evaluation.decoding or "–"
        assert f"| {what} | {how} | {overall.accuracy:.4f} | {overall.mse:.5f} |" in card
    if evaluations[0].data == "study":
        assert f"{evaluations[0].overall.accuracy:.4f} | {evaluations[0].overall.mse:.5f}" in README


@pytest.mark.slow
def test_the_report_of_the_committed_runs_is_the_committed_one_and_one_small_page_that_asks_nobody(
    tmp_path: Path,
) -> None:
    page = write_report(ROOT / "docs" / "study" / "runs", tmp_path, "public")
    assert page.stat().st_size < 5_000_000
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page.read_text())
    for name in ("report.md", "results.json"):
        assert (tmp_path / name).read_text() == (ROOT / "docs" / "study" / name).read_text(), name

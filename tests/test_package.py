"""What is built of this package, installed on its own."""

import subprocess
import sys
import tarfile
from email.parser import Parser
from importlib.metadata import metadata
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from photochrom.shipped import WEIGHTS, read_card, shipped_models

ROOT = Path(__file__).parents[1]
TERMS = (ROOT / "LICENSE-WEIGHTS.md").read_text()
LICENSES = {"LICENSE", "LICENSE-APACHE-2.0", "LICENSE-WEIGHTS.md", "NOTICE"}


def run(*words: object) -> str:
    ended = subprocess.run([str(word) for word in words], capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source archive, which lies beside it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def bare_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel and what it requires."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    run(sys.executable, "-m", "venv", folder)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    asked = [*map(str, pip), "download", "--no-deps", "--no-cache-dir", "--retries=0", "--timeout=15", "typer"]
    if subprocess.run(asked, cwd=folder, capture_output=True).returncode:
        pytest.skip("pip cannot reach a package registry")
    run(*pip, "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel)
    return python


@pytest.mark.parametrize("weights", [*shipped_models(), "yunet"])
def test_all_weights_have_terms(weights: str) -> None:
    assert f"\n| `{weights}` |" in TERMS


@pytest.mark.parametrize("model", shipped_models())
def test_a_card_and_the_terms_agree_on_research_use(model: str) -> None:
    assert (f"\n| `{model}` | research use" in TERMS) == read_card(model).facts["rights"].startswith("research use")


def test_the_metadata_name_every_license() -> None:
    assert metadata("photochrom")["License-Expression"] == "MIT AND Apache-2.0 AND LicenseRef-Research-Use"


@pytest.mark.slow
def test_wheel_and_source_archive_hold_code_weights_page_and_licenses(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (about,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        described = Parser().parsestr(archive.read(about).decode())
    assert set(described.get_all("License-File") or ()) == LICENSES
    shipped = {f"photochrom/weights/{file.name}" for file in WEIGHTS.iterdir() if file.is_file()}
    assert shipped | {"photochrom/py.typed", "photochrom/server/static/index.html"} <= names
    (source,) = wheel.parent.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}
    assert LICENSES | {"pyproject.toml", "CHANGELOG.md", "tests/test_package.py"} <= files


@pytest.mark.slow
def test_the_wheel_alone_colors_a_photo(bare_python: Path, tmp_path: Path) -> None:
    photo = tmp_path / "grandma.png"
    Image.fromarray(np.add.outer(np.arange(120), np.arange(100)).astype(np.uint8)).save(photo)
    run(bare_python.with_name("photochrom"), "colorize", photo)
    with Image.open(tmp_path / "grandma-color.png") as colored:
        assert (colored.mode, colored.size) == ("RGB", (100, 120))
        assert np.ptp(np.asarray(colored).astype(int), axis=2).max() > 0

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def made() -> ModuleType:
    """The benchmark that makes photos of every kind, with writers of PNG and TIFF that no library has a part in."""
    path = Path(__file__).parents[2] / "benchmarks" / "same_pictures.py"
    spec = importlib.util.spec_from_file_location("same_pictures", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

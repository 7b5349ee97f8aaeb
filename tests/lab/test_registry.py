import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from photochrom.errors import ConfigError
from photochrom.lab.registry import Registry

PACKAGE = "fruit_of_the_registry_test"
ENTRY = f"from {PACKAGE} import registry\n\n\n@registry.register\ndef {{name}}():\n    return {{name!r}}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A catalogue on disk: two fruit, one file of machinery, and one file that does not bear to be imported."""
    folder = tmp_path / PACKAGE
    folder.mkdir()
    (folder / "__init__.py").write_text(
        f"from photochrom.lab.registry import Registry\n\nregistry = Registry({PACKAGE!r}, 'fruit')\n"
    )
    for name in ("pear", "apple"):
        (folder / f"{name}.py").write_text(ENTRY.format(name=name))
    (folder / "_machinery.py").write_text(ENTRY.format(name="machinery"))
    (folder / "durian.py").write_text("raise RuntimeError('was imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for module in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[module]


@pytest.fixture
def registry(folder: Path) -> Registry:
    catalogue: Registry = importlib.import_module(PACKAGE).registry
    return catalogue


def test_names_are_those_of_the_files_and_sorted(registry: Registry) -> None:
    assert registry.names() == ["apple", "durian", "pear"]


def test_listing_imports_no_file(registry: Registry) -> None:
    registry.names()
    assert f"{PACKAGE}.apple" not in sys.modules


def test_an_entry_is_imported_when_it_is_asked_for_and_no_other_is(registry: Registry) -> None:
    assert registry["pear"]() == "pear"
    assert f"{PACKAGE}.pear" in sys.modules
    assert f"{PACKAGE}.apple" not in sys.modules


def test_an_entry_is_the_same_object_each_time(registry: Registry) -> None:
    assert registry["pear"] is registry["pear"]
    assert registry["pear"] is importlib.import_module(f"{PACKAGE}.pear").pear


def test_a_new_file_is_a_new_entry(registry: Registry, folder: Path) -> None:
    (folder / "quince.py").write_text(ENTRY.format(name="quince"))
    importlib.invalidate_caches()
    assert "quince" in registry.names()
    assert registry["quince"]() == "quince"


def test_an_underscore_file_is_no_entry(registry: Registry) -> None:
    with pytest.raises(ConfigError, match="no fruit is called '_machinery'"):
        registry["_machinery"]


def test_an_unknown_name_gives_the_nearest_as_a_hint(registry: Registry) -> None:
    with pytest.raises(ConfigError, match=r"^no fruit is called 'appel'; did you mean 'apple'\?$"):
        registry["appel"]


def test_a_name_near_to_none_gives_them_all(registry: Registry) -> None:
    with pytest.raises(ConfigError, match=r"^no fruit is called 'x'; there are: apple, durian, pear$"):
        registry["x"]


def test_two_entries_in_one_file_are_refused(registry: Registry, folder: Path) -> None:
    (folder / "grape.py").write_text(ENTRY.format(name="grape") + "\n\n@registry.register\ndef raisin():\n    pass\n")
    importlib.invalidate_caches()
    with pytest.raises(ValueError, match=rf"{PACKAGE}\.grape holds two entries"):
        registry["grape"]


def test_an_error_in_an_entry_s_own_file_is_not_hidden(registry: Registry) -> None:
    with pytest.raises(RuntimeError, match="was imported"):
        registry["durian"]

"""How long modules and functions may be, and what each call in them must say."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import photochrom

SOURCE = Path(photochrom.__file__).parent
MODULES = sorted(SOURCE.rglob("*.py"))
LONGEST_MODULE, LONGEST_FUNCTION = 400, 40


def functions(module: Path) -> Iterator[tuple[str, int]]:
    """Name and number of lines of each function, docstring included."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or 0) - node.lineno + 1


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.relative_to(SOURCE).as_posix())
def test_modules_are_short(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.relative_to(SOURCE).as_posix())
def test_functions_are_short(module: Path) -> None:
    assert [(name, lines) for name, lines in functions(module) if lines > LONGEST_FUNCTION] == []


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.relative_to(SOURCE).as_posix())
def test_text_is_read_and_written_in_an_encoding_of_ours(module: Path) -> None:
    calls = [node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call)]
    of_text = [call for call in calls if getattr(call.func, "attr", "") in ("read_text", "write_text")]
    assert [call.lineno for call in of_text if "encoding" not in {word.arg for word in call.keywords}] == []

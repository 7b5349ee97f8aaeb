"""The short form of benchmarks/kill_search.py, and what two processes at once do; with real trainings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_a_search_that_is_killed_by_the_system_ends_like_an_unbroken_one() -> None:
    short = ["--trials", "3", "--kills", "2"]  # of the search alone, and of its group
    command = [sys.executable, str(ROOT / "benchmarks" / "kill_search.py"), *short]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "trials that differ: none" in ended.stdout

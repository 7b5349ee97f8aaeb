import signal
import subprocess
from pathlib import Path

import pytest

from photochrom.process import OWN_COMMAND, raise_exit


def test_a_request_to_end_becomes_an_exception() -> None:
    with pytest.raises(SystemExit) as ended:
        raise_exit(signal.SIGTERM, None)
    assert ended.value.code == 143


def test_photochrom_as_another_process_imports_nothing_from_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise SystemExit('not the one that is installed')")
    ended = subprocess.run([*OWN_COMMAND, "--version"], cwd=tmp_path, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")

import subprocess
from pathlib import Path

from photochrom.process import OWN_COMMAND


def test_photochrom_as_another_process_imports_nothing_from_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise SystemExit('not the one that is installed')")
    ended = subprocess.run([*OWN_COMMAND, "--version"], cwd=tmp_path, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")

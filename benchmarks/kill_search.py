"""Does a killed search end like an unbroken one? Kills one again and again with SIGKILL, and compares the two.

    python benchmarks/kill_search.py                          # 40 trials, 50 kills
    python benchmarks/kill_search.py --trials 3 --kills 2     # the short form, which is a test too

Trainings are of small pictures of synthetic faces. Every second kill comes to the whole group of processes, the others
to the search alone, whose training then ends by itself. A kill comes a random time after the search has started a
training; the time is drawn from what is left of the search, so that kills come before its end.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import optuna
import typer
from PIL import Image

from photochrom.lab.datasets._faces import draw_faces

SPACE = """
learning_rate: {low: 1e-3, high: 1e-1, log: true}
hidden_channels: [2, 4, 8]
loss: [mse, l1, smooth_l1]
"""


def draw(folder: Path) -> None:
    """Synthetic faces as picture files."""
    pictures = draw_faces(96, seed=5, size=24)
    for split, part in (("train", pictures[:64]), ("val", pictures[64:88]), ("test", pictures[88:])):
        (folder / split).mkdir(parents=True)
        for index, picture in enumerate(part):
            Image.fromarray(picture).save(folder / split / f"{index}.png")


def started(work: Path, name: str, trials: int) -> "subprocess.Popen[str]":
    """The command, as the first process of a group."""
    command = [sys.executable, "-m", "photochrom", "search", "convnet", "max_epochs=6", "--jobs", "1"]
    command += ["--data", str(work / "faces"), "--space", str(work / "space.yaml"), "--trials", str(trials)]
    command += ["--pruner", "asha", "--name", "mine", "--runs", str(work / name)]
    return subprocess.Popen(
        command, text=True, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def essence(work: Path, name: str) -> list[tuple[Any, ...]]:
    """All of the trials but their times."""
    study = optuna.load_study(study_name="mine", storage=f"sqlite:///{work / name / 'mine' / 'search.db'}")
    return [(one.number, one.state.name, one.params, one.value, one.intermediate_values) for one in study.trials]


def begun_trials(work: Path) -> int:
    """How many trials of the broken search have begun."""
    return len(list(work.glob("broken/mine/trial-*/history.jsonl")))


def wait_for_a_training(work: Path, process: "subprocess.Popen[str]", began: float) -> None:
    """Wait until a search has started a training, or has ended."""
    while process.poll() is None:
        requests = work.glob("broken/mine/trial-*/requested.json")
        if any(request.stat().st_mtime >= began for request in requests):
            return
        time.sleep(0.02)


def killed(work: Path, trials: int, kills: int, trial_seconds: float) -> int:
    """Run a search and kill it; gives how many kills came before its end."""
    landed = 0
    for turn in range(kills):
        began = time.time()
        process = started(work, "broken", trials)
        left = max(trials - begun_trials(work), 1) / (kills - turn)
        wait_for_a_training(work, process, began)
        time.sleep(random.uniform(0.0, 2.0 * left * trial_seconds))
        if process.poll() is None:
            landed += 1
            (os.killpg if turn % 2 else os.kill)(process.pid, signal.SIGKILL)
        process.communicate()
        print(f"kill {turn + 1}: {begun_trials(work)} of {trials} trials have begun", flush=True)
    return landed


def main(trials: int = 40, kills: int = 50, seed: int = 0) -> None:
    """Run a search unbroken, run it killed, and compare."""
    random.seed(seed)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        draw(work / "faces")
        (work / "space.yaml").write_text(SPACE)
        began = time.monotonic()
        unbroken = started(work, "whole", trials)
        print(unbroken.communicate()[0][-200:], flush=True)
        trial_seconds = (time.monotonic() - began) / trials
        landed = killed(work, trials, kills, trial_seconds)
        last = started(work, "broken", trials)
        said = last.communicate()[0]
        expected, found = essence(work, "whole"), essence(work, "broken")
    differing = [number for number, (a, b) in enumerate(zip(expected, found, strict=False)) if a != b]
    states = {state: sum(1 for one in found if one[1] == state) for state in ("COMPLETE", "PRUNED", "FAIL", "RUNNING")}
    print(f"{landed} of {kills} kills came before the end; {states}; {trial_seconds:.1f} s a trial")
    print(f"trials that differ: {differing or 'none'}")
    if differing or len(found) != len(expected) or last.returncode or unbroken.returncode:
        print(said)
        sys.exit(1)


if __name__ == "__main__":
    typer.run(main)

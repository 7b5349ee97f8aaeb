"""Does the same command always go on? Kills it at random points, runs it again, and counts what is there.

    python benchmarks/kill_and_resume.py --kills 50 --how process
    python benchmarks/kill_and_resume.py --kills 50 --how group
    python benchmarks/kill_and_resume.py --twice 20

A kill comes when the manifest has a random number of lines, and a random moment later: to the first process alone, or
to it and its workers at once. With --twice, two runs begin on the same album at the same time.

Of these 120 on two busy cores (seed 0), none ended wrongly: each time the next run ended with status 0, and every photo
was there once.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Literal

import numpy as np
import typer
from PIL import Image

LINES = 3
"""Lines of the manifest for each photo: it is begun, its results are whole, they are in their places."""

SIGNALS = {"process": signal.SIGKILL, "group": signal.SIGKILL, "int": signal.SIGINT, "term": signal.SIGTERM}

How = Literal["process", "group", "int", "term"]


def draw_album(folder: Path, photos: int, side: int) -> None:
    """Smooth gray pictures in two folders and several formats."""
    generator = np.random.default_rng(0)
    for number in range(photos):
        coarse = Image.fromarray(generator.integers(0, 256, (6, 5), dtype=np.uint8))
        path = folder / ("deep" if number % 3 else "") / f"{number:02d}.{('jpg', 'png', 'tif')[number % 3]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse.resize((side, side)).save(path)


def started(album: Path, results: Path) -> "subprocess.Popen[str]":
    """The command, as the first process of a group."""
    command = [sys.executable, "-m", "photochrom", "colorize", str(album), "--out", str(results), "--jobs", "2"]
    command.append("--no-faces")
    return subprocess.Popen(command, text=True, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def lines(manifest: Path) -> int:
    """How many lines the manifest has."""
    return manifest.read_bytes().count(b"\n") if manifest.exists() else 0


def end_at_random(process: "subprocess.Popen[str]", manifest: Path, how: How, photos: int) -> int:
    """Send a signal at a random point; returns how many lines there were then, -1 if the run had ended before."""
    wanted, later = random.randint(0, LINES * photos), random.uniform(0.0, 0.05)
    while process.poll() is None and lines(manifest) < wanted:
        time.sleep(0.002)
    time.sleep(later)
    if process.poll() is not None:
        return -1
    send = os.kill if how == "process" else os.killpg
    send(process.pid, SIGNALS[how])
    return lines(manifest)


def faults(results: Path, album: Path, last: "subprocess.Popen[str]", told: tuple[str, str]) -> list[str]:
    """What is wrong with the results after the last run."""
    expected = {path.relative_to(album).as_posix() for path in album.rglob("*") if path.is_file()}
    found = {path.relative_to(results).as_posix() for path in results.rglob("*") if path.is_file()}
    written = [json.loads(line) for line in (results / "photochrom.jsonl").read_text().splitlines()]
    colored = [line["file"] for line in written if line["error"] is None]
    checks = {
        f"status {last.returncode}: {told[1].strip()}": last.returncode == 0,
        f"lost {expected - found}": expected <= found,
        f"left over {found - expected}": found - expected <= {"photochrom.jsonl"},
        "a photo colored twice": len(colored) == len(set(colored)),
    }
    return [fault for fault, is_right in checks.items() if not is_right]


def turn(album: Path, results: Path, photos: int, how: How | None) -> tuple[int, list[str]]:
    """One run that is killed, or two at once, and one after them; returns what `end_at_random` does, and the faults."""
    shutil.rmtree(results, ignore_errors=True)
    runs = [started(album, results) for _ in range(1 if how else 2)]
    at = end_at_random(runs[0], results / "photochrom.jsonl", how, photos) if how else -1
    for run in runs:
        run.communicate()
    last = started(album, results)
    found = faults(results, album, last, last.communicate())
    return at, found + [f"status {run.returncode} of two runs" for run in runs if not how and run.returncode]


def main(kills: int = 0, twice: int = 0, how: How = "process", photos: int = 8, side: int = 120, seed: int = 0) -> None:
    """Kill, run again, and tell what was wrong. Runs that had ended before the kill came do not count."""
    random.seed(seed)
    bad, done, missed = 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        album, results = Path(folder, "album"), Path(folder, "results")
        draw_album(album, photos, side)
        while done < (twice or kills):
            at, found = turn(album, results, photos, None if twice else how)
            if at < 0 and not twice:
                missed += 1
                continue
            done, bad = done + 1, bad + bool(found)
            place = "two at once" if twice else f"at line {at} of {LINES * photos}"
            print(f"{done}: {place}: {'; '.join(found) or 'all there, once'}", flush=True)
    print(f"{bad} of {done} ended wrongly; {missed} more had ended before the kill came")
    sys.exit(bad > 0)


if __name__ == "__main__":
    typer.run(main)

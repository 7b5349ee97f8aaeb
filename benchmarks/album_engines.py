"""An album by `--engine ray` beside the local engine: photos a second, and whether the bytes are the same.

    python benchmarks/album_engines.py FOLDER [--jobs 2] [--repeats 3]

The engines take turns, so that a busy machine slows both alike. The clock starts with the first finished photo, when
the workers have loaded their networks; the time until then is told apart, for it does not grow with the album.
"""

import statistics
import tempfile
import time
from pathlib import Path

import typer

from photochrom.album import MANIFEST_NAME, plan, run
from photochrom.commands._engines import album_pool


def color(folder: Path, out: Path, engine: str, jobs: int) -> tuple[float, float]:
    """Color an album; returns the seconds until the first photo, and the photos a second from then on."""
    planned = plan([folder], out)
    began, ends = time.perf_counter(), []
    with album_pool(engine, planned, jobs, 1, "cpu", "", 0) as (pool, workers):
        for outcome in run(planned, workers, pool=pool):
            if outcome.status != "colored":
                raise SystemExit(f"{outcome.source}: {outcome.error or outcome.status}")
            ends.append(time.perf_counter())
    return ends[0] - began, (len(ends) - 1) / (ends[-1] - ends[0])


def results(folder: Path) -> dict[str, bytes]:
    """All result files."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST_NAME)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def main(folder: Path, jobs: int = 2, repeats: int = 3) -> None:
    """Compare the engines."""
    figures: dict[str, list[tuple[float, float]]] = {"local": [], "ray": []}
    with tempfile.TemporaryDirectory() as place:
        for repeat in range(repeats):
            for engine, found in figures.items():
                found.append(color(folder, Path(place, f"{engine}-{repeat}"), engine, jobs))
                print(f"{engine}: first photo after {found[-1][0]:.1f} s, then {found[-1][1]:.2f} photos a second")
            if results(Path(place, f"local-{repeat}")) != results(Path(place, f"ray-{repeat}")):
                raise SystemExit("the engines gave different bytes")
    ratios = [ray[1] / local[1] for local, ray in zip(figures["local"], figures["ray"], strict=True)]
    print(f"ray / local: {statistics.median(ratios):.2f} (from {min(ratios):.2f} to {max(ratios):.2f}); the same bytes")


if __name__ == "__main__":
    typer.run(main)

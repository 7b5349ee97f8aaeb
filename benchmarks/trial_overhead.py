"""What a training costs beside the training itself, as a process of the local engine and as a task of Ray.

    python benchmarks/trial_overhead.py [--trials 10] [--repeats 3]

Trainings of one epoch on a few synthetic faces, one at a time; the engines take turns. Of the time between the ends of
the first and of the last training, what the trainings themselves took is left out. The first one's start is told apart.
"""

import statistics
import tempfile
import time
from pathlib import Path

import typer

from photochrom.lab.executors import Executor, LocalExecutor, RayExecutor, TrainingJob, run_jobs
from photochrom.lab.training import RunFolder, TrainingConfig

CONFIG = TrainingConfig(data="synthetic", max_epochs=1, precision="fp32")


def overhead(executor: Executor, folder: Path, trials: int) -> tuple[float, float]:
    """Seconds until the first of several trainings has ended, and seconds that each later one took beside training."""
    folders = [RunFolder(folder / str(seed)) for seed in range(trials + 1)]
    jobs = [TrainingJob(run.path.name, CONFIG.varied(seed=seed), run) for seed, run in enumerate(folders)]
    ends: list[float] = []
    began = time.perf_counter()

    def note_ends(*_: object) -> None:
        ends.extend([time.perf_counter()] * (sum(run.is_finished() for run in folders) - len(ends)))

    failed = [outcome.error for outcome in run_jobs(jobs, executor, note_ends) if outcome.error]
    if failed:
        raise SystemExit(failed[0])
    trained = sum(run.metrics().seconds for run in folders[1:])
    return ends[0] - began, (ends[-1] - ends[0] - trained) / trials


def main(trials: int = 10, repeats: int = 3) -> None:
    """Compare the engines."""
    found: dict[str, list[float]] = {"local": [], "ray": []}
    with tempfile.TemporaryDirectory() as place:
        for repeat in range(repeats):
            engines: dict[str, Executor] = {"local": LocalExecutor(1, "cpu"), "ray": RayExecutor(1, "cpu")}
            for name, executor in engines.items():
                first, each = overhead(executor, Path(place, f"{name}-{repeat}"), trials)
                found[name].append(each)
                print(f"{name}: first end after {first:.1f} s; later each {each:.2f} s beside training")
    print(", ".join(f"{name} {statistics.median(values):.2f} s" for name, values in found.items()))


if __name__ == "__main__":
    typer.run(main)

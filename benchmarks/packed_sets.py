"""Training from a pack against training from memory: time as a ratio, and memory as the set grows ten times.

    python benchmarks/packed_sets.py [--pictures 2000] [--epochs 3]

Each measurement is a process of its own; the sides alternate, so that a busy machine slows both alike.
"""

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from photochrom.lab.datasets import Dataset, Pairs, Split, open_dataset, pack, pairs_from_color
from photochrom.lab.training import RunFolder, TrainingConfig, fit

BLOCK = 1000


class Noise(Dataset):
    """Random pictures of 80x80, given in blocks; 200 of them to validate."""

    summary, rights = "random pictures", "none needed"

    def __init__(self, count: int) -> None:
        self.count = count

    @property
    def name(self) -> str:
        """Always `noise`."""
        return "noise"

    def blocks(self, split: Split) -> Iterator[Pairs]:
        """The pictures of a split, a block at a time."""
        count = self.count if split == "train" else 200
        for start in range(0, count, BLOCK):
            rng = np.random.default_rng([len(split), start])
            color = rng.integers(0, 256, (min(BLOCK, count - start), 80, 80, 3), dtype=np.uint8)
            yield pairs_from_color([f"{start + place}" for place in range(len(color))], color)

    def split(self, split: Split) -> Pairs:
        """All pictures of a split."""
        blocks = list(self.blocks(split))
        names = tuple(name for block in blocks for name in block.names)
        return Pairs(
            names, np.concatenate([block.gray for block in blocks]), np.concatenate([block.truth for block in blocks])
        )


def anonymous_megabytes() -> float:
    """Memory that is the process's own; mapped files, which the system takes back when it needs room, are apart."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"RssAnon:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else float("nan")


def train(source: str, pictures: int, epochs: int) -> None:
    """Train in this process and print what it cost."""
    dataset = Noise(pictures) if source == "memory" else open_dataset(source)
    config = TrainingConfig(max_epochs=epochs, patience=epochs, hyperparameters={"hidden_channels": 4})
    seconds: list[float] = []
    clock = [time.process_time()]

    def note(_: object) -> None:
        seconds.append(time.process_time() - clock[0])
        clock[0] = time.process_time()

    with tempfile.TemporaryDirectory() as run:
        fit(config, RunFolder(Path(run)), device="cpu", dataset=dataset, on_epoch=note)
    print(json.dumps({"seconds": statistics.median(seconds[1:]), "megabytes": anonymous_megabytes()}))


def measured(source: str, pictures: int, epochs: int) -> dict[str, float]:
    """What a training in a process of its own costs."""
    command = [sys.executable, __file__, "--train", source, "--pictures", str(pictures), "--epochs", str(epochs)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def main(
    pictures: int = 2000,
    epochs: int = 3,
    repeats: int = 3,
    source: Annotated[str | None, typer.Option("--train", hidden=True)] = None,
) -> None:
    """Compare, or train from a source as a part of the comparison."""
    if source is not None:
        train(source, pictures, epochs)
        return
    with tempfile.TemporaryDirectory() as place:
        for count in (pictures, 10 * pictures):
            packed = Path(place, str(count))
            pack(Noise(count), packed)
            size = sum(path.stat().st_size for path in packed.iterdir()) / 2**20
            print(f"{count} pictures: a pack of {size:.0f} MB; packing took {anonymous_megabytes():.0f} MB of memory")
            sides: dict[str, list[dict[str, float]]] = {"memory": [], str(packed): []}
            for _ in range(repeats if count == pictures else 1):
                for side, found in sides.items():
                    found.append(measured(side, count, epochs))
            memory, mapped = (
                {name: statistics.median(one[name] for one in found) for name in found[0]} for found in sides.values()
            )
            print(
                f"  an epoch takes {mapped['seconds'] / memory['seconds']:.3f} of the processor time from memory "
                f"({memory['seconds']:.2f} s); memory of the process: {mapped['megabytes']:.0f} MB packed, "
                f"{memory['megabytes']:.0f} MB from memory (torch {torch.__version__})"
            )


if __name__ == "__main__":
    typer.run(main)

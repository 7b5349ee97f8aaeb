"""How long an epoch takes: photochrom's loop and a plain rendering of the study's, side by side.

The study's side is our rendering, in our own words and in plain torch, of what the study's public program does in one
epoch:

1. A `DataLoader` (batches of 16, shuffled, no workers) opens each JPEG with Pillow whenever it is asked for it, makes
   the gray picture with `convert("L")` and turns both into float tensors in [-1, 1]; forward, MSE, backward, SGD step.
2. All training pictures are predicted again, unshuffled, in batches of 16. Each prediction is turned into a Pillow
   picture by itself, truncated to bytes, and copied into an array of float64, (5001, 80, 80, 3). Every true file is
   then read again, and the share of values nearer than 12 levels is taken in int64, picture by picture.
3. The same for the 2000 validation pictures.

It computes in full precision and in torch's default memory format. The original saved weights and drew a batch with
matplotlib when an epoch was the best so far; that is left out here. Photochrom's side is `photochrom.fit` as
it is, and what it saves after an epoch is counted.

Each measurement is one process on the CPU, whose first epoch is a warm-up and not counted. Fewer pictures than an epoch
has may be used, the same files on both sides; times are then scaled up to 5001 + 2000 pictures.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
import typer
from PIL import Image
from torch import Tensor, nn
from torch.utils import data

from photochrom.commands import one_line_failures, print_table, say, warn
from photochrom.files import write_whole
from photochrom.lab.datasets import Dataset, Split, open_dataset
from photochrom.lab.datasets.study import Study
from photochrom.lab.datasets.synthetic import Synthetic
from photochrom.lab.training import RunFolder, TrainingConfig, fit

Side = Literal["study", "photochrom", "photochrom-fp32"]
SIDES: tuple[Side, ...] = get_args(Side)

EPOCH_TRAIN, EPOCH_VAL = 5001, 2000
EPOCH_PICTURES = EPOCH_TRAIN + EPOCH_VAL
EPOCHS = 2
"""One to warm up, one to measure."""

_THREADS = "OMP_NUM_THREADS"

TARGET_RATIO = 5.0
TARGET_LOAD_SECONDS = 5.0

NUM_LAYERS, KERNEL_SIZE, SIDE_LENGTH = 2, 5, 80
BATCH_SIZE, LEARNING_RATE, MARGIN = 16, 0.007, 12

# --- the study's epoch -------------------------------------------------------------------------------------------


class JpegPairs(data.Dataset[tuple[Tensor, Tensor]]):
    """Gray and color tensors of JPEG files, each read anew whenever it is asked for."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Gray (1, height, width) and color (3, height, width), both signed."""
        with Image.open(self.files[index]) as image:
            color = image.convert("RGB")
        return signed_tensor(color.convert("L")), signed_tensor(color)


def signed_tensor(picture: Image.Image) -> Tensor:
    """A picture as floats in [-1, 1], shape (channels, height, width)."""
    levels = torch.from_numpy(np.array(picture)).reshape(picture.height, picture.width, -1)
    unit = levels.permute(2, 0, 1).contiguous().float().div(255)
    return (unit - 0.5) * 2


def picture_of(prediction: Tensor) -> Image.Image:
    """A signed prediction (3, height, width) as a picture, neither clamped nor rounded."""
    levels = (prediction / 2 + 0.5).mul(255).byte()
    return Image.fromarray(levels.permute(1, 2, 0).numpy())


def study_network(hidden_channels: int) -> nn.Module:
    """Two convolutions with ReLU between them."""
    padding = KERNEL_SIZE // 2
    return nn.Sequential(
        nn.Conv2d(1, hidden_channels, KERNEL_SIZE, padding=padding),
        nn.ReLU(),
        nn.Conv2d(hidden_channels, 3, KERNEL_SIZE, padding=padding),
    )


def study_epoch(
    network: nn.Module, optimizer: torch.optim.Optimizer, train: Sequence[Path], val: Sequence[Path]
) -> None:
    """One pass of training, then the figures of both sets."""
    loss_of = nn.MSELoss()
    for gray, color in data.DataLoader(JpegPairs(train), batch_size=BATCH_SIZE, shuffle=True, num_workers=0):
        optimizer.zero_grad()
        loss = loss_of(network(gray), color)
        loss.backward()
        optimizer.step()
    for files in (train, val):
        pictures, _ = study_predictions(network, files)
        study_accuracy(pictures, files)


def study_predictions(network: nn.Module, files: Sequence[Path]) -> tuple[npt.NDArray[np.float64], float]:
    """The predicted pictures, one by one in float64, and the mean loss of the batches."""
    loss_of = nn.MSELoss()
    pictures = np.zeros((len(files), SIDE_LENGTH, SIDE_LENGTH, 3))
    place, losses = 0, []
    with torch.no_grad():
        for gray, color in data.DataLoader(JpegPairs(files), batch_size=BATCH_SIZE, num_workers=0):
            batch = network(gray)
            for prediction in batch:
                pictures[place] = np.asarray(picture_of(prediction))
                place += 1
            losses.append(loss_of(batch, color).item())
    return pictures, sum(losses) / len(losses)


def study_accuracy(pictures: npt.NDArray[np.float64], files: Sequence[Path]) -> float:
    """The share of values near the truth, which is read from its files again, a mean over pictures."""
    shares = []
    for picture, file in zip(pictures, files, strict=True):
        with Image.open(file) as image:
            truth = np.asarray(image).reshape(-1).astype(np.int64)
        distance = np.abs(truth - picture.reshape(-1).astype(np.int64))
        shares.append((distance < MARGIN).sum() / len(truth))
    return float(sum(shares) / len(shares))


# --- one measurement, in a process of its own --------------------------------------------------------------------


@dataclass(frozen=True)
class Measurement:
    """One epoch, as it was measured.

    Attributes:
        seconds: By the clock on the wall.
        cpu_seconds: Of all threads together, which other work on the machine does not lengthen much.
        threads: How many torch used.
        precision: What the convolutions computed in.
    """

    seconds: float
    cpu_seconds: float
    threads: int
    precision: str


class Stopwatch:
    """Both clocks, read at the end of each epoch."""

    def __init__(self) -> None:
        self._times: list[tuple[float, float]] = []

    def end_epoch(self) -> None:
        """Note the time."""
        self._times.append((time.perf_counter(), time.process_time()))

    def measurement(self, precision: str) -> Measurement:
        """The last epoch alone."""
        (wall_before, cpu_before), (wall, cpu) = self._times[-2:]
        return Measurement(wall - wall_before, cpu - cpu_before, torch.get_num_threads(), precision)


def measure_study(pictures: Path, hidden_channels: int) -> Measurement:
    """The last of a few epochs of the study's loop."""
    train, val = (sorted((pictures / split).iterdir()) for split in ("train", "val"))
    torch.manual_seed(0)
    network = study_network(hidden_channels)
    optimizer = torch.optim.SGD(network.parameters(), lr=LEARNING_RATE)
    stopwatch = Stopwatch()
    for _ in range(EPOCHS):
        study_epoch(network, optimizer, train, val)
        stopwatch.end_epoch()
    return stopwatch.measurement("32-true")


def measure_photochrom(
    pictures: Path, hidden_channels: int, precision: Literal["auto", "fp32"] = "auto"
) -> Measurement:
    """The last of a few epochs of photochrom's loop."""
    config = TrainingConfig(
        data=str(pictures),
        hyperparameters={"num_layers": NUM_LAYERS, "kernel_size": KERNEL_SIZE, "hidden_channels": hidden_channels},
        learning_rate=LEARNING_RATE,
        batch_size=BATCH_SIZE,
        max_epochs=EPOCHS,
        precision=precision,
    )
    stopwatch = Stopwatch()
    threads = int(os.environ.get(_THREADS, "1"))
    with tempfile.TemporaryDirectory() as run:
        metrics = fit(
            config, RunFolder(Path(run)), device="cpu", threads=threads, on_epoch=lambda _: stopwatch.end_epoch()
        )
    return stopwatch.measurement(metrics.precision)


def measure(side: Side, pictures: Path, channels: Sequence[int]) -> list[Measurement]:
    """One epoch of one side for each network."""
    if side == "study":
        return [measure_study(pictures, count) for count in channels]
    precision: Literal["auto", "fp32"] = "fp32" if side == "photochrom-fp32" else "auto"
    return [measure_photochrom(pictures, count, precision) for count in channels]


# --- all measurements --------------------------------------------------------------------------------------------


def environment(threads: int | None) -> dict[str, str]:
    """The environment of a measurement.

    Args:
        threads: For how many threads; None leaves the number to each side, as for a user who sets nothing.
    """
    plain = {name: value for name, value in os.environ.items() if name != _THREADS}
    return plain if threads is None else plain | {_THREADS: str(threads)}


def measure_apart(side: Side, pictures: Path, channels: Sequence[int], threads: int | None) -> list[Measurement]:
    """What `measure` gives, from a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--folder", str(pictures)]
    command += [word for count in channels for word in ("--channels", str(count))]
    child = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment(threads))
    return [Measurement(**row) for row in json.loads(child.stdout)]


def load_seconds(dataset: Dataset) -> float:
    """The time to read both splits, scaled up to 5001 + 2000 pictures if they are fewer."""
    started = time.perf_counter()
    count = sum(len(dataset.split(split)) for split in ("train", "val"))
    return (time.perf_counter() - started) * EPOCH_PICTURES / count


def lay_out(folder: Path, source: str, train: int, val: int) -> None:
    """Put the pictures to measure with into `folder/train` and `folder/val`, as JPEG files.

    Raises:
        DataError: The study's pictures are not on this machine.
    """
    study, synthetic = Study(), Synthetic(train_count=train, val_count=val, size=SIDE_LENGTH)
    counts: dict[Split, int] = {"train": train, "val": val}
    for split, count in counts.items():
        (folder / split).mkdir()
        if source == "study":
            for name in study.split(split).names[:count]:
                shutil.copy(study.root / name, folder / split)
        else:
            for index, face in enumerate(synthetic.split(split).truth):
                Image.fromarray(face).save(folder / split / f"{index}.jpg")


@dataclass(frozen=True)
class Comparison:
    """Both sides for one network and one number of threads; seconds are medians, scaled to a whole epoch.

    Attributes:
        kernels: Channels between the two convolutions.
        threads: How many each side used.
        set_by_us: Whether that number was asked for; if not, it is what a user gets who sets nothing.
        precision: What photochrom computed in.
        study_seconds: Of the study's epoch.
        photochrom_seconds: Of photochrom's.
        ratio: How many times shorter photochrom's is: the ratio of the two medians.
        lowest_ratio: Of all repeats.
        highest_ratio: Of all repeats.
        cpu_ratio: The ratio of the medians of processor time.
        fp32_ratio: The ratio of medians if photochrom too computes in full precision.
    """

    kernels: int
    threads: int
    set_by_us: bool
    precision: str
    study_seconds: float
    photochrom_seconds: float
    ratio: float
    lowest_ratio: float
    highest_ratio: float
    cpu_ratio: float
    fp32_ratio: float

    def row(self) -> tuple[object, ...]:
        """For the table."""
        threads = f"{self.threads}" if self.set_by_us else f"{self.threads}, not set"
        ratios = (self.ratio, self.lowest_ratio, self.highest_ratio, self.cpu_ratio, self.fp32_ratio)
        seconds = (round(self.study_seconds, 2), round(self.photochrom_seconds, 2))
        return (self.kernels, threads, *seconds, *(round(ratio, 1) for ratio in ratios))


COLUMNS = ("kernels", "threads", "study s", "ours s", "ratio", "min", "max", "CPU", "fp32")


def compare(kernels: int, set_by_us: bool, of_sides: Mapping[Side, Sequence[Measurement]], scale: float) -> Comparison:
    """The figures of one network, from one measurement a side and repeat."""
    study, ours = of_sides["study"], of_sides["photochrom"]
    seconds = {side: median(one.seconds for one in measurements) for side, measurements in of_sides.items()}
    cpu_seconds = {side: median(one.cpu_seconds for one in measurements) for side, measurements in of_sides.items()}
    ratios = [theirs.seconds / our.seconds for theirs, our in zip(study, ours, strict=True)]
    return Comparison(
        kernels=kernels,
        threads=ours[0].threads,
        set_by_us=set_by_us,
        precision=ours[0].precision,
        study_seconds=seconds["study"] * scale,
        photochrom_seconds=seconds["photochrom"] * scale,
        ratio=seconds["study"] / seconds["photochrom"],
        lowest_ratio=min(ratios),
        highest_ratio=max(ratios),
        cpu_ratio=cpu_seconds["study"] / cpu_seconds["photochrom"],
        fp32_ratio=seconds["study"] / seconds["photochrom-fp32"],
    )


def compare_all(
    pictures: Path, channels: Sequence[int], settings: Sequence[int | None], repeats: int, scale: float
) -> list[Comparison]:
    """Every network with every number of threads, the sides in turn."""
    measured: dict[tuple[int | None, int, Side], list[Measurement]] = {}
    for repeat in range(repeats):
        for setting in settings:
            warn(f"repeat {repeat + 1} of {repeats}, threads: {setting or 'not set'}")
            for side in SIDES:
                for count, one in zip(channels, measure_apart(side, pictures, channels, setting), strict=True):
                    measured.setdefault((setting, count, side), []).append(one)
    return [
        compare(count, setting is not None, {side: measured[setting, count, side] for side in SIDES}, scale)
        for setting in settings
        for count in channels
    ]


def verdict(comparisons: Sequence[Comparison]) -> str:
    """Whether the target is met, in one sentence, and what is left of it in full precision."""
    worst = min(comparisons, key=lambda comparison: comparison.ratio)
    threads = f"threads: {worst.threads}{'' if worst.set_by_us else ', not set'}"
    return (
        f"The target, an epoch at least {TARGET_RATIO:g} times shorter, is "
        f"{'met' if worst.ratio >= TARGET_RATIO else 'not met'}: the lowest ratio of medians is {worst.ratio:.1f} "
        f"({worst.kernels} kernels, {threads}); if both sides compute in fp32 the lowest is "
        f"{min(comparison.fp32_ratio for comparison in comparisons):.1f}."
    )


def load_verdict(seconds: float) -> str:
    """Whether loading is as fast as it should be, in one sentence."""
    return (
        f"Loading {EPOCH_PICTURES} pictures takes {seconds:.2f} s; the target, at most {TARGET_LOAD_SECONDS:g} s, is "
        f"{'met' if seconds <= TARGET_LOAD_SECONDS else 'not met'}."
    )


def run(
    source: str, pictures: int, channels: Sequence[int], settings: Sequence[int | None], repeats: int
) -> dict[str, Any]:
    """Measure everything and print it; gives the figures."""
    train, val = pictures, max(1, round(pictures * EPOCH_VAL / EPOCH_TRAIN))
    scale = EPOCH_PICTURES / (train + val)
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder), source, train, val)
        dataset = open_dataset("study" if source == "study" else folder)
        loading = median(load_seconds(dataset) for _ in range(repeats))
        comparisons = compare_all(Path(folder), channels, settings, repeats, scale)
    print_table(COLUMNS, [comparison.row() for comparison in comparisons], title="An epoch and its validation")
    say(
        f"Both sides took the same {train} + {val} pictures ({source}), repeats: {repeats}. Seconds are medians, "
        f"scaled by {scale:.4g} to an epoch of {EPOCH_TRAIN} + {EPOCH_VAL}. "
        f"Photochrom computed in {comparisons[0].precision}."
    )
    say("ratio: of the medians; min, max: of the repeats; CPU: of processor time; fp32: if both compute in fp32.")
    say(load_verdict(loading))
    say(verdict(comparisons))
    return {
        "data": source,
        "train_pictures": train,
        "val_pictures": val,
        "repeats": repeats,
        "torch": torch.__version__,
        "load_seconds": loading,
        "comparisons": [asdict(comparison) for comparison in comparisons],
    }


def main(
    repeats: Annotated[int, typer.Option(min=1, help="How often each side is measured.")] = 5,
    threads: Annotated[int, typer.Option(min=1, help="Threads of each side.")] = 1,
    unset: Annotated[
        bool, typer.Option(help="Also measure both sides as they run for a user who sets no number of threads.")
    ] = True,
    pictures: Annotated[
        int, typer.Option(min=BATCH_SIZE, max=EPOCH_TRAIN, help="Training pictures; times are scaled up to all.")
    ] = 1000,
    channels: Annotated[list[int] | None, typer.Option(min=1, help="Kernels of a network; 8 and 16.")] = None,
    source: Annotated[
        Literal["study", "synthetic"], typer.Option("--data", help="The study's pictures, or synthetic faces.")
    ] = "study",
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the figures here.")] = None,
    side: Annotated[Side | None, typer.Option(hidden=True)] = None,
    folder: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Compare the time of an epoch with the study's."""
    networks = channels or [8, 16]
    if side is not None and folder is not None:
        print(json.dumps([asdict(measurement) for measurement in measure(side, folder, networks)]))
        return
    settings = [threads, None] if unset else [threads]
    figures = run(source, pictures, networks, settings, repeats)
    if json_file is not None:
        write_whole(json_file, json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    with one_line_failures():
        app()

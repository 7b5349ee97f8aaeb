"""What coloring a face costs: the chroma U-Net by ONNX Runtime, beside eager torch and the study's best network.

Every side colors the same gray 80x80 pictures on one core, in batches of 1 and of 16:

- **ONNX Runtime**: `chroma_unet` with its default hyperparameters, as `photochrom export` writes it.
- **committee**: the two networks of the shipped `face` by ONNX Runtime, mirrored as it is.
- **eager torch**: the same network in full precision, as training evaluates it.
- **study's best**: the shipped `study-best` by ONNX Runtime, the least that a network of the study's kind costs.

Weights are fresh, for they do not change the cost. Two things are counted apart: the network alone, which ends with
probabilities of chroma (with color for the study's), and the way from gray bytes to color bytes, decoding included.
Without torch the decoding is numpy's. Sides take turns in one process, repeat by repeat, and figures are medians of
processor time, which other work on the machine hardly lengthens.
"""

import photochrom  # noqa: F401 - first of all: it keeps ONNX Runtime from sending anything

# isort: split
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
import typer

from photochrom.color import to_signed, to_uint8
from photochrom.coloring.decoding import color_from_probabilities
from photochrom.coloring.metadata import METADATA_KEY
from photochrom.commands import one_line_failures, print_table, say
from photochrom.files import write_whole
from photochrom.lab import models
from photochrom.lab.checkpoint import Checkpoint, find_checkpoint
from photochrom.lab.export import export_onnx
from photochrom.lab.models import ColorizationModel, DistributionModel
from photochrom.tensors import GrayBatch

SIDE_LENGTH = 80
BATCHES = (1, 16)
TARGET_MILLISECONDS = 5.0

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

GrayBytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Contestant:
    """One way to color.

    Attributes:
        name: As it stands in the table.
        network: From signed gray, shape (batch, 1, height, width), to what the network gives.
        whole: From gray bytes, shape (batch, height, width), to color bytes.
    """

    name: str
    network: Callable[[GrayBatch], object]
    whole: Callable[[GrayBytes], object]


@dataclass(frozen=True)
class Cost:
    """What a face costs, in milliseconds of processor time: medians over the repeats.

    Attributes:
        name: Of the contestant.
        batch: Pictures at once.
        network: The network alone.
        whole: From gray bytes to color bytes.
        network_ratio: The network by that of ONNX Runtime for the same batch, not mirrored.
        whole_ratio: The whole way by that of ONNX Runtime for the same batch, not mirrored.
        wall: The whole way by the clock on the wall, other work included.
    """

    name: str
    batch: int
    network: float
    whole: float
    network_ratio: float
    whole_ratio: float
    wall: float


COLUMNS = ("what", "batch", "network, ms", "with decoding, ms", "network, ratio", "with decoding, ratio", "wall, ms")

BASE = "chroma_unet, ONNX Runtime"


def by_onnxruntime(name: str, model: ColorizationModel, folder: Path) -> Contestant:
    """A network by ONNX Runtime, and by numpy what comes after it."""
    path = folder / f"{name}.onnx"
    export_onnx(Checkpoint(model), path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    metadata = json.loads(session.get_modelmeta().custom_metadata_map[METADATA_KEY])

    def network(gray: GrayBatch) -> Any:
        return session.run(None, {"gray": gray})[0]

    def whole(pictures: GrayBytes) -> object:
        gray = to_signed(pictures)[:, None]
        output = network(gray)
        if metadata["output"] == "probabilities":
            output = color_from_probabilities(gray, output, metadata["decoding"], metadata["stride"])
        return to_uint8(output)

    return Contestant(name, network, whole)


def by_torch(name: str, model: ColorizationModel) -> Contestant:
    """A network by torch as it is."""

    @torch.inference_mode()
    def network(gray: GrayBatch) -> object:
        assert isinstance(model, DistributionModel)
        return model.probabilities(torch.from_numpy(gray))

    @torch.inference_mode()
    def whole(pictures: GrayBytes) -> object:
        return to_uint8(model(to_signed(torch.from_numpy(pictures))[:, None]))

    return Contestant(name, network, whole)


def contestants(folder: Path) -> list[Contestant]:
    """All ways to color; the first is what the others are held against."""
    plain, mirrored = (models.create("chroma_unet", {"mirrored": flag}).eval() for flag in (False, True))
    return [
        by_onnxruntime(BASE, plain, folder),
        by_onnxruntime(f"{BASE}, mirrored", mirrored, folder),
        by_onnxruntime(
            "committee, ONNX Runtime, mirrored", models.create("committee", {"mirrored": True}).eval(), folder
        ),
        by_torch("chroma_unet, eager torch", plain),
        by_torch("chroma_unet, eager torch, mirrored", mirrored),
        by_onnxruntime("study-best, ONNX Runtime", find_checkpoint("study-best").model, folder),
    ]


def milliseconds(action: Callable[[], object], rounds: int) -> tuple[float, float]:
    """What an action takes, a mean over some rounds: processor time and time by the clock on the wall."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(rounds):
        action()
    return 1e3 * (time.process_time() - cpu) / rounds, 1e3 * (time.perf_counter() - wall) / rounds


def measure(repeats: int, faces: int) -> list[Cost]:
    """Every contestant's cost for every batch.

    Args:
        repeats: How often each is measured; one round more warms up.
        faces: How many pictures each repeat colors at least.
    """
    torch.set_num_threads(1)
    torch.manual_seed(0)
    pictures = np.random.default_rng(0).integers(0, 256, (max(BATCHES), SIDE_LENGTH, SIDE_LENGTH), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        sides = contestants(Path(folder))
        return [cost for batch in BATCHES for cost in measure_batch(sides, pictures[:batch], repeats, faces)]


def measure_batch(sides: Sequence[Contestant], pictures: GrayBytes, repeats: int, faces: int) -> list[Cost]:
    """Every contestant's cost for one batch; they take turns."""
    batch, gray = len(pictures), to_signed(pictures)[:, None]
    rounds = -(-faces // batch)
    measured: dict[str, list[tuple[float, float, float]]] = {side.name: [] for side in sides}
    for repeat in range(repeats + 1):
        for side in sides:
            network, _ = milliseconds(lambda side=side: side.network(gray), rounds)  # type: ignore[misc]
            whole, wall = milliseconds(lambda side=side: side.whole(pictures), rounds)  # type: ignore[misc]
            if repeat:
                measured[side.name].append((network / batch, whole / batch, wall / batch))
    medians = {name: [median(column) for column in zip(*rows, strict=True)] for name, rows in measured.items()}
    base_network, base_whole, _ = medians[BASE]
    return [
        Cost(name, batch, network, whole, network / base_network, whole / base_whole, wall)
        for name, (network, whole, wall) in medians.items()
    ]


def verdict(costs: Sequence[Cost]) -> str:
    """Whether the target is met, in one sentence."""
    worst = max((cost for cost in costs if cost.name == BASE), key=lambda cost: cost.whole)
    return (
        f"The target, at most {TARGET_MILLISECONDS:g} ms a face from gray bytes to color bytes, is "
        f"{'met' if worst.whole <= TARGET_MILLISECONDS else 'not met'}: {worst.whole:.2f} ms "
        f"(batch {worst.batch}, not mirrored)."
    )


def row(cost: Cost) -> tuple[object, ...]:
    """A line of the table."""
    figures = (cost.network, cost.whole, cost.network_ratio, cost.whole_ratio, cost.wall)
    return (cost.name, cost.batch, *(round(figure, 3) for figure in figures))


def measure_apart(repeats: int, faces: int) -> list[Cost]:
    """What `measure` gives, from a process in which every library has one thread."""
    command = [sys.executable, __file__, "--repeats", str(repeats), "--faces", str(faces), "--bare"]
    child = subprocess.run(command, check=True, stdout=subprocess.PIPE, env={**os.environ, **_ONE_THREAD})
    return [Cost(**figures) for figures in json.loads(child.stdout)]


def main(
    repeats: Annotated[int, typer.Option(min=1, help="How often each side is measured.")] = 9,
    faces: Annotated[int, typer.Option(min=1, help="Pictures that each repeat colors, at least.")] = 48,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the figures here.")] = None,
    bare: Annotated[bool, typer.Option("--bare", hidden=True)] = False,
) -> None:
    """Measure what coloring a face costs."""
    if bare:
        print(json.dumps([asdict(cost) for cost in measure(repeats, faces)]))
        return
    costs = measure_apart(repeats, faces)
    print_table(COLUMNS, [row(cost) for cost in costs], title="A face of 80x80, one core, processor time")
    say(f"Medians of {repeats} repeats; ratios are to ONNX Runtime for the same batch, not mirrored.")
    say(verdict(costs))
    if json_file is not None:
        figures = {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__, "repeats": repeats}
        write_whole(json_file, json.dumps({**figures, "costs": [asdict(cost) for cost in costs]}, indent=2) + "\n")


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    with one_line_failures():
        app()

"""What a network costs by each execution provider that is installed, beside the CPU, and how far the results are apart.

    python benchmarks/providers.py [--threads 1] [--repeats 20]

The runs of the providers alternate, so that a busy machine slows all of them alike; the ratio is of medians.
"""

import statistics
import time
from importlib.metadata import version

import numpy as np
import numpy.typing as npt
import typer

from photochrom.coloring import PROVIDERS
from photochrom.coloring._colorizer import SHORTEST_SIDE
from photochrom.coloring.network import Network
from photochrom.shipped import network_file

SHAPES = {"scene": (1, 1, SHORTEST_SIDE, round(SHORTEST_SIDE / 3) * 4), "face": (4, 1, 80, 80)}
"""Inputs of the shipped networks for a photo of 4:3 with four faces."""


def run_seconds(network: Network, gray: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Wall-clock seconds and processor seconds of a run."""
    wall, processor = time.perf_counter(), time.process_time()
    network.run(gray)
    return time.perf_counter() - wall, time.process_time() - processor


def compare(name: str, threads: int, repeats: int) -> None:
    """Print a line for each provider that can run a network."""
    gray = np.random.default_rng(0).uniform(-1.0, 1.0, SHAPES[name]).astype(np.float32)
    networks: dict[str, Network] = {}
    for provider in ("cpu", *sorted(set(PROVIDERS) - {"auto", "cpu"})):
        began = time.perf_counter()
        network = Network(network_file(name), threads, provider)
        if provider == "cpu" or network.remark.endswith(f"by {provider}"):
            networks[provider] = network
            print(f"{name}: {provider} loads in {time.perf_counter() - began:.2f} s")
    answers = {provider: np.asarray(network.run(gray)) for provider, network in networks.items()}
    spent: dict[str, list[tuple[float, float]]] = {provider: [] for provider in networks}
    for _ in range(repeats):
        for provider, network in networks.items():
            spent[provider].append(run_seconds(network, gray))
    medians = {provider: tuple(map(statistics.median, zip(*spent[provider], strict=True))) for provider in networks}
    for provider, (wall, processor) in medians.items():
        apart = float(np.abs(answers[provider] - answers["cpu"]).max())
        print(
            f"{name}: {provider:9} {wall:.4f} s, {processor:.4f} s of processor, "
            f"{wall / medians['cpu'][0]:.2f} of the CPU's time; probabilities differ by {apart:.1g} at most"
        )


def main(threads: int = 1, repeats: int = 20) -> None:
    """Compare the providers for each network."""
    print(f"ONNX Runtime {version('onnxruntime')}, {threads} threads")
    for name in SHAPES:
        compare(name, threads, repeats)


if __name__ == "__main__":
    typer.run(main)

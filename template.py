"""The study's own commands, word for word, on top of photochrom."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from photochrom.commands import one_line_failures, print_table, say, usage_failure
from photochrom.commands.experiment import run_jobs_with_progress
from photochrom.commands.train import train_with_progress

USAGE = """usage: python template.py COMMAND

  base-all                 train the baseline and every change of one setting
  base-best                train the preferred baseline: 2 layers, kernel 5, 8 kernels, rate 0.07
  improved-all             train batch norm, tanh, both, and 16 kernels with tanh
  improved-best [true]     train the study's best: 2 layers, kernel 5, 16 kernels, rate 0.07, tanh
  test-best-only           color test pictures with the study's best, trained here or shipped
  custom LAYERS KERNEL COUNT RATE BN TANH TEST
                           train any baseline; the last three are true or false
  unet | unet-flat | weird | autoencoder [true]
                           train another network

A last word 'true' colors 100 test pictures afterwards: estimations-test.npy, their names, and out/.
Runs lie in runs/, best weights in checkpoints/; a command that was interrupted goes on where it was."""

RUNS, CHECKPOINTS, OUT = Path("runs"), Path("checkpoints"), Path("out")
ESTIMATIONS = Path("estimations-test.npy")
TEST_PICTURES = 100

GROUPS = {
    "base-all": ("baseline", "num_layers", "kernel_size", "hidden_channels", "learning_rate"),
    "improved-all": ("batch_norm_tanh", "more_kernels"),
}
SINGLE = {
    "base-best": "preference/preference",
    "improved-best": "more_kernels/channels-16-tanh",
    "unet": "unet/unet-adamw",
    "unet-flat": "unet/unet-flat",
    "weird": "weirdnet/weirdnet",
    "autoencoder": "autoencoder/autoencoder",
}
BEST = "channels-16-tanh"
SHIPPED_BEST = "study-best"
TRUTH_VALUES = {"true": True, "True": True, "false": False, "False": False}


def train_group(command: str) -> None:
    """Train every run of some experiments side by side and print their table."""
    from photochrom.lab.executors import LocalExecutor
    from photochrom.lab.experiments import plan
    from photochrom.process import cores

    jobs = plan(GROUPS[command], seeds=1, runs=RUNS)
    failures = run_jobs_with_progress(jobs, LocalExecutor(cores()))
    finished = [job for job in jobs if job.folder.is_finished()]
    for job in finished:
        keep(job.folder.weights, job.folder.path.name.removesuffix("-seed-0"))
    metrics = [(job.name.removesuffix("-seed-0"), job.folder.metrics()) for job in finished]
    rows = [(name, m.best_epoch, m.val_accuracy, m.val_mse) for name, m in metrics]
    print_table(["run", "best epoch", "accuracy", "loss"], rows)
    if failures:
        sys.exit(2)


def train_single(command: str, then_test: bool) -> None:
    """Train one run of an experiment."""
    from photochrom.lab.experiments import get_run
    from photochrom.lab.training import RunFolder

    run = get_run(SINGLE[command])
    folder = RunFolder(RUNS / f"{SINGLE[command]}-seed-0")
    train_with_progress(run.config, folder)
    weights = keep(folder.weights, run.name)
    if then_test:
        color_test_pictures(str(weights))


def train_custom(words: Sequence[str]) -> None:
    """Train any plain network of the study."""
    from photochrom.lab.training import RunFolder, TrainingConfig

    if len(words) != 7:
        usage_failure(USAGE, f"custom takes 7 words, not {len(words)}")
    layers, kernel, count = (whole_number(word) for word in words[:3])
    rate = number(words[3])
    batch_norm, tanh, then_test = (truth_value(word) for word in words[4:])
    options = {"num_layers": layers, "kernel_size": kernel, "hidden_channels": count}
    options |= {"batch_norm": batch_norm, "final_tanh": tanh}
    config = TrainingConfig().varied(learning_rate=rate, hyperparameters=options)
    name = f"{layers}-{kernel}-{count}-{rate}" + "-bn" * batch_norm + "-tanh" * tanh
    run = RunFolder(RUNS / "custom" / name)
    train_with_progress(config, run)
    weights = keep(run.weights, f"custom-{name}")
    if then_test:
        color_test_pictures(str(weights))


def test_best() -> None:
    """Color test pictures with the study's best network, as trained here or else as shipped."""
    trained = CHECKPOINTS / f"{BEST}.safetensors"
    color_test_pictures(str(trained) if trained.is_file() else SHIPPED_BEST)


def keep(weights: Path, name: str) -> Path:
    """Copy best weights to where the study's program kept them."""
    from photochrom.files import written_whole

    kept = CHECKPOINTS / f"{name}.safetensors"
    with written_whole(kept) as aside:
        shutil.copyfile(weights, aside)
    say(f"best weights: {kept}")
    return kept


def color_test_pictures(weights: str) -> None:
    """Write the predictions for 100 test pictures, chosen by a fixed seed, in the study's three forms."""
    from photochrom.lab.checkpoint import find_checkpoint
    from photochrom.lab.datasets import open_dataset
    from photochrom.lab.training import color_test_pictures as color

    model, pairs = find_checkpoint(weights).model, open_dataset("auto").split("test")
    say(color(model, pairs, TEST_PICTURES, array=ESTIMATIONS, pictures=OUT))


def whole_number(word: str) -> int:
    """The whole number that a word says."""
    try:
        return int(word)
    except ValueError:
        usage_failure(USAGE, f"{word!r} is no whole number")


def number(word: str) -> float:
    """The number that a word says."""
    try:
        return float(word)
    except ValueError:
        usage_failure(USAGE, f"{word!r} is no number")


def truth_value(word: str) -> bool:
    """What `true` or `false` says."""
    if word not in TRUTH_VALUES:
        usage_failure(USAGE, f"{word!r} is neither true nor false")
    return TRUTH_VALUES[word]


def main(words: Sequence[str]) -> None:
    """Carry out one command."""
    command, arguments = (words[0], words[1:]) if words else ("", [])
    if command in ("-h", "--help"):
        print(USAGE)
    elif command == "custom":
        train_custom(arguments)
    elif command in GROUPS and not arguments:
        train_group(command)
    elif command == "test-best-only" and not arguments:
        test_best()
    elif command in SINGLE and len(arguments) <= 1:
        train_single(command, then_test=bool(arguments) and truth_value(arguments[0]))
    else:
        usage_failure(USAGE, f"unknown: {' '.join(words)}" if words else "a command is missing")


if __name__ == "__main__":
    with one_line_failures():
        main(sys.argv[1:])

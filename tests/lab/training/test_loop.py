import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from photochrom.cli import main
from photochrom.errors import CheckpointError, ConfigError
from photochrom.lab.checkpoint import load_checkpoint
from photochrom.lab.datasets import Dataset, Pairs, Split
from photochrom.lab.datasets._mixture import Mixture
from photochrom.lab.datasets.folder import Folder
from photochrom.lab.datasets.synthetic import Synthetic
from photochrom.lab.experiments import _experiment as experiments
from photochrom.lab.models._efficientnet_lite import imagenet_weights
from photochrom.lab.training import Epoch, RunFolder, RunMetrics, TrainingConfig, evaluate, fit
from photochrom.lab.training._loop import Loop
from photochrom.lab.training._optimization import get_schedule, pictures_by_epoch

CONFIG = TrainingConfig(learning_rate=0.07, max_epochs=3, precision="fp32")
TIMES = {"seconds"}


def train(config: TrainingConfig, folder: Path, faces: Dataset, **options: Any) -> RunMetrics:
    return fit(config, RunFolder(folder), device="cpu", dataset=faces, **options)


def without_times(row: Epoch | RunMetrics) -> dict[str, Any]:
    return {name: value for name, value in asdict(row).items() if name not in TIMES}


def course(folder: Path) -> list[dict[str, Any]]:
    return [without_times(row) for row in RunFolder(folder).history()]


def test_a_run_reads_pictures_at_the_size_of_its_settings(tmp_path: Path, face_folder: Path) -> None:
    sizes = {}
    for size in (None, 24):
        run = RunFolder(tmp_path / str(size))
        fit(CONFIG.varied(data=str(face_folder), size=size, max_epochs=1), run, device="cpu")
        sizes[size] = load_checkpoint(run.weights).data["size"]
    assert sizes[24] == 24
    assert sizes[None] != 24


def test_finished_run_holds_everything_it_promises(tmp_path: Path, faces: Synthetic) -> None:
    metrics = train(CONFIG, tmp_path, faces)
    names = {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")}
    assert names == {"config.json", "history.jsonl", "metrics.json", "best.safetensors", "samples.png"}
    assert metrics == RunFolder(tmp_path).metrics()
    assert metrics.epochs == 3
    assert metrics.train_pictures == 48
    assert metrics.parameters == 407
    assert set(course(tmp_path)[0]) == {
        "epoch",
        "train_loss",
        "train_accuracy",
        "val_loss",
        "val_mse",
        "val_accuracy",
    }


def test_training_lowers_the_loss(tmp_path: Path, faces: Synthetic) -> None:
    train(CONFIG.varied(max_epochs=15), tmp_path, faces)
    losses = [row["val_loss"] for row in course(tmp_path)]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_same_seed_gives_the_same_bits(tmp_path: Path, faces: Synthetic, precision: str) -> None:
    config = CONFIG.varied(precision=precision)
    figures = [without_times(train(config, tmp_path / name, faces)) for name in ("a", "b")]
    assert figures[0] == figures[1]
    assert course(tmp_path / "a") == course(tmp_path / "b")
    states = [load_checkpoint(RunFolder(tmp_path / name).weights).model.state_dict() for name in ("a", "b")]
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[1][name])


def test_another_seed_gives_another_course(tmp_path: Path, faces: Synthetic) -> None:
    train(CONFIG, tmp_path / "a", faces)
    train(CONFIG.varied(seed=1), tmp_path / "b", faces)
    assert course(tmp_path / "a") != course(tmp_path / "b")


class _KilledError(Exception):
    """Stands for a kill at a known place."""


def killed(config: TrainingConfig, folder: Path, faces: Dataset, place: str = "after_epoch") -> None:
    """Train until a kill in the second epoch."""
    with pytest.MonkeyPatch.context() as patched:
        cut(place, patched)
        with pytest.raises(_KilledError):
            train(config, folder, faces)
    assert not RunFolder(folder).is_finished()


def require_resumable(config: TrainingConfig, tmp_path: Path, faces: Dataset, place: str = "after_epoch") -> RunMetrics:
    """Check that a run that is killed and resumed ends like an unbroken one, whose figures are returned."""
    whole = train(config, tmp_path / "whole", faces)
    killed(config, tmp_path / "cut", faces, place)
    assert without_times(train(config, tmp_path / "cut", faces)) == without_times(whole)
    assert course(tmp_path / "cut") == course(tmp_path / "whole")
    return whole


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("place", ["after_epoch", "before_best", "before_history", "before_resume_state", "mid_epoch"])
def test_run_cut_off_anywhere_ends_like_an_unbroken_one(
    tmp_path: Path, faces: Synthetic, place: str, optimizer: str
) -> None:
    config = CONFIG.varied(max_epochs=4, optimizer=optimizer, learning_rate=0.01, momentum=0.5)
    require_resumable(config, tmp_path, faces, place)


DISTRIBUTION = experiments.DISTRIBUTION.varied(
    hyperparameters={"width": 4, "depth": 2, "blocks": 1},
    learning_rate=0.01,
    average=0.8,
    augmentation="scenes",
    max_epochs=4,
    precision="fp32",
)
"""Every part that the study does without."""


def test_probabilities_are_learnt(tmp_path: Path, faces: Synthetic) -> None:
    metrics = train(DISTRIBUTION.varied(max_epochs=25, augmentation="faces"), tmp_path, faces)
    losses = [row["val_loss"] for row in course(tmp_path)]
    assert losses[-1] < losses[0] - 0.5
    assert metrics.val_accuracy > 0.4


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_run_with_schedule_and_average_that_was_cut_off_ends_like_an_unbroken_one(
    tmp_path: Path, faces: Synthetic, precision: str
) -> None:
    require_resumable(DISTRIBUTION.varied(precision=precision), tmp_path, faces)


def test_half_precision_reaches_networks_that_give_probabilities(tmp_path: Path, faces: Synthetic) -> None:
    courses = {}
    for precision in ("fp32", "bf16"):
        train(DISTRIBUTION.varied(precision=precision, max_epochs=1), tmp_path / precision, faces)
        courses[precision] = course(tmp_path / precision)[0]["train_loss"]
    assert courses["bf16"] != courses["fp32"]
    assert courses["bf16"] == pytest.approx(courses["fp32"], rel=0.02)


SCENE = DISTRIBUTION.varied(
    model="scene_unet",
    hyperparameters={"width": 8},
    initial_weights="imagenet",
    augmentation="scenes",
    doubling_chroma=60.0,
    frozen_epochs=1,
)


def test_an_encoder_stays_as_it_is_while_it_is_frozen_and_learns_afterwards(tmp_path: Path, faces: Synthetic) -> None:
    pretrained = imagenet_weights()
    for epochs, is_changed in ((1, False), (2, True)):
        train(SCENE.varied(max_epochs=epochs, average=0.0, select_by="loss"), tmp_path / str(epochs), faces)
        encoder = load_checkpoint(tmp_path / str(epochs) / "best.safetensors").model.encoder
        changed = [not torch.equal(tensor, pretrained[name]) for name, tensor in encoder.named_parameters()]
        assert any(changed) == is_changed


@pytest.mark.parametrize("frozen", [1, 2, 3])
def test_a_network_with_an_encoder_that_was_cut_off_ends_like_an_unbroken_one(
    tmp_path: Path, faces: Synthetic, frozen: int
) -> None:
    require_resumable(SCENE.varied(max_epochs=3, frozen_epochs=frozen), tmp_path, faces)


def test_tuning_an_encoder_takes_smaller_steps(tmp_path: Path, faces: Synthetic) -> None:
    def weights(run: str, **settings: float) -> torch.Tensor:
        train(SCENE.varied(average=0.0, select_by="last", **settings), tmp_path / run, faces)
        model = load_checkpoint(RunFolder(tmp_path / run).weights).model
        return torch.cat([tensor.flatten() for tensor in model.parameters()])

    frozen = weights("frozen", max_epochs=1)
    large, small = (weights(str(rate), max_epochs=2, tuning_rate=rate) for rate in (1.0, 1e-4))
    assert 0.0 < (small - frozen).norm() < 1e-3 * (large - frozen).norm()


def test_nothing_but_the_last_layer_changes_if_that_is_asked_for(tmp_path: Path, faces: Synthetic) -> None:
    settings = SCENE.varied(average=0.0, select_by="last")
    train(settings.varied(max_epochs=1), tmp_path / "first", faces)
    weights = RunFolder(tmp_path / "first").weights
    train(
        settings.varied(initial_weights=str(weights), last_layer_only=True, frozen_epochs=0, max_epochs=2),
        tmp_path / "second",
        faces,
    )
    before, after = (
        load_checkpoint(RunFolder(tmp_path / run).weights).model.state_dict() for run in ("first", "second")
    )
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"decoder.to_logits.weight", "decoder.to_logits.bias"}


def test_only_a_network_with_an_encoder_has_a_last_layer_to_train(tmp_path: Path, faces: Synthetic) -> None:
    with pytest.raises(ConfigError, match="convnet has no encoder; last_layer_only is for scene_unet"):
        train(CONFIG.varied(last_layer_only=True), tmp_path, faces)


def test_weights_of_imagenet_need_an_encoder(tmp_path: Path, faces: Synthetic) -> None:
    with pytest.raises(ConfigError, match="convnet has no encoder"):
        train(CONFIG.varied(initial_weights="imagenet"), tmp_path, faces)


def test_the_last_epochs_show_the_first_pictures_alone() -> None:
    assert pictures_by_epoch(DISTRIBUTION.varied(max_epochs=5, focus_epochs=2), 90, 30) == [90, 90, 90, 30, 30]
    assert pictures_by_epoch(DISTRIBUTION.varied(max_epochs=2, focus_epochs=3), 90, 30) == [30, 30]
    assert pictures_by_epoch(DISTRIBUTION.varied(max_epochs=2), 90, 90) == [90, 90]


def test_run_cut_off_in_its_focus_ends_like_an_unbroken_one(
    tmp_path: Path, faces: Synthetic, face_folder: Path
) -> None:
    mixture = Mixture([faces, Folder(root=face_folder, size=24)])
    whole = require_resumable(DISTRIBUTION.varied(focus_epochs=3), tmp_path, mixture)
    assert whole.train_pictures == 48 + 24
    train(DISTRIBUTION, tmp_path / "unfocused", mixture)
    assert course(tmp_path / "unfocused") != course(tmp_path / "whole")


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_cycle_of_very_few_steps_is_one(tmp_path: Path, faces: Synthetic, epochs: int) -> None:
    assert train(DISTRIBUTION.varied(max_epochs=epochs, batch_size=48), tmp_path, faces).epochs == epochs
    assert train(DISTRIBUTION.varied(max_epochs=5, batch_size=48), tmp_path / "five", faces).epochs == 5


def test_a_cycle_leaves_the_momentum_that_was_asked_for(faces: Synthetic) -> None:
    config = CONFIG.varied(schedule="one_cycle", momentum=0.5)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1, momentum=config.momentum)
    get_schedule(config, optimizer, [48, 48])
    assert optimizer.param_groups[0]["momentum"] == 0.5


def test_the_average_is_what_is_kept(tmp_path: Path, faces: Synthetic) -> None:
    for average in (0.0, 0.99):
        train(DISTRIBUTION.varied(average=average, max_epochs=1), tmp_path / str(average), faces)
    plain, averaged = (
        load_checkpoint(RunFolder(tmp_path / name).weights).model.state_dict() for name in ("0.0", "0.99")
    )
    assert any(not torch.equal(plain[name], averaged[name]) for name in plain)


def test_probabilities_cannot_be_asked_of_a_network_that_gives_color(tmp_path: Path, faces: Synthetic) -> None:
    with pytest.raises(
        ConfigError, match="convnet gives no probabilities of chroma; the loss cross_entropy needs chroma_unet"
    ):
        train(CONFIG.varied(loss="cross_entropy"), tmp_path, faces)


def test_training_starts_from_the_weights_that_are_named(tmp_path: Path, faces: Synthetic) -> None:
    train(CONFIG, tmp_path / "first", faces)
    weights = RunFolder(tmp_path / "first").weights
    untouched = CONFIG.varied(initial_weights=str(weights), max_epochs=0)
    metrics = train(untouched, tmp_path / "second", faces)
    assert metrics.val_accuracy == RunFolder(tmp_path / "first").metrics().val_accuracy


def test_weights_of_another_network_are_refused(tmp_path: Path, faces: Synthetic) -> None:
    train(CONFIG, tmp_path / "first", faces)
    config = DISTRIBUTION.varied(initial_weights=str(RunFolder(tmp_path / "first").weights))
    with pytest.raises(ConfigError, match=r"holds convnet with .* which does not fit chroma_unet"):
        train(config, tmp_path / "second", faces)


def cut(place: str, patched: pytest.MonkeyPatch) -> None:
    """Make training fail in its second epoch at the given place."""
    module = sys.modules["photochrom.lab.training._loop"]

    def failing(original: Callable[..., Any], on_call: int) -> Callable[..., Any]:
        calls = 0

        def replacement(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == on_call:
                raise _KilledError
            return original(*args, **kwargs)

        return replacement

    if place == "after_epoch":
        patched.setattr(Loop, "_is_done", failing(Loop._is_done, 3))
    elif place == "before_best":
        patched.setattr(Loop, "_save", failing(Loop._save, 2))
    elif place == "before_history":
        patched.setattr(RunFolder, "write_history", failing(RunFolder.write_history, 2))
    elif place == "before_resume_state":
        patched.setattr(module.torch, "save", failing(torch.save, 2))
    else:
        patched.setattr(module, "rgb_batch", failing(module.rgb_batch, 5))


def train_command(faces: Path, run: Path) -> list[str]:
    """The words of a training; alike in a process of its own and in this one, which has imported torch already."""
    settings = [f"data={faces}", "max_epochs=6", "learning_rate=0.07", "precision=fp32"]
    return ["photochrom", "train", *settings, "--run", str(run), "--quiet"]


def train_here(command: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
    assert not ended.value.code


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, face_folder: Path) -> RunFolder:
    run = tmp_path_factory.mktemp("unbroken") / "whole"
    train_here(train_command(face_folder, run))
    return RunFolder(run)


@pytest.mark.slow
@pytest.mark.parametrize("epochs_before_the_kill", [1, 3])
def test_process_killed_by_the_system_ends_like_an_unbroken_one(
    tmp_path: Path, face_folder: Path, unbroken: RunFolder, epochs_before_the_kill: int
) -> None:
    command = train_command(face_folder, tmp_path)
    program = [sys.executable, "-m", "photochrom", *command[1:]]
    process = subprocess.Popen(program, env=os.environ | {"OMP_NUM_THREADS": "1"})
    run = RunFolder(tmp_path)
    while process.poll() is None and len(run.history()) < epochs_before_the_kill:
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not run.is_finished()
    train_here(command)
    assert course(run.path) == course(unbroken.path)
    assert without_times(run.metrics()) == without_times(unbroken.metrics())


def test_pictures_that_changed_since_are_not_trained_on(tmp_path: Path, faces: Synthetic) -> None:
    killed(CONFIG, tmp_path, faces)
    others = Synthetic(seed=1, train_count=48, val_count=16, test_count=8, size=24)
    with pytest.raises(ConfigError, match="pictures have changed"):
        train(CONFIG, tmp_path, others)


def test_folder_named_by_its_settings_is_no_other_runs() -> None:
    folders = [RunFolder.of_config(Path("runs"), config).path for config in (CONFIG, CONFIG, CONFIG.varied(seed=1))]
    assert folders[0] == folders[1]
    assert folders[0] != folders[2]


def test_finished_run_is_not_trained_again(tmp_path: Path, faces: Synthetic) -> None:
    first = train(CONFIG, tmp_path, faces)
    epochs: list[Epoch] = []
    assert train(CONFIG, tmp_path, faces, on_epoch=epochs.append) == first
    assert epochs == []


def test_run_with_other_settings_is_refused_and_kept(tmp_path: Path, faces: Synthetic) -> None:
    train(CONFIG, tmp_path, faces)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ConfigError, match=r"learning_rate 0\.07 there, 0\.01 here"):
        train(CONFIG.varied(learning_rate=0.01), tmp_path, faces)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_run_belongs_to_one_process(tmp_path: Path, faces: Synthetic) -> None:
    with RunFolder(tmp_path).locked():
        program = (
            "from pathlib import Path; from photochrom.lab.training import RunFolder\n"
            f"with RunFolder(Path({str(tmp_path)!r})).locked(0): pass"
        )
        other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "another process is training this run" in other.stderr


def test_broken_resume_state_is_named(tmp_path: Path, faces: Synthetic) -> None:
    run = RunFolder(tmp_path)
    run.claim(CONFIG.varied(data="synthetic"))
    for content in (b"", b"broken", b"not a torch file", b"PK\x03\x04 cut off"):
        run.resume_state.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"resume\.pt"):
            train(CONFIG, tmp_path, faces)


def test_best_epoch_is_the_one_of_highest_accuracy(tmp_path: Path, faces: Synthetic) -> None:
    metrics = train(CONFIG.varied(max_epochs=6, learning_rate=0.3), tmp_path, faces)
    accuracies = [row["val_accuracy"] for row in course(tmp_path)]
    assert metrics.best_epoch == 1 + accuracies.index(max(accuracies))
    assert metrics.val_accuracy == pytest.approx(max(accuracies), abs=1e-6)


def test_best_epoch_can_be_the_one_of_lowest_loss(tmp_path: Path, faces: Synthetic) -> None:
    metrics = train(CONFIG.varied(max_epochs=6, select_by="loss"), tmp_path, faces)
    losses = [row["val_loss"] for row in course(tmp_path)]
    assert metrics.best_epoch == 1 + losses.index(min(losses))


def test_the_last_epoch_can_be_kept(tmp_path: Path, faces: Synthetic) -> None:
    metrics = train(CONFIG.varied(max_epochs=4, learning_rate=0.3, select_by="last"), tmp_path, faces)
    last = course(tmp_path)[-1]
    assert metrics.best_epoch == metrics.epochs == 4
    assert metrics.val_accuracy == pytest.approx(last["val_accuracy"], abs=1e-6)


def test_settled_run_stops_early(tmp_path: Path, faces: Synthetic) -> None:
    metrics = train(CONFIG.varied(max_epochs=50, learning_rate=1e-6, patience=4), tmp_path, faces)
    assert metrics.epochs == 5
    assert metrics.stopped_by == "settled"


@pytest.mark.parametrize("loss", ["mse", "l1", "smooth_l1"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_every_loss_and_optimizer_learns(tmp_path: Path, faces: Synthetic, loss: str, optimizer: str) -> None:
    train(CONFIG.varied(max_epochs=6, loss=loss, optimizer=optimizer, learning_rate=0.02), tmp_path, faces)
    losses = [row["train_loss"] for row in course(tmp_path)]
    assert losses[-1] < losses[0]


def test_diverging_loss_ends_with_advice(tmp_path: Path, faces: Synthetic) -> None:
    with pytest.raises(ConfigError, match="lower the learning rate"):
        train(CONFIG.varied(learning_rate=10.0, max_epochs=30), tmp_path, faces)


def test_bf16_and_fp32_agree(tmp_path: Path, faces: Synthetic) -> None:
    figures = [
        train(CONFIG.varied(precision=precision, max_epochs=10), tmp_path / precision, faces).val_mse
        for precision in ("fp32", "bf16")
    ]
    assert figures[1] == pytest.approx(figures[0], rel=0.02)


def test_no_epochs_leave_a_network_as_it_was_made(tmp_path: Path, faces: Synthetic) -> None:
    metrics = train(TrainingConfig(model="lookup_table", max_epochs=0), tmp_path, faces)
    val = faces.split("val")
    copied = np.repeat(val.gray[..., None], 3, axis=3).astype(int)
    assert metrics.val_accuracy == pytest.approx((abs(copied - val.truth.astype(int)) < 12).mean())
    assert metrics.epochs == 0


def test_lookup_table_is_solved_without_epochs(tmp_path: Path, faces: Synthetic) -> None:
    solved = train(TrainingConfig(model="lookup_table", optimizer="closed_form"), tmp_path / "solved", faces)
    copied = train(TrainingConfig(model="lookup_table", max_epochs=0), tmp_path / "copied", faces)
    assert solved.val_mse < 0.5 * copied.val_mse
    assert solved.stopped_by == "closed_form"


def test_network_without_a_closed_form_says_so(tmp_path: Path, faces: Synthetic) -> None:
    with pytest.raises(ConfigError, match="closed form"):
        train(CONFIG.varied(optimizer="closed_form"), tmp_path, faces)


@pytest.mark.parametrize("device", ["tpu", "cuda", "mps"])
def test_device_that_is_not_there_is_refused(tmp_path: Path, faces: Synthetic, device: str) -> None:
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    if device == "mps" and torch.backends.mps.is_available():
        pytest.skip("this machine has an MPS device")
    with pytest.raises(ConfigError, match="device"):
        fit(CONFIG, RunFolder(tmp_path), device=device, dataset=faces)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_trains(tmp_path: Path, faces: Synthetic) -> None:
    assert fit(CONFIG, RunFolder(tmp_path), device="cuda", dataset=faces).device == "cuda"


def test_evaluation_sees_values_beyond_the_range(faces: Synthetic) -> None:
    from photochrom.lab import models

    torch.manual_seed(0)
    model = models.create("convnet")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(20.0)
    evaluation = evaluate(model, faces.split("val"))
    assert evaluation.share_out_of_range > 0.1
    assert evaluation.accuracy != evaluation.accuracy_with_wraparound


class _OddFaces(Dataset):
    """Validation pictures of another size than the training ones."""

    name = "odd"

    def split(self, split: Split) -> Pairs:
        return Synthetic(train_count=8, val_count=8, size=24 if split == "train" else 32).split(split)


def test_pictures_that_are_too_small_for_the_network_are_refused(tmp_path: Path, faces: Synthetic) -> None:
    with pytest.raises(ConfigError, match="at least 32x32, not 24x24"):
        train(CONFIG.varied(model="unet", hyperparameters={"depth": 5}), tmp_path, faces)


def test_pictures_of_two_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="24"):
        train(CONFIG, tmp_path, _OddFaces())


def test_config_on_disk_names_the_data_that_auto_chose(tmp_path: Path, faces: Synthetic) -> None:
    train(CONFIG, tmp_path, faces)
    assert json.loads((tmp_path / "config.json").read_text())["data"] == "synthetic"

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from photochrom.coloring.metadata import FORMAT_VERSION
from photochrom.errors import CheckpointError, ConfigError
from photochrom.lab import models
from photochrom.lab.checkpoint import (
    Checkpoint,
    average_checkpoints,
    find_checkpoint,
    load_checkpoint,
    pack_checkpoint,
    save_checkpoint,
)
from photochrom.lab.models import ColorizationModel
from photochrom.shipped import shipped_models

KEY = "photochrom"


def small_convnet() -> ColorizationModel:
    return models.create("convnet", {"num_layers": 3, "kernel_size": 3, "batch_norm": True, "final_tanh": True})


def used_convnet() -> ColorizationModel:
    """A network whose batch statistics are no longer the fresh ones."""
    model = small_convnet()
    model.train()(torch.rand(4, 1, 8, 8))
    return model


def fitted_table() -> ColorizationModel:
    model = models.create("lookup_table", {"statistic": "mode"})
    rng = np.random.default_rng(0)
    color = rng.integers(0, 256, (3, 9, 9, 3), dtype=np.uint8)
    model.fit_in_closed_form(color[..., 1].copy(), color)
    return model


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "best.safetensors"
    save_checkpoint(path, Checkpoint(small_convnet()))
    return path


def metadata_of(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="pt") as file:
        metadata: dict[str, Any] = json.loads(file.metadata()[KEY])
    return metadata


def tamper(path: Path, **changes: Any) -> None:
    """Change what a checkpoint's metadata says; its weights stay."""
    save_file(load_file(path), path, metadata={KEY: json.dumps(metadata_of(path) | changes)})


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert len(message.splitlines()) == 1
    return message


@pytest.mark.parametrize("make", [used_convnet, fitted_table])
def test_weights_and_hyperparameters_come_back_equal_to_the_bit(make: Any, tmp_path: Path) -> None:
    model = make()
    save_checkpoint(tmp_path / "best.safetensors", Checkpoint(model))
    restored = load_checkpoint(tmp_path / "best.safetensors").model
    assert type(restored) is type(model)
    assert restored.catalogue_name == model.catalogue_name
    assert restored.hyperparameters == model.hyperparameters
    before, after = model.state_dict(), restored.state_dict()
    assert list(after) == list(before)
    for name, tensor in before.items():
        assert after[name].dtype == tensor.dtype
        assert torch.equal(after[name], tensor)


@pytest.mark.parametrize("make", [used_convnet, fitted_table])
def test_a_restored_network_colors_as_before(make: Any, tmp_path: Path) -> None:
    model = make().eval()
    save_checkpoint(tmp_path / "best.safetensors", Checkpoint(model))
    restored = load_checkpoint(tmp_path / "best.safetensors").model
    gray = torch.rand(2, 1, 7, 9) * 2 - 1
    assert not restored.training
    with torch.no_grad():
        assert torch.equal(restored(gray), model(gray))


def test_data_and_figures_come_back(tmp_path: Path) -> None:
    data = {"name": "synthetic", "seed": 3, "counts": {"train": 10, "val": 5}}
    figures = {"val_accuracy": 0.7653, "epochs": 12, "history": [0.1, None], "stopped": "early"}
    save_checkpoint(tmp_path / "best.safetensors", Checkpoint(small_convnet(), data, figures))
    restored = load_checkpoint(tmp_path / "best.safetensors")
    assert restored.data == data
    assert restored.figures == figures


def test_metadata_states_all_that_rebuilds_the_network(path: Path) -> None:
    metadata = metadata_of(path)
    assert metadata["format_version"] == FORMAT_VERSION
    assert metadata["model"] == "convnet"
    assert metadata["value_range"] == "signed"
    assert metadata["hyperparameters"] == {
        "num_layers": 3,
        "kernel_size": 3,
        "hidden_channels": 4,
        "batch_norm": True,
        "final_tanh": True,
    }


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "nowhere.safetensors")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\x00", b"no weights but a letter\n" * 20], ids=["empty", "byte", "text"])
def test_a_file_that_holds_no_weights_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    path.write_bytes(content)
    assert "not a checkpoint, or a broken one" in refusal(path)


@pytest.mark.parametrize("kept", [0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(kept: float, path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    assert "not a checkpoint, or a broken one" in refusal(path)


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    torch.save(small_convnet().state_dict(), path)
    assert "not a checkpoint, or a broken one" in refusal(path)


@pytest.mark.parametrize(
    "metadata",
    [None, {"format": "pt"}, {KEY: "no json"}, {KEY: "[]"}, {KEY: "null"}],
    ids=str,
)
def test_weights_without_our_metadata_are_refused(metadata: dict[str, str] | None, path: Path) -> None:
    save_file(load_file(path), path, metadata=metadata)
    assert "not photochrom's metadata" in refusal(path)


@pytest.mark.parametrize("version", [FORMAT_VERSION + 1, 1, 0])
def test_another_format_version_is_refused(version: int, path: Path) -> None:
    tamper(path, format_version=version)
    message = refusal(path)
    assert f"format version {version}, but this photochrom reads version {FORMAT_VERSION}; train it anew" in message


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"model": "lookup_table", "hyperparameters": {}}, "'lookup_table'"),
        ({"model": "convnets"}, "did you mean 'convnet'"),
        ({"hyperparameters": {"num_layers": 3}}, "Unexpected key(s)"),
        ({"hyperparameters": {"num_layers": 2}}, "'convnet'"),
        ({"hyperparameters": {"kernel_size": 4}}, "kernel_size must be odd"),
        ({"hyperparameters": {"kernel_size": "3"}}, "kernel_size"),
        ({"hyperparameters": {"layers": 3}}, "its hyperparameters: num_layers"),
    ],
    ids=str,
)
def test_weights_that_do_not_fit_the_named_network_are_refused(changes: dict[str, Any], named: str, path: Path) -> None:
    tamper(path, **changes)
    message = refusal(path)
    assert "its weights do not fit" in message
    assert named in message


@pytest.mark.parametrize("changes", [{"model": None}, {"model": 5}, {"hyperparameters": [3]}], ids=str)
def test_metadata_with_parts_of_another_type_is_refused(changes: dict[str, Any], path: Path) -> None:
    tamper(path, **changes)
    refusal(path)


def test_a_missing_weight_is_refused(path: Path) -> None:
    weights = load_file(path)
    del weights["layers.conv2.bias"]
    save_file(weights, path, metadata={KEY: json.dumps(metadata_of(path))})
    assert "layers.conv2.bias" in refusal(path)


def test_a_weight_too_many_is_refused(path: Path) -> None:
    weights = load_file(path) | {"layers.conv9.bias": torch.zeros(3)}
    save_file(weights, path, metadata={KEY: json.dumps(metadata_of(path))})
    assert "layers.conv9.bias" in refusal(path)


def test_an_older_checkpoint_is_replaced(path: Path) -> None:
    save_checkpoint(path, Checkpoint(small_convnet(), figures={"val_accuracy": 0.5}))
    assert load_checkpoint(path).figures == {"val_accuracy": 0.5}


def test_a_save_that_fails_leaves_the_older_checkpoint(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(TypeError, match="not JSON serializable"):
        save_checkpoint(path, Checkpoint(small_convnet(), figures={"val_accuracy": object()}))
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_full_disk_leaves_the_older_checkpoint(
    path: Path, only_small_files: Callable[[int], AbstractContextManager[None]]
) -> None:
    before = path.read_bytes()
    with pytest.raises(OSError, match="too large"), only_small_files(256):
        save_checkpoint(path, Checkpoint(small_convnet()))
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_checkpoint_is_found_by_its_path(path: Path) -> None:
    assert find_checkpoint(str(path)).model.catalogue_name == "convnet"


def test_a_run_s_checkpoint_is_found_by_its_folder(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with pytest.raises(CheckpointError, match=r"run: a folder without best\.safetensors"):
        find_checkpoint(str(folder))
    path.rename(folder / "best.safetensors")
    assert find_checkpoint(str(folder)).model.catalogue_name == "convnet"


def test_a_checkpoint_that_is_neither_a_file_nor_shipped_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=r"^bestest: no such file, nor a shipped model[^\n]*$"):
        find_checkpoint("bestest")


@pytest.mark.parametrize("name", shipped_models())
def test_every_shipped_model_is_found_by_its_name(name: str) -> None:
    assert find_checkpoint(name).data["name"].startswith(("study", "flickr8k", "open_photos"))


def test_packing_shrinks_the_file_and_hardly_moves_the_color(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = models.create("chroma_unet", {"width": 48, "depth": 2, "blocks": 1}).eval()
    for name, packed in (("whole", False), ("packed", True)):
        save_checkpoint(tmp_path / name, Checkpoint(model), packed=packed)
    ratio = (tmp_path / "packed").stat().st_size / (tmp_path / "whole").stat().st_size
    assert ratio < 0.3
    restored = load_checkpoint(tmp_path / "packed").model
    assert all(parameter.dtype == torch.float32 for parameter in restored.parameters())
    gray = torch.rand(1, 1, 16, 16) * 2 - 1
    torch.testing.assert_close(restored(gray), model(gray), atol=4e-3, rtol=0)


def test_what_is_too_large_for_half_precision_stays_as_it_is(tmp_path: Path) -> None:
    model = models.create("chroma_unet", {"width": 4, "depth": 2, "blocks": 1})
    name = next(name for name in model.state_dict() if name.endswith("running_var"))
    model.state_dict()[name].fill_(275_809.34375)
    save_checkpoint(tmp_path / "run", Checkpoint(model))
    pack_checkpoint(tmp_path / "run", tmp_path / "packed", {})
    torch.testing.assert_close(load_checkpoint(tmp_path / "packed").model.state_dict()[name], model.state_dict()[name])


def test_packing_changes_how_a_network_is_used(tmp_path: Path) -> None:
    model = models.create("chroma_unet", {"width": 4, "depth": 2, "blocks": 1})
    save_checkpoint(tmp_path / "run", Checkpoint(model, {"name": "study"}, {"val_accuracy": 0.5}))
    pack_checkpoint(tmp_path / "run", tmp_path / "packed", {"decoding": "natural", "mirrored": True})
    packed = load_checkpoint(tmp_path / "packed")
    assert packed.model.hyperparameters == {**model.hyperparameters, "decoding": "natural", "mirrored": True}
    assert packed.data == {"name": "study"}
    assert packed.figures == {}, "measured with other settings"
    pack_checkpoint(tmp_path / "run", tmp_path / "unchanged", {})
    assert load_checkpoint(tmp_path / "unchanged").figures == {"val_accuracy": 0.5}


def test_packing_refuses_settings_that_need_other_weights(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "run", Checkpoint(models.create("convnet")))
    with pytest.raises(CheckpointError, match=r"its weights do not fit \{'hidden_channels': 9\}"):
        pack_checkpoint(tmp_path / "run", tmp_path / "packed", {"hidden_channels": 9})
    assert not (tmp_path / "packed").exists()


def saved(path: Path, model: ColorizationModel) -> Path:
    save_checkpoint(path, Checkpoint(model, {"name": "study"}, {"val_accuracy": 0.7}))
    return path


def test_an_average_has_each_weight_by_the_shares_and_no_figures(tmp_path: Path) -> None:
    first, second = used_convnet(), used_convnet()
    sources = {saved(tmp_path / "first", first): 1.0, saved(tmp_path / "second", second): 3.0}
    average_checkpoints(sources, tmp_path / "average")
    averaged = load_checkpoint(tmp_path / "average")
    assert averaged.data == {"name": "study"}
    assert averaged.figures == {}
    for name, tensor in averaged.model.state_dict().items():
        if tensor.is_floating_point():
            expected = 0.25 * first.state_dict()[name] + 0.75 * second.state_dict()[name]
            torch.testing.assert_close(tensor, expected)


def test_an_average_of_other_networks_or_shares_is_refused(tmp_path: Path) -> None:
    first, other = saved(tmp_path / "first", used_convnet()), saved(tmp_path / "other", fitted_table())
    with pytest.raises(CheckpointError, match="holds another network"):
        average_checkpoints({first: 1.0, other: 1.0}, tmp_path / "average")
    nan, inf = float("nan"), float("inf")
    for shares in ({first: 0.0}, {first: -1.0, other: 3.0}, {first: nan}, {first: 1.0, other: nan}, {first: inf}):
        with pytest.raises(ConfigError, match="shares"):
            average_checkpoints(shares, tmp_path / "average")
    assert not (tmp_path / "average").exists()

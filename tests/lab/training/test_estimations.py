from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from photochrom.errors import ConfigError, DataError
from photochrom.lab import models
from photochrom.lab.datasets.synthetic import Synthetic
from photochrom.lab.training import (
    choose,
    predict,
    predict_confidence,
    predict_variants,
    score_estimations,
    write_estimations,
)
from photochrom.lab.training._estimations import write_guesses
from photochrom.lab.training._predictions import gray_batch


def write_names(path: Path, names: list[str]) -> Path:
    path.write_text("".join(f"{name}\n" for name in names))
    return path


def test_choice_is_repeatable_and_in_order(faces: Synthetic) -> None:
    train = faces.split("train")
    chosen = choose(train, 10, seed=1)
    assert chosen.names == choose(train, 10, seed=1).names
    assert chosen.names != choose(train, 10, seed=2).names
    assert list(chosen.names) == sorted(chosen.names)
    assert len(set(chosen.names)) == 10


def test_more_than_there_are_means_all(faces: Synthetic) -> None:
    assert len(choose(faces.split("test"), 1000)) == 8


def test_choice_of_nothing_is_refused(faces: Synthetic) -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        choose(faces.split("test"), 0)


def test_array_names_and_pictures_agree(tmp_path: Path, faces: Synthetic) -> None:
    model, pairs = models.create("lookup_table"), faces.split("test")
    names = write_estimations(model, pairs, tmp_path / "estimations-test.npy", tmp_path / "out")
    array = np.load(tmp_path / "estimations-test.npy")
    assert array.dtype == np.uint8
    assert array.shape == (8, 24, 24, 3)
    assert names.name == "estimations-test-names.txt"
    assert names.read_text().split() == list(pairs.names)
    assert np.array_equal(array, predict(model, pairs.gray))
    for name, picture in zip(pairs.names, array, strict=True):
        assert np.array_equal(np.asarray(Image.open(tmp_path / "out" / Path(name).name)), picture)


def test_array_without_a_suffix_is_written_too(tmp_path: Path, faces: Synthetic) -> None:
    write_estimations(models.create("lookup_table"), faces.split("test"), tmp_path / "mine", tmp_path / "out")
    assert np.load(tmp_path / "mine").shape == (8, 24, 24, 3)
    assert {path.name for path in tmp_path.iterdir()} == {"mine", "mine-names.txt", "out"}


def test_pictures_of_one_name_do_not_overwrite_each_other(tmp_path: Path, faces: Synthetic) -> None:
    pairs = replace(faces.split("test").take([0, 1, 2]), names=("a/1.jpg", "b/1.jpg", "b/1.png"))
    write_estimations(models.create("lookup_table"), pairs, tmp_path / "mine.npy", tmp_path / "out")
    written = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png")}
    assert written == {"a/1.jpg.png", "b/1.jpg.png", "b/1.png.png"}


def test_truth_scores_one_and_gray_less(tmp_path: Path, faces: Synthetic) -> None:
    val = faces.split("val")
    names = write_names(tmp_path / "names.txt", list(val.names))
    np.save(tmp_path / "truth.npy", val.truth)
    np.save(tmp_path / "gray.npy", np.repeat(val.gray[..., None], 3, axis=3))
    truth = score_estimations(tmp_path / "truth.npy", names, faces)
    gray = score_estimations(tmp_path / "gray.npy", names, faces)
    assert truth["accuracy"] == 1.0
    assert truth["mse"] == 0.0
    assert truth["colorfulness"] == truth["true_colorfulness"]
    assert gray["accuracy"] < 0.5
    assert gray["colorfulness"] == 0.0


def test_order_of_names_decides_which_picture_is_which(tmp_path: Path, faces: Synthetic) -> None:
    val = faces.split("val")
    np.save(tmp_path / "reversed.npy", val.truth[::-1])
    names = write_names(tmp_path / "names.txt", list(val.names[::-1]))
    assert score_estimations(tmp_path / "reversed.npy", names, faces)["accuracy"] == 1.0


def test_leading_folders_and_float_arrays_are_understood(tmp_path: Path, faces: Synthetic) -> None:
    val = faces.split("val")
    np.save(tmp_path / "floats.npy", val.truth.astype(np.float64))
    names = write_names(tmp_path / "names.txt", [f"dataset/here/{name}" for name in val.names])
    assert score_estimations(tmp_path / "floats.npy", names, faces)["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("array", "complaint"),
    [
        (np.zeros((3, 24, 24, 3), np.uint8), "names"),
        (np.zeros((16, 24, 24), np.uint8), "shape"),
        (np.zeros((16, 24, 24, 4), np.uint8), "shape"),
        (np.zeros((16, 20, 24, 3), np.uint8), "shape"),
        (np.zeros((0, 24, 24, 3), np.uint8), "shape"),
        (np.full((16, 24, 24, 3), 256.0), "0 to 255"),
        (np.full((16, 24, 24, 3), np.nan), "0 to 255"),
        (np.full((16, 24, 24, 3), "red"), "0 to 255"),
    ],
)
def test_predictions_that_cannot_be_scored_are_refused(
    tmp_path: Path, faces: Synthetic, array: np.ndarray, complaint: str
) -> None:
    np.save(tmp_path / "predictions.npy", array)
    names = write_names(tmp_path / "names.txt", list(faces.split("val").names))
    with pytest.raises(DataError, match=complaint) as failure:
        score_estimations(tmp_path / "predictions.npy", names, faces)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x93NUMPY\x01\x00", b"PK\x03\x04broken"])
def test_file_that_is_no_array_is_refused(tmp_path: Path, faces: Synthetic, content: bytes) -> None:
    (tmp_path / "predictions.npy").write_bytes(content)
    names = write_names(tmp_path / "names.txt", list(faces.split("val").names))
    with pytest.raises(DataError, match=r"predictions\.npy"):
        score_estimations(tmp_path / "predictions.npy", names, faces)


def test_pickled_array_is_refused(tmp_path: Path, faces: Synthetic) -> None:
    np.save(tmp_path / "predictions.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    names = write_names(tmp_path / "names.txt", ["val/0000.png"])
    with pytest.raises(DataError, match=r"predictions\.npy"):
        score_estimations(tmp_path / "predictions.npy", names, faces)


def test_unknown_name_is_told(tmp_path: Path, faces: Synthetic) -> None:
    np.save(tmp_path / "predictions.npy", np.zeros((1, 24, 24, 3), np.uint8))
    names = write_names(tmp_path / "names.txt", ["val/9999.png"])
    with pytest.raises(DataError, match=r"val/9999\.png"):
        score_estimations(tmp_path / "predictions.npy", names, faces)


def test_pictures_without_a_truth_cannot_be_scored(tmp_path: Path, faces: Synthetic) -> None:
    np.save(tmp_path / "predictions.npy", np.zeros((1, 24, 24, 3), np.uint8))
    names = write_names(tmp_path / "names.txt", ["test/0000.png"])
    with pytest.raises(DataError, match=r"test are gray only.*'photochrom predict MODEL --split val'"):
        score_estimations(tmp_path / "predictions.npy", names, faces)


def test_missing_files_are_named(tmp_path: Path, faces: Synthetic) -> None:
    with pytest.raises(DataError, match=r"none\.npy: no such file"):
        score_estimations(tmp_path / "none.npy", tmp_path / "none.txt", faces)


def test_guesses_and_confidence_lie_beside_the_pictures(tmp_path: Path, faces: Synthetic) -> None:
    model = models.create("chroma_unet", {"width": 4, "depth": 2, "blocks": 1})
    pairs = faces.split("test").take([0, 1])
    write_guesses(model, pairs, tmp_path, variants=3, confidence=True)
    files = [Path(name).with_suffix(".png").name for name in pairs.names]
    folders = ("variant-2", "variant-3", "confidence")
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png")}
    assert written == {f"{folder}/{file}" for folder in folders for file in files}
    guess = np.asarray(Image.open(tmp_path / "variant-3" / files[0]))
    assert np.array_equal(guess, predict_variants(model, pairs.gray, 3)[2][0])
    sure = np.asarray(Image.open(tmp_path / "confidence" / files[1]))
    assert np.array_equal(sure, predict_confidence(model, pairs.gray)[1])


def test_the_first_guess_alone_needs_no_further_files(tmp_path: Path, faces: Synthetic) -> None:
    write_guesses(models.create("lookup_table"), faces.split("test"), tmp_path, variants=1, confidence=False)
    assert not list(tmp_path.iterdir())


def test_confidence_is_the_networks_own(faces: Synthetic) -> None:
    model, gray = models.create("chroma_unet", {"width": 4, "depth": 2, "blocks": 1}), faces.split("test").gray
    sure = predict_confidence(model, gray)
    assert sure.shape == gray.shape
    assert sure.dtype == np.uint8
    stated = model.confidence(gray_batch(torch.from_numpy(gray)))[:, 0].detach().numpy() * 255
    assert np.abs(sure - stated).max() <= 0.51


@pytest.mark.parametrize("ask", [lambda model, gray: predict_variants(model, gray, 2), predict_confidence])
def test_a_network_without_probabilities_has_one_guess(ask: Callable[..., Any], faces: Synthetic) -> None:
    with pytest.raises(ConfigError, match="neither variants nor a confidence"):
        ask(models.create("convnet"), faces.split("test").gray)

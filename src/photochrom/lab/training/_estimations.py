"""Predictions as files: an array, the list of its names, and pictures; and how such files are scored."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
from PIL import Image

from photochrom.color import to_signed
from photochrom.errors import ConfigError, DataError
from photochrom.files import write_whole, written_whole
from photochrom.lab.datasets import SPLITS, Dataset, Pairs
from photochrom.lab.metrics import accuracy_within, colorfulness, mean_squared_error
from photochrom.lab.models import ColorizationModel
from photochrom.lab.training._predictions import predict, predict_confidence, predict_variants
from photochrom.tensors import RgbPictures


def choose(pairs: Pairs, count: int, seed: int = 0) -> Pairs:
    """A random choice of pairs, in their order."""
    if seed < 0:
        raise ConfigError(f"the seed must be at least 0, not {seed}")
    if count < 1:
        raise ConfigError(f"at least 1 picture must be chosen, not {count}")
    if count >= len(pairs):
        return pairs
    drawn = np.random.default_rng(seed).choice(len(pairs), size=count, replace=False)
    return pairs.take(sorted(int(index) for index in drawn))


def write_estimations(model: ColorizationModel, pairs: Pairs, array: Path, pictures: Path) -> Path:
    """Color gray pictures and write the predictions.

    Args:
        array: The `.npy` file for the predictions: shape (count, height, width, 3), uint8.
        pictures: The folder for the PNG files, which are named like their sources.

    Returns:
        A text file beside the array with one name on each line, in the array's order.
    """
    predictions = predict(model, pairs.gray)
    names = _names_beside(array)
    with written_whole(array) as aside, aside.open("wb") as file:
        np.save(file, predictions)
    write_whole(names, "".join(f"{name}\n" for name in pairs.names))
    for name, picture in zip(_picture_names(pairs.names), predictions, strict=True):
        with written_whole(pictures / name) as aside:
            Image.fromarray(picture).save(aside)
    return names


def _names_beside(array: Path) -> Path:
    return array.with_name(f"{array.stem}-names.txt")


def _picture_names(names: Sequence[str]) -> list[Path]:
    """Unique names of PNG files, relative to the deepest folder that all names share."""
    paths = [Path(name) for name in names]
    common = os.path.commonpath([path.parent for path in paths])
    short = [path.relative_to(common) for path in paths]
    renamed = [path.with_suffix(".png") for path in short]
    if len(set(renamed)) < len(renamed):
        return [path.with_name(f"{path.name}.png") for path in short]
    return renamed


def write_guesses(model: ColorizationModel, pairs: Pairs, pictures: Path, variants: int, confidence: bool) -> None:
    """Write variants to folders `variant-2`, `variant-3` and so on, and the confidence to a folder `confidence`.

    Args:
        pictures: The folder of these folders; their files are named as by `write_estimations`.
        variants: The number of variants, including the one that `write_estimations` writes.
        confidence: Whether to write the confidence in that one as gray pictures, white for certainty.
    """
    arrays: list[npt.NDArray[np.uint8]] = []
    if variants > 1:
        arrays += predict_variants(model, pairs.gray, variants)[1:]
    if confidence:
        arrays.append(predict_confidence(model, pairs.gray))
    for folder, of_all in zip(_guess_folders(variants, confidence), arrays, strict=True):
        for name, picture in zip(_picture_names(pairs.names), of_all, strict=True):
            with written_whole(pictures / folder / name) as aside:
                Image.fromarray(picture).save(aside)


def _guess_folders(variants: int, confidence: bool) -> list[str]:
    return [f"variant-{place}" for place in range(2, variants + 1)] + ["confidence"] * confidence


def require_apart(targets: Iterable[Path], folders: Iterable[Path]) -> None:
    """Check that no file is written into the folders of a data set, nor to where links in them lead.

    Args:
        targets: The files to write.
        folders: What `Dataset.folders` gives.

    Raises:
        ConfigError: A file would lie there: it could replace a picture, or become one of the data set's.
    """
    kept = {_real(path) for folder in folders for path in (folder, *_links_below(folder))}
    for target in targets:
        place = _real(target)
        inside = next((path for path in (place, *place.parents) if path in kept), None)
        if inside is not None:
            raise ConfigError(
                f"{target}: lies in {inside}, where the data set's own pictures are; "
                "'photochrom predict' takes another place as --out, and as --estimations for the array"
            )


def _links_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_symlink()]


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))  # `Path.resolve` raises for links in a circle


def color_test_pictures(
    model: ColorizationModel,
    pairs: Pairs,
    count: int = 100,
    seed: int = 0,
    *,
    array: Path,
    pictures: Path,
    variants: int = 1,
    confidence: bool = False,
    sources: Sequence[Path] = (),
) -> str:
    """Color a random choice of pictures and write the predictions.

    The other arguments are those of `choose`, `write_guesses` and `write_estimations`.

    Args:
        sources: The folders of the data set, into which nothing is written.

    Returns:
        One line that names the files.

    Raises:
        ConfigError: A file would lie in one of these folders; nothing is written then.
    """
    chosen = choose(pairs, count, seed)
    folders = [pictures, *(pictures / name for name in _guess_folders(variants, confidence))]
    drawn = [folder / name for folder in folders for name in _picture_names(chosen.names)]
    require_apart([array, _names_beside(array), *drawn], sources)
    write_guesses(model, chosen, pictures, variants, confidence)
    names = write_estimations(model, chosen, array, pictures)
    return f"{len(chosen)} pictures colored: {array}, {names}, {pictures}/"


def score_estimations(array: Path, names: Path, dataset: Dataset) -> dict[str, float]:
    """The study's figures for a file of predictions, made by any program.

    Args:
        array: A `.npy` file of shape (count, height, width, 3): uint8, or other numbers from 0 to 255.
        names: A text file with the name of one picture on each line, in the array's order. Names may have leading
            folders, such as `dataset/val/images/7.jpg`.

    Returns:
        `accuracy`, `mse`, `colorfulness`, `true_colorfulness`, and `pictures`, their number.

    Raises:
        DataError: A file is missing or broken, the two do not fit together, or the color of a picture is unknown.
    """
    predictions = _read_predictions(array)
    wanted = _read_names(names)
    if len(wanted) != len(predictions):
        raise DataError(f"{array} holds {len(predictions)} pictures, but {names} names {len(wanted)}")
    truth = _find_truth(wanted, dataset)
    return {
        "accuracy": accuracy_within(predictions, truth),
        "mse": mean_squared_error(to_signed(predictions), to_signed(truth)),
        "colorfulness": colorfulness(predictions),
        "true_colorfulness": colorfulness(truth),
        "pictures": float(len(truth)),
    }


def _read_predictions(path: Path) -> RgbPictures:
    try:
        with path.open("rb") as file:
            array: npt.NDArray[np.generic] = np.load(file, allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except (ValueError, OSError, EOFError, BadZipFile) as error:
        raise DataError(f"{path}: not a .npy file of numbers ({error})") from error
    if not isinstance(array, np.ndarray) or array.ndim != 4 or array.shape[3] != 3 or len(array) == 0:
        shape = getattr(array, "shape", "several arrays")
        raise DataError(f"{path}: holds {shape}; predictions have the shape (count, height, width, 3)")
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind not in "iuf" or not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 255):
        raise DataError(f"{path}: values must be numbers from 0 to 255")
    return np.round(array.astype(np.float64)).astype(np.uint8)


def _read_names(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a text file of names") from error


def _find_truth(wanted: list[str], dataset: Dataset) -> RgbPictures:
    """The true pictures of the first split that has all names."""
    missing = wanted[0]
    for split in SPLITS:
        try:
            pairs = dataset.split(split)
        except DataError:
            continue
        places = {name: place for place, name in enumerate(pairs.names)}
        found = [_find(name, places) for name in wanted]
        if all(place is not None for place in found):
            return _known_color(pairs.take([place for place in found if place is not None]), split)
        missing = wanted[found.index(None)]
    raise DataError(f"{missing}: the data set {dataset.name!r} has no such picture")


def _known_color(pairs: Pairs, split: str) -> RgbPictures:
    if pairs.color is None:
        raise DataError(
            f"the pictures of {split} are gray only: there is no true color to score against; "
            "'photochrom predict MODEL --split val' colors pictures whose color is known"
        )
    return pairs.color


def _find(name: str, places: dict[str, int]) -> int | None:
    """The index of a name, with or without some of its leading folders."""
    parts = Path(name).parts
    for start in range(len(parts)):
        place = places.get("/".join(parts[start:]))
        if place is not None:
            return place
    return None

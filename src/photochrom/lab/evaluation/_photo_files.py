"""The whole photos to evaluate: files of a data set or of any folder."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
from PIL import Image

from photochrom.errors import ConfigError, DataError
from photochrom.lab.datasets import PictureCollection, Split, is_gray, open_dataset, read_rgb
from photochrom.lab.datasets.folder import Folder

_WHOLE_FOLDER = "all"


@dataclass(frozen=True)
class PhotoFile:
    """A photo whose true color is known.

    Attributes:
        name: Its path in its set.
        label: The group that the set assigns to it; None if it assigns none.
        mask: A gray picture of the same size whose levels are keys of `parts`.
        parts: The names of the levels.
        has_face_in_the_middle: Whether a face fills its middle, so that its skin tone can be measured.
    """

    path: Path
    name: str
    label: str | None = None
    mask: Path | None = None
    parts: tuple[tuple[int, str], ...] = ()
    has_face_in_the_middle: bool = False


@dataclass(frozen=True)
class PhotoSet:
    """The photos to evaluate.

    Attributes:
        name: The name of the data set, or the path of the folder.
        split: One of its splits; `all` for a folder without splits.
        limit: Maximum number of photos that was asked for; None for all.
    """

    name: str
    split: str
    photos: tuple[PhotoFile, ...]
    limit: int | None = None


def open_photos(spec: str, split: str = "test", limit: int | None = None) -> PhotoSet:
    """The files of a data set, or of any folder of color photos, as they are stored: neither cut nor scaled.

    Args:
        spec: The name of a collection of `photochrom data list`, or the path of a folder.
        split: A split of the data set; ignored for a folder without split folders.
        limit: Maximum number of photos, chosen by their names alone; None for all.

    Raises:
        ConfigError: The data set has no files of its own.
        DataError: The folder or split does not exist, or is empty.
    """
    dataset = open_dataset(spec)
    if isinstance(dataset, PictureCollection):
        photos = [
            PhotoFile(
                path,
                path.relative_to(dataset.home).as_posix(),
                dataset.label(path),
                dataset.mask(path),
                tuple(dataset.parts.items()),
                dataset.has_faces_in_the_middle,
            )
            for path in dataset.files(cast("Split", split))
        ]
    elif isinstance(dataset, Folder):
        split = split if dataset.has_split_folders() else _WHOLE_FOLDER
        paths = dataset.files(None if split == _WHOLE_FOLDER else cast("Split", split))
        photos = [PhotoFile(path, path.relative_to(dataset.root).as_posix()) for path in paths]
    else:
        raise ConfigError(f"{spec}: has no files of whole photos; name a collection of them, or the path of a folder")
    if not photos:
        raise DataError(f"{spec}: contains no photos; name another set, split or folder")
    return PhotoSet(dataset.name, split, tuple(drawn_by_name(photos, limit)), limit)


def drawn_by_name(photos: Sequence[PhotoFile], count: int | None) -> list[PhotoFile]:
    """Some of the photos, in their order.

    Checksums of their names decide, so the choice changes little when photos are added to a set.

    Args:
        count: Maximum number; None for all.
    """
    ranked = sorted(photos, key=lambda photo: hashlib.sha256(photo.name.encode()).digest())
    chosen = {photo.name for photo in ranked[:count]}
    return [photo for photo in photos if photo.name in chosen]


def read_parts(photo: PhotoFile, size: tuple[int, int]) -> dict[str, npt.NDArray[np.bool_]]:
    """A mask of each part of a photo, by name; empty if the photo has no mask.

    Raises:
        DataError: The mask cannot be read, or has another size.
    """
    if photo.mask is None:
        return {}
    try:
        with Image.open(photo.mask) as image:
            levels = np.asarray(image.convert("L"))
    except OSError as error:
        raise DataError(f"{photo.mask}: broken mask ({error})") from error
    if levels.shape != size:
        raise DataError(f"{photo.mask}: a mask of {levels.shape} does not fit a photo of {size}")
    return {name: levels == key for key, name in photo.parts}


def read_truth(photo: PhotoFile) -> npt.NDArray[np.uint8]:
    """A photo in color, upright; shape (height, width, 3).

    Raises:
        DataError: The photo cannot be read, or is gray.
    """
    truth = read_rgb(photo.path)
    if is_gray(truth):
        raise DataError(f"{photo.path}: a gray photo; its true color is unknown")
    return truth

"""Which whole photos are colored and measured: files of a data set or of any folder."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
from PIL import Image

from photochrom.errors import ConfigError, DataError
from photochrom.lab.datasets import PictureCollection, Split, open_dataset, read_rgb
from photochrom.lab.datasets.folder import Folder

__all__ = ["GRAY_SPREAD", "PhotoFile", "PhotoSet", "drawn_by_name", "open_photos", "read_parts", "read_truth"]

GRAY_SPREAD = 3.0
"""Mean difference of the largest and the smallest of red, green and blue, in levels, from which a photo has color."""

_WHOLE_FOLDER = "all"


@dataclass(frozen=True)
class PhotoFile:
    """A photo whose true color is known.

    Attributes:
        path: Of the color photo.
        name: Its path in its set.
        label: What the set says of it, a group to report figures by; None if it says nothing.
        mask: A gray picture of the same size whose levels are keys of `parts`; None if there is none.
        parts: What the levels of the mask mean.
        has_face_in_the_middle: Whether a face fills its middle, so that its skin tone can be told.
    """

    path: Path
    name: str
    label: str | None = None
    mask: Path | None = None
    parts: tuple[tuple[int, str], ...] = ()
    has_face_in_the_middle: bool = False


@dataclass(frozen=True)
class PhotoSet:
    """The photos to be evaluated.

    Attributes:
        name: Of the data set, or the path of the folder.
        split: Which of its splits; `all` for a folder that has none.
        photos: In the order in which they are evaluated.
        limit: How many were asked for at most; None if all of them.
    """

    name: str
    split: str
    photos: tuple[PhotoFile, ...]
    limit: int | None = None


def open_photos(spec: str, split: str = "test", limit: int | None = None) -> PhotoSet:
    """The files of a data set, or of any folder of color photos, as they are stored: neither cut nor scaled.

    A set whose files are squashed, as copies of Flickr8k are, is evaluated as it is.

    Args:
        spec: The name of a collection of `photochrom data list`, or the path of a folder.
        split: Which split of a data set. A folder without split folders is taken whole.
        limit: At most so many photos, chosen by their names alone; all of them if not given.

    Raises:
        ConfigError: The data set has no files of its own.
        DataError: There is no such folder, split or picture.
    """
    dataset = open_dataset(spec)
    if isinstance(dataset, PictureCollection):
        photos = [_of_collection(path, dataset) for path in dataset.files(cast("Split", split))]
    elif isinstance(dataset, Folder):
        split = split if dataset.has_split_folders() else _WHOLE_FOLDER
        paths = dataset.files(None if split == _WHOLE_FOLDER else cast("Split", split))
        photos = [PhotoFile(path, path.relative_to(dataset.root).as_posix()) for path in paths]
    else:
        raise ConfigError(f"{spec}: has no files of whole photos; name a collection of them, or the path of a folder")
    if not photos:
        raise DataError(f"{spec}: no photo is in it; name another set, split or folder")
    return PhotoSet(dataset.name, split, tuple(drawn_by_name(photos, limit)), limit)


def _of_collection(path: Path, dataset: PictureCollection) -> PhotoFile:
    return PhotoFile(
        path,
        path.relative_to(dataset.home).as_posix(),
        dataset.label(path),
        dataset.mask(path),
        tuple(dataset.parts.items()),
        dataset.has_faces_in_the_middle,
    )


def drawn_by_name(photos: Sequence[PhotoFile], count: int | None) -> list[PhotoFile]:
    """Some photos in their order, chosen by a checksum of their names: whatever is added, few others come or go.

    Args:
        photos: To choose from.
        count: At most so many; None chooses all.
    """
    if count is None or count >= len(photos):
        return list(photos)
    checksums = [hashlib.sha256(photo.name.encode()).digest() for photo in photos]
    chosen = sorted(range(len(photos)), key=checksums.__getitem__)[:count]
    return [photos[place] for place in sorted(chosen)]


def read_parts(photo: PhotoFile, size: tuple[int, int]) -> dict[str, npt.NDArray[np.bool_]]:
    """Where each part of a photo is, by name; nothing if the photo has no mask.

    Args:
        photo: The file.
        size: Height and width of the photo.

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
    """A photo in its true color, upright; shape (height, width, 3).

    Raises:
        DataError: It cannot be read, or is gray.
    """
    truth = read_rgb(photo.path)
    if np.ptp(truth.astype(np.int16), axis=2).mean() < GRAY_SPREAD:
        raise DataError(f"{photo.path}: a gray picture")
    return truth

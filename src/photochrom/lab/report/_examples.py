"""The pictures of a report: real validation faces, or pictures that may be published."""

from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from photochrom.errors import ConfigError, DataError
from photochrom.lab.datasets import Pairs, open_dataset, pairs_from_color
from photochrom.lab.training import sample_indices

_COUNT = 8
_FACE_BOX = (169, 62, 279, 172)
"""Left, top, right and bottom of the face in the portrait, as tight as the study's crops."""


def _validation(data: str, size: int | None) -> Pairs:
    """Validation pictures of the runs' data set, at the size of the runs."""
    try:
        val = open_dataset(data, size).split("val")
    except DataError as error:
        raise DataError(f"{error}; or choose --examples public") from error
    return val.take(sample_indices(len(val), _COUNT))


@cache
def _public() -> Pairs:
    """Synthetic faces, and the portrait of an astronaut that scikit-image ships, which is in the public domain."""
    val = open_dataset("synthetic").split("val")
    faces = val.take(sample_indices(len(val), _COUNT - 1))
    portrait = _resized(_astronaut().crop(_FACE_BOX), faces.gray.shape[1])
    return pairs_from_color((*faces.names, "astronaut"), np.concatenate([faces.truth, portrait[None]]))


def _astronaut() -> Image.Image:
    """The whole portrait, 512x512."""
    from skimage.data import astronaut

    portrait: Image.Image = Image.fromarray(astronaut())  # type: ignore[no-untyped-call]
    return portrait


def _resized(picture: Image.Image, size: int) -> npt.NDArray[np.uint8]:
    return np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS))


def example_pairs(source: str, data: str, size: int | None = None) -> Pairs:
    """The pictures to show: `validation` ones of a data set, or `public` ones."""
    if source == "validation":
        return _validation(data, size)
    if source == "public":
        return _public()
    raise ConfigError(f"no examples are called {source!r}; there are: validation, public")


def public_portrait() -> Pairs:
    """The whole portrait of the public examples, which shows more than a face."""
    return pairs_from_color(("astronaut",), _resized(_astronaut(), 256)[None])

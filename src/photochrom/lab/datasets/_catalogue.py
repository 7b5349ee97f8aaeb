"""The data sets by name, and how to open them."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from photochrom.errors import ConfigError, DataError
from photochrom.lab.datasets._mixture import Mixture
from photochrom.lab.datasets._packed import Packed, is_pack
from photochrom.lab.datasets._pairs import Dataset
from photochrom.lab.datasets._published import PictureCollection
from photochrom.lab.registry import Registry

_registry: Registry[type[Dataset]] = Registry(
    "photochrom.lab.datasets", "data set", otherwise={"folder": "or the path of a folder"}
)
register = _registry.register

_log = logging.getLogger(__name__)
_FACTOR = re.compile(r"\d+|0?\.\d+")


def available() -> list[str]:
    """The names of the data sets."""
    return _registry.names()


def entry(name: str) -> type[Dataset]:
    """The class of the data set of that name."""
    return _registry[name]


def describe(name: str) -> tuple[str, str, str, str]:
    """The name of a data set, its summary, its rights, and whether it is on this machine."""
    dataset = entry(name)
    if name == "folder":
        return "path/to/folder", dataset.summary, dataset.rights, ""
    return name, dataset.summary, dataset.rights, "yes" if dataset().is_at_hand() else "no"


def open_dataset(spec: str, size: int | None = None) -> Dataset:
    """The data set that a user names.

    Args:
        spec: The name of a data set, the path of a folder of pictures, or `auto`: the study's pictures if they are at
            hand, else synthetic faces, which a line of the log tells. Several names joined by `+` are a mixture, which
            is scored on the first one. Pictures of a later one can be shown several times an epoch, or only a share of
            them: `study+utkface`, `study+8*cc0_portraits`, `study+0.2*utkface`. Later collections are read at the size
            of the first. The path of a pack opens that.
        size: Side of the pictures, for a folder or a collection; their usual one if not given.

    Returns:
        The data set, not yet prepared.

    Raises:
        ConfigError: No data set has that name, or it has one size only, or a mixture names one twice or multiplies its
            first.
        DataError: No folder lies at that path.
    """
    pieces = list(_parts(spec))
    if len(pieces) == 1:
        return _open_part(spec, size, must_fit=True)
    times, names = zip(*(_times(piece) for piece in pieces), strict=True)
    first, *others = names
    dataset = _open_part(first, size, must_fit=True)
    size = dataset.size if isinstance(dataset, PictureCollection) else None
    return Mixture([dataset, *(_open_part(name, size) for name in others)], times)


def _times(piece: str) -> tuple[float, str]:
    """How often a part of a mixture is shown in an epoch, and its name."""
    factor, star, name = piece.partition("*")
    return (float(factor), name) if star and _FACTOR.fullmatch(factor) else (1, piece)


def _parts(spec: str) -> Iterator[str]:
    """The parts that `+` joins; a `+` in the name of a folder that exists does not count."""
    pieces = spec.split("+")
    if spec and not all(pieces):
        raise ConfigError(f"in {spec!r} a name is missing beside a plus sign: write it such as study+utkface")
    while pieces:
        ends = range(len(pieces), 1, -1)
        end = next((end for end in ends if Path("+".join(pieces[:end])).is_dir()), 1)
        yield "+".join(pieces[:end])
        del pieces[:end]


def _open_part(spec: str, size: int | None = None, *, must_fit: bool = False) -> Dataset:
    """One data set; a collection is read at the given size.

    Args:
        must_fit: Whether a set that has one size only is refused if another is given.
    """
    if spec == "auto":
        spec = _study_or_synthetic()
    if spec == "folder" or not spec:
        raise ConfigError("a folder of pictures is chosen by its path, such as path/to/pictures")
    if spec not in available() and Path(spec).is_dir():
        if is_pack(Path(spec)):
            _require_no_size(spec, size if must_fit else None)
            return Packed(root=Path(spec))
        folder: Any = entry("folder")
        return cast("Dataset", folder(root=Path(spec), **({} if size is None or not must_fit else {"size": size})))
    if "/" in spec or "\\" in spec or spec.startswith("."):
        raise DataError(f"{spec}: no such folder")
    dataset = entry(spec)
    if size is not None and issubclass(dataset, PictureCollection):
        return dataset(size=size)
    _require_no_size(spec, size if must_fit else None)
    return dataset()


def _study_or_synthetic() -> str:
    if entry("study")().is_at_hand():
        return "study"
    _log.warning("data: synthetic faces, for the study's are not here; 'photochrom data download' gets them")
    return "synthetic"


def _require_no_size(spec: str, size: int | None) -> None:
    if size is not None:
        raise ConfigError(f"{spec}: its pictures have one size; leave size out")

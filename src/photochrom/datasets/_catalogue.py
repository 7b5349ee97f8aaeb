"""The data sets by name, and the one way to open one."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

from photochrom.datasets._pairs import Dataset, Pairs, Split, require_split
from photochrom.errors import ConfigError, DataError
from photochrom.registry import Registry

__all__ = ["available", "open_dataset", "open_split", "register"]

_registry: Registry[Callable[..., Dataset]] = Registry("photochrom.datasets", "data set")
register = _registry.register


def available() -> list[str]:
    """The names of the data sets."""
    return _registry.names()


def open_dataset(spec: str) -> Dataset:
    """The data set that a user means.

    Args:
        spec: The name of a data set; or the path of a folder of pictures; or `auto`: the study's pictures where
            they are at hand, else synthetic faces.

    Returns:
        The data set, not yet prepared.

    Raises:
        ConfigError: No data set has that name.
        DataError: No folder lies at that path.
    """
    if spec == "auto":
        study = _registry["study"]()
        return study if study.is_at_hand() else _registry["synthetic"]()
    if spec == "folder" or not spec:
        raise ConfigError("a folder of pictures is chosen by its path: --data path/to/pictures")
    if spec not in available() and Path(spec).is_dir():
        return _registry["folder"](root=Path(spec))
    if "/" in spec or "\\" in spec or spec.startswith("."):
        raise DataError(f"{spec}: no such folder")
    return _registry[spec]()


def open_split(spec: str, split: str) -> Pairs:
    """One split of the data set that a user means.

    Raises:
        ConfigError: There is no such data set.
        DataError: There is no such split, or the pictures cannot be had.
    """
    require_split(split)
    return open_dataset(spec).split(cast("Split", split))

"""The data sets by name, and the one way to open one."""

from collections.abc import Callable
from pathlib import Path

from photochrom.datasets._pairs import SPLITS, Dataset, Pairs
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
        ConfigError: No data set has that name and no folder lies at that path.
    """
    if spec == "auto":
        study = _registry["study"]()
        return study if study.is_at_hand() else _registry["synthetic"]()
    if Path(spec).is_dir():
        return _registry["folder"](root=Path(spec))
    if spec == "folder":
        raise ConfigError("the data set 'folder' is chosen by its path: --data path/to/pictures")
    if "/" in spec or "\\" in spec or spec.startswith("."):
        raise DataError(f"{spec}: no such folder")
    return _registry[spec]()


def open_split(spec: str, split: str) -> Pairs:
    """One split of the data set that a user means.

    Raises:
        ConfigError: There is no such split or data set.
        DataError: The pictures cannot be had.
    """
    for known in SPLITS:
        if split == known:
            return open_dataset(spec).split(known)
    raise ConfigError(f"no split is called {split!r}; there are: {', '.join(SPLITS)}")

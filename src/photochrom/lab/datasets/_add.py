"""Adding a published data set from an archive or a folder."""

from pathlib import Path

from photochrom.errors import ConfigError, DataError
from photochrom.lab.datasets._catalogue import available, entry
from photochrom.lab.datasets._published import Addition, PublishedSet
from photochrom.lab.datasets._storage import data_home, unpacked


def add(source: Path, name: str | None = None) -> Addition:
    """Add the published data set in an archive or a folder.

    Args:
        source: The archive or folder.
        name: The data set; recognized by its contents if not given.

    Raises:
        ConfigError: No data set of that name can be added.
        DataError: The source is missing or broken, or holds no known data set, or several.
    """
    if name is not None:
        return _addable(name).add(source)
    with unpacked(source, beside=data_home()) as folder:
        found = [dataset for dataset in _collections() if dataset.is_in(folder)]
        names = ", ".join(dataset.home.name for dataset in found)
        if not found:
            known = ", ".join(dataset.home.name for dataset in _collections())
            raise DataError(f"{source}: holds none of the sets that can be added, which are: {known}")
        if len(found) > 1:
            raise DataError(f"{source}: holds several sets ({names}): say which with --name")
        return found[0].add(folder)


def _collections() -> list[PublishedSet]:
    """One data set for each folder in the data home; several data sets may show the same pictures."""
    published = [dataset() for name in available() if issubclass(dataset := entry(name), PublishedSet)]
    return [dataset for dataset in published if dataset.home.name == dataset.name]


def _addable(name: str) -> PublishedSet:
    dataset = entry(name)
    if not issubclass(dataset, PublishedSet):
        known = ", ".join(dataset.home.name for dataset in _collections())
        raise ConfigError(f"{name} needs no adding; what can be added: {known}")
    return dataset()

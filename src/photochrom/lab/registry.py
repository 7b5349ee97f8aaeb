"""A registry that finds the entries of a catalogue by their files."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Generic, TypeVar

from photochrom.errors import ConfigError

Entry = TypeVar("Entry", bound=Callable[..., Any])


class Registry(Generic[Entry]):
    """The entries of one catalogue, each in a file of its name that does not begin with an underscore.

    A file is imported when its entry is first used, so listing names is cheap.

    Args:
        package: Dotted name of the catalogue's package.
        kind: What messages call an entry, such as "model".
        otherwise: What else than one of the names may be given, as messages tell it, by the entry that is chosen so
            and never by its name.
    """

    def __init__(self, package: str, kind: str, otherwise: Mapping[str, str] | None = None) -> None:
        self.package = package
        self.kind = kind
        self._otherwise = dict(otherwise or {})
        self._entries: dict[str, Entry] = {}

    def register(self, entry: Entry) -> Entry:
        """Register a class or function by the name of its file; a decorator."""
        name = entry.__module__.rpartition(".")[2]
        if name in self._entries:
            raise ValueError(f"{entry.__module__} holds two entries; a catalogue file holds one")
        self._entries[name] = entry
        return entry

    def names(self) -> list[str]:
        """The sorted names of all entries."""
        package = importlib.import_module(self.package)
        return sorted(
            module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_")
        )

    def __getitem__(self, name: str) -> Entry:
        """The entry of that name."""
        if name not in self.names():
            known = [each for each in self.names() if each not in self._otherwise]
            near = get_close_matches(name, known, n=1)
            there = ", ".join([*known, *self._otherwise.values()])
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {there}"
            raise ConfigError(f"no {self.kind} is called {name!r}; {hint}")
        importlib.import_module(f"{self.package}.{name}")
        return self._entries[name]

"""Finding the entries of a catalogue room by their files."""

import importlib
import pkgutil
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, Generic, TypeVar

from photochrom.errors import ConfigError

__all__ = ["Registry"]

Entry = TypeVar("Entry", bound=Callable[..., Any])


class Registry(Generic[Entry]):
    """The entries of one catalogue: one plain file each, named like the file.

    A file is imported when its entry is first asked for, so that listing names costs nothing.

    Args:
        package: Dotted name of the catalogue's package.
        kind: What an entry is called in messages, such as "model".
    """

    def __init__(self, package: str, kind: str) -> None:
        self.package = package
        self.kind = kind
        self._entries: dict[str, Entry] = {}

    def register(self, entry: Entry) -> Entry:
        """Enter a class or function under the name of the file that defines it.

        Args:
            entry: The class or function; a file holds exactly one.

        Returns:
            The same object, so that this serves as a decorator.

        Raises:
            ValueError: The file has entered something already.
        """
        name = entry.__module__.rpartition(".")[2]
        if name in self._entries:
            raise ValueError(f"{entry.__module__} holds two entries; a catalogue file holds one")
        self._entries[name] = entry
        return entry

    def names(self) -> list[str]:
        """The names of all entries, sorted."""
        package = importlib.import_module(self.package)
        return sorted(
            module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_")
        )

    def __getitem__(self, name: str) -> Entry:
        """The entry of that name.

        Raises:
            ConfigError: There is none; the message names the nearest.
        """
        known = self.names()
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
            raise ConfigError(f"no {self.kind} is called {name!r}; {hint}")
        importlib.import_module(f"{self.package}.{name}")
        return self._entries[name]

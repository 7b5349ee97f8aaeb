"""Where the results of each photo go, so that none lies on a photo or on another result."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from photochrom.album._finding import FoundPhoto
from photochrom.album._manifest import MANIFEST_NAME
from photochrom.errors import ConfigError, PhotoError
from photochrom.photo import HEAD_BYTES, SUFFIXES, format_of

__all__ = ["Extras", "Placement", "place"]

_ENDING = "-color"


@dataclass(frozen=True)
class Extras:
    """Which files a photo gets.

    Attributes:
        variants: How many guesses.
        compare: Whether also a file in which the photo in gray lies beside them.
        confidence: Whether also a map of how sure the best guess is.
    """

    variants: int = 1
    compare: bool = False
    confidence: bool = False

    @property
    def count(self) -> int:
        """How many they are."""
        return self.variants + self.compare + self.confidence


@dataclass(frozen=True)
class Placement:
    """A photo, and where its results go.

    Attributes:
        source: The photo.
        root: The folder of all results, in which a manifest is kept; None for results beside their photo.
        folder: Where this photo's results go.
        stem: Of the results' names.
        map_stem: Of that of the map of confidence, which is a PNG whatever the photo is.
        suffix: Of the others.
        extras: Which results there are.
    """

    source: Path
    root: Path | None
    folder: Path
    stem: str
    map_stem: str
    suffix: str
    extras: Extras

    @property
    def colored(self) -> tuple[Path, ...]:
        """One file for each guess."""
        if self.extras.variants == 1:
            return (self._named(""),)
        return tuple(self._named(f"-{number}") for number in range(1, self.extras.variants + 1))

    @property
    def compare(self) -> Path | None:
        """The comparison, if it is wanted."""
        return self._named("-compare") if self.extras.compare else None

    @property
    def confidence(self) -> Path | None:
        """The map of confidence, if it is wanted."""
        return self.folder / f"{self.map_stem}-confidence.png" if self.extras.confidence else None

    @property
    def outputs(self) -> tuple[Path, ...]:
        """All files."""
        return (*self.colored, *(path for path in (self.compare, self.confidence) if path is not None))

    @property
    def manifest(self) -> Path | None:
        """Where it is kept what was done."""
        return None if self.root is None else self.root / MANIFEST_NAME

    @property
    def file(self) -> str:
        """The photo's name in the manifest: where its results lie, under its own name."""
        return (self.folder / self.source.name).relative_to(self.root or self.folder).as_posix()

    def renamed(self) -> "Placement":
        """The same with names that tell which format the photo had, where they do not: `a.gif` becomes `a.gif.png`."""
        stem = self.source.name + self.stem.removeprefix(self.source.stem)
        keeps_format = self.suffix == self.source.suffix
        return replace(self, stem=self.stem if keeps_format else stem, map_stem=stem)

    def _named(self, ending: str) -> Path:
        return self.folder / f"{self.stem}{ending}{self.suffix}"


def place(photos: Sequence[FoundPhoto], out: Path | None, extras: Extras) -> list[Placement]:
    """Where the results of photos go.

    A photo that was named itself gets them beside it, as `NAME-color`; a folder gets a folder beside it,
    `FOLDER-color`, with the same tree and names. With `out` all goes there: files by their names, a folder as its tree,
    or below its name if there are other sources. If `out` is the name of a file, that is the only photo's result.

    Args:
        photos: What is colored.
        out: Where to.
        extras: Which files each gets.

    Returns:
        One placement a photo, of no two the same.

    Raises:
        ConfigError: Two photos would get the same name, or one the name of a photo.
    """
    if out is not None and out.suffix.lower() in _WRITTEN_SUFFIXES and not out.is_dir():
        return [_at(photos, out, extras)]
    if out is not None and out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: --out is a folder, or for a single photo a file such as colored.jpg")
    are_several = len({photo.tree for photo in photos}) > 1
    return _without_collisions([_placement(photo, out, extras, are_several) for photo in photos])


_WRITTEN_SUFFIXES = frozenset(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)


def _at(photos: Sequence[FoundPhoto], out: Path, extras: Extras) -> Placement:
    """The placement of the only photo at a file."""
    if len(photos) != 1 or photos[0].tree is not None:
        raise ConfigError(f"{out}: this names one file, but there may be several photos; give a folder")
    placement = Placement(photos[0].path, None, out.parent, out.stem, out.stem, out.suffix, extras)
    _require_apart([placement])
    return placement


def _placement(photo: FoundPhoto, out: Path | None, extras: Extras, are_several: bool) -> Placement:
    path, tree = photo.path, photo.tree
    if tree is None:
        root, folder = out, out or path.parent
    else:
        root = out or _beside(tree)
        below = path.parent.relative_to(tree)
        folder = root / _name(tree) / below if out is not None and are_several else root / below
    is_beside = os.path.realpath(folder) == os.path.realpath(path.parent)
    stem = path.stem + (_ENDING if is_beside else "")
    return Placement(path, root, folder, stem, stem, _kept_suffix(path), extras)


def _name(folder: Path) -> str:
    """A folder's own name, even if it is given as `.` or `..`."""
    return Path(os.path.realpath(folder)).name if folder.name in ("", "..") else folder.name


def _beside(tree: Path) -> Path:
    name = _name(tree)
    if not name:
        raise ConfigError(f"{tree}: has no place beside it; say where results go with --out")
    parent = tree.parent if tree.name not in ("", "..") else Path(os.path.realpath(tree)).parent
    return parent / f"{name}{_ENDING}"


def _kept_suffix(path: Path) -> str:
    """The suffix of a photo, unless its content is of another format, or of one that cannot be written."""
    suffix = path.suffix.lower()
    try:
        # What is no plain file, such as a pipe, might never end; it is refused when it is to be read.
        kind = format_of(_head(path)).name if path.is_file() else ""
    except (OSError, PhotoError):
        return path.suffix
    suffixes = SUFFIXES.get(kind, SUFFIXES["PNG"])
    return path.suffix if suffix in suffixes else suffixes[0]


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _without_collisions(placements: list[Placement]) -> list[Placement]:
    """The same placements, those that share a file with another renamed after the format of their photo.

    Raises:
        ConfigError: They still collide.
    """
    taken = Counter(_key(path) for placement in placements for path in placement.outputs)
    apart = [
        placement.renamed() if any(taken[_key(path)] > 1 for path in placement.outputs) else placement
        for placement in placements
    ]
    _require_apart(apart)
    return apart


def _require_apart(placements: Sequence[Placement]) -> None:
    photos = {_key(placement.source): placement.source for placement in placements}
    owners: dict[str, Path] = {}
    for placement in placements:
        for path in placement.outputs:
            if _key(path) in photos:
                raise ConfigError(f"{path}: a result would replace this photo; choose another place with --out")
            other = owners.setdefault(_key(path), placement.source)
            if other != placement.source:
                raise ConfigError(
                    f"{other} and {placement.source} would both become {path}; give the folders that they lie in, "
                    "or color them one after the other with another --out"
                )


def _key(path: Path) -> str:
    """What is equal for two names of one file."""
    return os.path.normcase(os.path.realpath(path))

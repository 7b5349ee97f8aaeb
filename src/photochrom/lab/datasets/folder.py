"""A folder of color pictures."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from photochrom.errors import ConfigError, DataError
from photochrom.lab.datasets._catalogue import register
from photochrom.lab.datasets._pairs import SPLITS, Dataset, Pairs, Split, require_split
from photochrom.lab.datasets._pictures import MIN_SIDE, PICTURE_SUFFIXES, read_pairs, sort_as_text, tell_left_out_alike
from photochrom.lab.datasets._storage import content_digest, copies_among

_BLOCK = 1024


@register
class Folder(Dataset):
    """The pictures below a folder.

    Folders `train`, `val` and `test` in it are the splits; a missing one is an error only when it is used. Without such
    folders, the pictures are split at random by a seed, and the splits depend only on the seed and the set of names.

    Args:
        size: Side of the square that each picture is cropped to.
        seed: Chooses the split of each picture if the folder has no split folders.
        val_share: Share of the pictures in `val`, and share of those in `test`.
    """

    summary = "your own color pictures, their middle squares at 80x80; in train, val and test, or split by a seed"
    rights = "yours"

    def __init__(self, *, root: Path, size: int = 80, seed: int = 0, val_share: float = 0.1) -> None:
        if size < MIN_SIDE:
            raise ConfigError(f"size must be at least {MIN_SIDE}, not {size}")
        if not 0.0 < val_share < 0.5:
            raise ConfigError(f"val_share must lie between 0 and 0.5, not {val_share}")
        if not root.is_dir():
            raise DataError(f"{root}: no such folder")
        self.root = root
        self.size = size
        self.seed = seed
        self.val_share = val_share

    @property
    def name(self) -> str:
        """The folder's absolute path, so that a run can be resumed from anywhere."""
        return self.root.resolve().as_posix()

    def split(self, split: Split) -> Pairs:
        """The pairs of one split, without gray pictures; `train` has no copies of files of the other two."""
        files, copies = self._without_copies(split)
        if copies:
            tell_left_out_alike(copies)
        pairs = self._read(files)
        return replace(pairs, left_out=(*pairs.left_out, *copies))

    def blocks(self, split: Split) -> Iterator[Pairs]:
        """The pairs of one split, a thousand or so at a time."""
        files, copies = self._without_copies(split)
        if copies:
            tell_left_out_alike(copies)
        for start in range(0, max(1, len(files)), _BLOCK):  # that there are none is told when they are read
            yield self._read(files[start : start + _BLOCK])

    def folders(self) -> list[Path]:
        """The folder itself."""
        return [self.root]

    def fingerprint(self) -> dict[str, Any]:
        """Path, size, seed, and a checksum of the pictures of `train` and of `val`; a missing one has none.

        Copies that are left out are no part of `train`: a new picture in `test` may be what leaves one out.
        """
        there: list[Split] = [split for split in SPLITS if split != "test" and self._has(split)]
        digests = {split: content_digest(self._without_copies(split)[0], self.root) for split in there}
        return {"name": self.name, "size": self.size, "seed": self.seed, "pictures": digests}

    def files(self, split: Split | None = None) -> list[Path]:
        """The pictures of one split as files; those of all splits if none is named."""
        if split is None:
            return _pictures_below(self.root)
        require_split(split)
        if not self.has_split_folders():
            return self._drawn_by_seed(_pictures_below(self.root), split)
        if not self._has(split):
            raise DataError(f"{self.root}: has split folders, but none is called {split!r}")
        return _pictures_below(self.root / split)

    def has_split_folders(self) -> bool:
        """Whether the folder itself says which picture belongs to which split."""
        return any((self.root / split).is_dir() for split in SPLITS)

    def _read(self, files: list[Path]) -> Pairs:
        return read_pairs(files, root=self.root, size=self.size, may_be_gray=False)

    def _without_copies(self, split: Split) -> tuple[list[Path], list[str]]:
        """The files of a split, and a line for each that is left out of `train` as a copy of one that is scored on."""
        files = self.files(split)
        if split != "train":
            return files, []
        kept_back = [file for other in SPLITS if other != "train" and self._has(other) for file in self.files(other)]
        copies = copies_among(files, kept_back)
        lines = [f"{file}: the same file as {other}, which is kept back" for file, other in copies.items()]
        return [file for file in files if file not in copies], lines

    def _has(self, split: Split) -> bool:
        return (self.root / split).is_dir() or not self.has_split_folders()

    def _drawn_by_seed(self, files: list[Path], split: Split) -> list[Path]:
        order = np.random.default_rng(self.seed).permutation(len(files))
        held_back = max(1, round(len(files) * self.val_share))
        ranges = {
            "val": slice(0, held_back),
            "test": slice(held_back, 2 * held_back),
            "train": slice(2 * held_back, None),
        }
        drawn = order[ranges[split]]
        if files and not len(drawn):
            raise DataError(
                f"{self.root}: of its pictures, {len(files)} in number, none is left for {split}; at least 3 are needed"
            )
        return sort_as_text(files[index] for index in drawn)


def _pictures_below(folder: Path) -> list[Path]:
    """Picture files at any depth, except hidden files and those in hidden folders."""
    return sort_as_text(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PICTURE_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )

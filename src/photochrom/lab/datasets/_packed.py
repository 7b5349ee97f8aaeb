"""Data sets packed into memory-mapped files, for sets that are larger than memory.

A pack is a folder with `pack.json`, which is written last, and for each split the bytes of its pictures one after the
other: `train-gray.bin`, `train-color.bin`. Mapped, these are the arrays of `Pairs`; the system reads the parts that are
used, and takes their memory back when it needs it.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from photochrom.errors import ConfigError, DataError, unwritten
from photochrom.lab.datasets._mixture import Mixture
from photochrom.lab.datasets._pairs import SPLITS, Dataset, Pairs, ProgressCallback, Split, require_split
from photochrom.lab.datasets._storage import installed_whole

_INDEX = "pack.json"
_FORMAT_VERSION = 1
_HASHED = 1 << 24


@dataclass(frozen=True)
class _Part:
    """What `pack.json` says of a split.

    Attributes:
        sha256: Of its files, one after the other.
    """

    count: int
    height: int
    width: int
    has_color: bool
    has_labels: bool
    has_aspects: bool
    sha256: str

    def sizes(self) -> dict[str, int]:
        """The bytes of each array."""
        pixels = self.count * self.height * self.width
        sizes = {"gray": pixels, "color": 3 * pixels * self.has_color, "aspects": 4 * self.count * self.has_aspects}
        return {name: size for name, size in sizes.items() if size}


class Packed(Dataset):
    """A pack, opened by the path of its folder."""

    summary = "a set of 'photochrom data pack', for what is larger than memory"
    rights = "those of its pictures"

    def __init__(self, *, root: Path) -> None:
        """Read what is in the pack.

        Raises:
            DataError: It is torn, or of another format version.
        """
        self.root = root
        try:
            index = json.loads((root / _INDEX).read_text(encoding="utf-8"))
            version = index["format_version"]
            if version != _FORMAT_VERSION:
                raise DataError(
                    f"{root}: a pack of format version {version!r}, but this photochrom reads {_FORMAT_VERSION}; "
                    "pack the set anew"
                )
            self._parts = {name: _Part(**part) for name, part in index["splits"].items()}
            self._source = dict(index["source"])
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise _torn(root, _INDEX) from error

    @property
    def name(self) -> str:
        """The folder's absolute path, so that a run can be resumed from anywhere."""
        return self.root.resolve().as_posix()

    def split(self, split: Split) -> Pairs:
        """The pairs of one split; their arrays are mapped, not read."""
        require_split(split)
        if split not in self._parts:
            raise DataError(f"{self.root}: has no split {split!r}; there are: {', '.join(self._parts)}")
        part = self._parts[split]
        for name, size in part.sizes().items():
            self._require_whole(f"{split}-{name}.bin", size)
        shape = (part.count, part.height, part.width)
        aspects = np.fromfile(self.root / f"{split}-aspects.bin", dtype="<f4") if part.has_aspects else None
        return Pairs(
            names=self._lines(f"{split}-names.json", part.count),
            gray=self._mapped(f"{split}-gray.bin", shape),
            color=self._mapped(f"{split}-color.bin", (*shape, 3)) if part.has_color else None,
            labels=self._lines(f"{split}-labels.json", part.count) if part.has_labels else None,
            aspects=aspects,
        )

    def counts(self) -> dict[str, int]:
        """The number of pictures of each split."""
        return {name: part.count for name, part in self._parts.items()}

    def folders(self) -> list[Path]:
        """The folder of the pack."""
        return [self.root]

    def fingerprint(self) -> dict[str, Any]:
        """The fingerprint of the set that was packed, and a checksum of each split."""
        checksums = {name: part.sha256 for name, part in self._parts.items()}
        return {"name": self.name, "source": self._source, "sha256": checksums}

    def _mapped(self, name: str, shape: tuple[int, ...]) -> "np.memmap[Any, np.dtype[np.uint8]]":
        # Copy on write: torch warns of arrays that cannot be written to, and nothing here may change the file.
        return np.memmap(self.root / name, dtype=np.uint8, mode="c", shape=shape)

    def _require_whole(self, name: str, size: int) -> None:
        try:
            found = (self.root / name).stat().st_size
        except OSError as error:
            raise _torn(self.root, name) from error
        if found != size:
            raise _torn(self.root, name)

    def _lines(self, name: str, count: int) -> tuple[str, ...]:
        try:
            lines = json.loads((self.root / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise _torn(self.root, name) from error
        if not isinstance(lines, list) or len(lines) != count:
            raise _torn(self.root, name)
        return tuple(map(str, lines))


def is_pack(folder: Path) -> bool:
    """Whether a folder holds a pack."""
    return (folder / _INDEX).is_file()


def pack(dataset: Dataset, target: Path, progress: ProgressCallback | None = None) -> Packed:
    """Write a data set as a pack, whole or not at all.

    A set that gives its pictures in blocks is never in memory as a whole.

    Args:
        target: The new folder; an older pack there is replaced.
        progress: Called with the pictures that are written, and 0 for their unknown total.

    Raises:
        ConfigError: The set is a mixture, or something else is in the folder.
        DataError: The pictures cannot be read or written.
    """
    if isinstance(dataset, Mixture):
        raise ConfigError(f"{dataset.name}: a mixture is not packed; pack its parts, and join them with + again")
    if target.exists() and not is_pack(target):
        raise ConfigError(f"{target}: is there already and is no pack; choose another folder with --out")
    try:
        with installed_whole(target) as copy:
            copy.mkdir()
            _write_all(dataset, copy, progress)
    except OSError as error:
        raise DataError(f"{target}: {unwritten(error)}") from error
    return Packed(root=target)


def _write_all(dataset: Dataset, folder: Path, progress: ProgressCallback | None) -> None:
    splits, done, missing = {}, 0, ""
    for split in SPLITS:
        try:
            blocks = dataset.blocks(split)
            first = next(blocks)
        except DataError as error:  # a folder may have no test pictures
            missing = missing or str(error)
            continue
        writer = _Writer(folder, split)
        for block in chain([first], blocks):
            writer.add(block)
            done += len(block)
            if progress is not None:
                progress(done, 0)
        splits[split] = asdict(writer.finished())
    if not splits:
        raise DataError(missing)
    index = {"format_version": _FORMAT_VERSION, "source": dataset.fingerprint(), "splits": splits}
    (folder / _INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


class _Writer:
    """Writes the blocks of a split."""

    def __init__(self, folder: Path, split: str) -> None:
        self._folder = folder
        self._split = split
        self._names: list[str] = []
        self._labels: list[str] = []
        self._shape: tuple[int, ...] = ()

    def add(self, block: Pairs) -> None:
        """Write a block's arrays."""
        self._shape = self._shape or block.gray.shape[1:]
        if block.gray.shape[1:] != self._shape:
            raise DataError(f"{block.names[0]}: a pack has pictures of one size, but this one is {block.size}")
        self._names += block.names
        self._labels += block.labels or ()
        for name, array in (("gray", block.gray), ("color", block.color), ("aspects", block.aspects)):
            if array is not None:
                plain = array.astype("<f4") if name == "aspects" else array
                with self._path(name).open("ab") as file:
                    file.write(np.ascontiguousarray(plain).data)

    def finished(self) -> _Part:
        """Write the names, and tell what was written."""
        for name, lines in (("names", self._names), ("labels", self._labels)):
            if lines:
                (self._folder / f"{self._split}-{name}.json").write_text(json.dumps(lines), encoding="utf-8")
        digest = hashlib.sha256(json.dumps(self._names).encode())
        there = [name for name in ("gray", "color", "aspects") if self._path(name).is_file()]
        for name in there:
            with self._path(name).open("rb") as file:
                while chunk := file.read(_HASHED):
                    digest.update(chunk)
        height, width = self._shape
        return _Part(
            count=len(self._names),
            height=height,
            width=width,
            has_color="color" in there,
            has_labels=bool(self._labels),
            has_aspects="aspects" in there,
            sha256=digest.hexdigest(),
        )

    def _path(self, name: str) -> Path:
        return self._folder / f"{self._split}-{name}.bin"


def _torn(root: Path, name: str) -> DataError:
    return DataError(f"{root}: a torn pack ({name} is missing or not whole); pack the set anew")

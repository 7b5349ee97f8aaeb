"""Sets that others have published and a user adds: what of an archive is theirs, and how it is split."""

import hashlib
import re
from abc import abstractmethod
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image

from photochrom.errors import ConfigError, DataError
from photochrom.lab.datasets._near_duplicates import without_near_duplicates
from photochrom.lab.datasets._pairs import Dataset, Pairs, Split, kept_back_of, require_split
from photochrom.lab.datasets._pictures import (
    MIN_SIDE,
    PICTURE_SUFFIXES,
    find_broken,
    middle_square,
    read_pairs,
    sort_as_text,
    tell_left_out,
)
from photochrom.lab.datasets._storage import MAC_ATTRIBUTES, content_digest, data_home, install_files, unpacked

__all__ = ["Addition", "PictureCollection", "PublishedSet", "pictures_called", "split_by_name"]

_OTHER_SELECTION = "the figures of shipped models were measured on another selection of these pictures"


@dataclass(frozen=True)
class Addition:
    """What adding a set has brought.

    Attributes:
        name: Of the data set.
        folder: Where its pictures lie.
        pictures: How many there are.
        remark: One line that a user should know; empty if there is none.
    """

    name: str
    folder: Path
    pictures: int
    remark: str = ""


class PublishedSet(Dataset):
    """A data set whose pictures a user adds from an archive or a folder."""

    @property
    @abstractmethod
    def home(self) -> Path:
        """Where the pictures lie once they are added."""

    @abstractmethod
    def is_in(self, folder: Path) -> bool:
        """Whether a folder, at some depth, looks as if it held this set."""

    @abstractmethod
    def add(self, archive_or_folder: Path) -> Addition:
        """Copy the pictures from an archive or a folder, whole or not at all.

        Raises:
            DataError: It is broken or does not hold this set; an earlier copy is kept then.
        """


class PictureCollection(PublishedSet):
    """A published set that comes without splits: a picture's name alone decides which one it belongs to.

    Such sets hold some pictures twice, compressed or cut differently. A picture of `train` that is nearly the same as
    one of `val` or `test` is left out, so that nothing is scored that was learnt.

    Args:
        size: Side of the square that each picture is cut and scaled to.

    Attributes:
        collection: The name of the collection, and of its folder in the data home.
        source: Where it is published.
        digest: Of the selection that the shipped models were measured on, as `content_digest` gives it.
        val_share: Share of the pictures that are kept for validation.
        test_share: And for the test.

    Raises:
        ConfigError: The size is too small.
    """

    collection: ClassVar[str]
    source: ClassVar[str]
    digest: ClassVar[str]
    val_share: ClassVar[float] = 0.1
    test_share: ClassVar[float] = 0.1

    def __init__(self, *, size: int = 160) -> None:
        if size < MIN_SIDE:
            raise ConfigError(f"size must be at least {MIN_SIDE}, not {size}")
        self.size = size

    @property
    def home(self) -> Path:
        """Where the pictures lie once they are added."""
        return data_home() / self.collection

    @abstractmethod
    def members(self, folder: Path) -> dict[str, Path]:
        """The pictures of this collection in a folder, at any depth, by the names that they get in the data home."""

    def cut(self, image: Image.Image, size: int) -> Image.Image:
        """The square of a picture that is learnt from."""
        return middle_square(image, size)

    def pictures(self) -> list[Path]:
        """The files that are learnt from or scored on, in the data home."""
        return _pictures_below(self.home)

    def is_in(self, folder: Path) -> bool:
        """Whether a folder holds a picture of this collection."""
        return bool(self.members(folder))

    def require_at_hand(self) -> None:
        """See that the pictures have been added.

        Raises:
            DataError: They have not.
        """
        if not self.home.is_dir():
            raise DataError(
                f"the pictures of {self.collection} are not on this machine: get them from {self.source}, "
                "then run 'photochrom data add ARCHIVE_OR_FOLDER'"
            )

    def add(self, archive_or_folder: Path) -> Addition:
        """Copy the pictures from an archive or a folder; those that cannot be read are named and left out.

        Raises:
            DataError: It is broken, or holds no usable picture of this collection; an earlier copy is kept then.
        """
        with unpacked(archive_or_folder, beside=self.home.parent) as folder:
            members = self.members(folder)
            if not members:
                raise DataError(f"{archive_or_folder}: holds no picture of {self.collection}; see {self.source}")
            install_files(members, self.home, self._take_out_broken)
        files = self.pictures()
        is_known = content_digest(files) == self.digest
        remark = (
            "" if is_known else "another selection than the one that the figures of shipped models were measured on"
        )
        return Addition(self.collection, self.home, len(files), remark)

    def _take_out_broken(self, copy: Path) -> None:
        files = _pictures_below(copy)
        broken = find_broken(files)
        tell_left_out([reason.removeprefix(f"{copy}").lstrip("/\\") for reason in broken.values()])
        if len(broken) == len(files):
            raise DataError(f"none of the {len(files)} pictures of {self.collection} can be read: get them again")
        for path in broken:
            path.unlink()

    def split(self, split: Split) -> Pairs:
        """The pairs of one split; `train` lacks what is nearly the same as a picture of the other two."""
        pairs = read_pairs(self._files(split), root=self.home, size=self.size, cut=self.cut)
        return without_near_duplicates(pairs, kept_back_of(self)) if split == "train" else pairs

    def fingerprint(self) -> dict[str, Any]:
        """Name, size and a checksum of all pictures: those of `test` decide too what training leaves out."""
        self.require_at_hand()
        return {"name": self.name, "size": self.size, "pictures": content_digest(self.pictures())}

    def _files(self, split: Split) -> list[Path]:
        require_split(split)
        self.require_at_hand()
        return [path for path in self.pictures() if self._split_of(path) == split]

    def _split_of(self, path: Path) -> Split:
        name = path.relative_to(self.home).as_posix()
        return split_by_name(name, val_share=self.val_share, test_share=self.test_share)


def split_by_name(name: str, val_share: float, test_share: float) -> Split:
    """The split of a picture, which its name alone decides: whatever is added or missing, no other picture moves.

    Args:
        name: The picture's path in its collection, with `/` between folders.
        val_share: Share of all names that fall to `val`.
        test_share: And to `test`.
    """
    place = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
    if place < test_share:
        return "test"
    return "val" if place < test_share + val_share else "train"


def pictures_called(pattern: re.Pattern[str], folder: Path) -> dict[str, Path]:
    """The files of the one folder, at any depth, that holds the most files whose whole name fits a pattern.

    Archives hold the same pictures in several sizes or cuts, side by side; they must not be mixed.

    Returns:
        Each file by its name; nothing if no name fits.
    """
    found: defaultdict[Path, dict[str, Path]] = defaultdict(dict)
    for path in sort_as_text(folder.rglob("*")):
        if pattern.fullmatch(path.name) and MAC_ATTRIBUTES not in path.parts:
            found[path.parent][path.name] = path
    return max(found.values(), key=len, default={})


def _pictures_below(folder: Path) -> list[Path]:
    return sort_as_text(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)

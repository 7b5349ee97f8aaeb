"""Data sets that others have published and a user adds: their files in an archive, and their splits."""

import re
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from PIL import Image

from photochrom.errors import ConfigError, DataError
from photochrom.lab.datasets._near_duplicates import without_near_duplicates
from photochrom.lab.datasets._pairs import Dataset, Pairs, Split, hash_fraction, kept_back_of, require_split
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


@dataclass(frozen=True)
class Addition:
    """The result of adding a data set.

    Attributes:
        remark: One line for the user; may be empty.
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
        """The folder of the pictures after they are added."""

    def folders(self) -> list[Path]:
        """The folder of the added pictures."""
        return [self.home]

    @abstractmethod
    def is_in(self, folder: Path) -> bool:
        """Whether a folder holds this data set, at some depth."""

    @abstractmethod
    def add(self, archive_or_folder: Path) -> Addition:
        """Copy the pictures from an archive or a folder, whole or not at all."""


class PictureCollection(PublishedSet):
    """A published data set without splits; the name of a picture decides its split.

    Such sets hold some pictures twice, with another compression or crop. A picture of `train` that is nearly the same
    as one of `val` or `test` is left out, so that no picture is scored that was trained on.

    Args:
        size: Side of the square that each picture is cropped to.

    Attributes:
        collection: The name of the collection, and of its folder in the data home.
        file_name: What the name of every file matches; unused if `members` is overridden.
        digest: The `content_digest` of the selection that the shipped models were measured on.
        parts: What the levels of masks mean; empty if the set has no masks.
        has_faces_in_the_middle: Whether a face fills the middle of every picture, so that its skin tone can be told.
    """

    collection: ClassVar[str]
    file_name: ClassVar[re.Pattern[str]]
    source: ClassVar[str]
    digest: ClassVar[str]
    val_share: ClassVar[float] = 0.1
    test_share: ClassVar[float] = 0.1
    parts: ClassVar[Mapping[int, str]] = MappingProxyType({})
    has_faces_in_the_middle: ClassVar[bool] = False

    def __init__(self, *, size: int = 160) -> None:
        if size < MIN_SIDE:
            raise ConfigError(f"size must be at least {MIN_SIDE}, not {size}")
        self.size = size

    @property
    def home(self) -> Path:
        """The folder of the pictures after they are added."""
        return data_home() / self.collection

    def members(self, folder: Path) -> dict[str, Path]:
        """The pictures of this collection in a folder, at any depth, by their names in the data home."""
        return pictures_called(self.file_name, folder)

    def cut(self, image: Image.Image, size: int) -> Image.Image:
        """Crop a picture to a square."""
        return middle_square(image, size)

    def pictures(self) -> list[Path]:
        """The picture files in the data home, of all splits."""
        return _pictures_below(self.home)

    def label(self, picture: Path) -> str | None:  # noqa: ARG002 - most sets say nothing
        """What the set says of a picture, a group to report figures by; None if it says nothing."""
        return None

    def mask(self, picture: Path) -> Path | None:  # noqa: ARG002 - most sets have none
        """A gray picture of the same size with a key of `parts` in each pixel; None if there is none."""
        return None

    def is_in(self, folder: Path) -> bool:
        """Whether a folder holds a picture of this collection."""
        return bool(self.members(folder))

    def require_at_hand(self) -> None:
        """Check that the pictures have been added."""
        if not self.home.is_dir():
            raise DataError(
                f"the pictures of {self.collection} are not on this machine: get them from {self.source}, "
                "then run 'photochrom data add ARCHIVE_OR_FOLDER'"
            )

    def add(self, archive_or_folder: Path) -> Addition:
        """Copy the pictures from an archive or a folder; unreadable ones are reported and left out.

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
        """The pairs of one split; `train` has no near-duplicates of pictures of the other two."""
        pairs = read_pairs(self.files(split), root=self.home, size=self.size, cut=self.cut)
        return without_near_duplicates(pairs, kept_back_of(self)) if split == "train" else pairs

    def fingerprint(self) -> dict[str, Any]:
        """Name, size and a checksum of all pictures, since those of `val` and `test` decide what `train` leaves out."""
        self.require_at_hand()
        return {"name": self.name, "size": self.size, "pictures": content_digest(self.pictures())}

    def files(self, split: Split) -> list[Path]:
        """The pictures of one split as files, all of them."""
        require_split(split)
        self.require_at_hand()
        return [path for path in self.pictures() if self._split_of(path) == split]

    def _split_of(self, path: Path) -> Split:
        name = path.relative_to(self.home).as_posix()
        return split_by_name(name, val_share=self.val_share, test_share=self.test_share)


def split_by_name(name: str, val_share: float, test_share: float) -> Split:
    """The split of a picture, which depends on its name alone: adding or removing pictures does not move others.

    Args:
        name: The picture's path in its collection, with `/` between folders.
    """
    place = hash_fraction(name)
    if place < test_share:
        return "test"
    return "val" if place < test_share + val_share else "train"


def pictures_called(pattern: re.Pattern[str], folder: Path) -> dict[str, Path]:
    """The files whose name matches a pattern, from the one folder, at any depth, that has the most of them.

    Archives may hold the same pictures in several sizes or crops, in folders side by side, which must not be mixed.

    Returns:
        The files by name; empty if no name matches.
    """
    found: defaultdict[Path, dict[str, Path]] = defaultdict(dict)
    for path in sort_as_text(folder.rglob("*")):
        if pattern.fullmatch(path.name) and MAC_ATTRIBUTES not in path.parts:
            found[path.parent][path.name] = path
    return max(found.values(), key=len, default={})


def _pictures_below(folder: Path) -> list[Path]:
    return sort_as_text(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)

"""The study's data set: 80x80 crops of faces, 5001 to train, 2000 to validate, and 2000 gray ones for the test."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from photochrom.errors import DataError
from photochrom.lab.datasets._catalogue import register
from photochrom.lab.datasets._pairs import Pairs, ProgressCallback, Split, require_split
from photochrom.lab.datasets._pictures import read_pairs, sort_as_text
from photochrom.lab.datasets._published import Addition, PublishedSet
from photochrom.lab.datasets._storage import (
    MAC_ATTRIBUTES,
    content_digest,
    data_home,
    download,
    install_folder,
    unpacked,
)

_COMMIT = "51809ae3ea8810d0f10114d92856013f99a1feca"
_URL = f"https://github.com/bitirgenalperen/Face-Colorization/archive/{_COMMIT}.tar.gz"


@dataclass(frozen=True)
class _Part:
    """One published split."""

    folder: str
    count: int
    digest: str


_PARTS: dict[Split, _Part] = {
    "train": _Part("train/images", 5001, "76345d8353c67068edaf707f05e2dedd54532b8db79419a8d9da987fe8cdb0eb"),
    "val": _Part("val/images", 2000, "46c10eeb04189130f848d28dc8820dfc30e4e01d0221d96eff583037f68ef09d"),
    "test": _Part("test_inputs/images", 2000, "3d38c4500955697514018d4efdd33977f6698da52408876bc1414238697f53b0"),
}


_OF_STUDY = Path("dataset")
"""Where the study's program kept the pictures."""


def _files(root: Path, part: _Part) -> list[Path]:
    return sort_as_text((root / part.folder).glob("*.jpg"))


def _verify(root: Path) -> None:
    for split, part in _PARTS.items():
        files = _files(root, part)
        if len(files) != part.count:
            raise DataError(f"this is not the study's set: {split} has {len(files)} pictures, not {part.count}")
        if content_digest(files) != part.digest:
            raise DataError(f"the checksum of {split} differs from the study's: the files are changed or broken")


def _find_root(folder: Path) -> Path:
    """The folder that holds `train/images`, at any depth."""
    for marker in sort_as_text(folder.rglob(_PARTS["train"].folder)):
        if MAC_ATTRIBUTES not in marker.parts:
            return marker.parents[1]
    raise DataError(f"this is not the study's set: no folder {_PARTS['train'].folder} in it")


@register
class Study(PublishedSet):
    """The pictures of "Face Colorization with CNN Based Architectures", from its public repository.

    They are read from the data home, where `add` and `prepare` put them, or from a folder `dataset` in the current
    folder, where the study's program kept them. Names are sorted as text, as in the study. The color of the pictures of
    the test split is unknown.

    Reference:
        https://github.com/bitirgenalperen/Face-Colorization, folder `dataset`; the rights in the photographs are
        not stated there, so: research use.
    """

    summary = "the study's faces, tight 80x80 crops; its test split is gray only"
    rights = "not stated in the study's public repository: research use"
    size = 80

    @property
    def name(self) -> str:
        """Always `study`."""
        return "study"

    @property
    def home(self) -> Path:
        """The folder of the pictures after they are added."""
        return data_home() / self.name

    @property
    def root(self) -> Path:
        """The folder of the pictures: `home`, or `dataset` in the current folder."""
        for candidate in self.folders():
            if all((candidate / part.folder).is_dir() for part in _PARTS.values()):
                return candidate
        raise DataError(
            "the study's pictures are not on this machine: run 'photochrom data download', "
            "or 'photochrom data add ARCHIVE_OR_FOLDER' if you have them"
        )

    def folders(self) -> list[Path]:
        """Both folders that the pictures may lie in."""
        return [self.home, _OF_STUDY]

    def require_at_hand(self) -> None:
        """Check that the pictures have been added."""
        _ = self.root

    def prepare(self, progress: ProgressCallback | None = None) -> None:
        """Download the pictures from the study's repository, unless they are here, and verify their checksums."""
        if self.is_at_hand():
            return
        self.home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.home.parent, prefix=".download-") as folder:
            archive = Path(folder) / "study.tar.gz"
            download(_URL, archive, progress)
            self.add(archive)

    def is_in(self, folder: Path) -> bool:
        """Whether a folder has the study's layout, at any depth."""
        try:
            root = _find_root(folder)
        except DataError:
            return False
        return all((root / part.folder).is_dir() for part in _PARTS.values())

    def add(self, archive_or_folder: Path) -> Addition:
        """Copy the pictures from an archive or a folder after verifying their checksums.

        Args:
            archive_or_folder: Has `train/images`, `val/images` and `test_inputs/images` at any depth.
        """
        with unpacked(archive_or_folder, beside=self.home.parent) as folder:
            install_folder(_find_root(folder), self.home, _verify)
        return Addition(self.name, self.home, sum(part.count for part in _PARTS.values()))

    def split(self, split: Split) -> Pairs:
        """The pairs of one split; those of `test` are gray only."""
        require_split(split)
        part = _PARTS[split]
        return read_pairs(
            _files(self.root, part),
            root=self.root,
            size=self.size,
            truth="none" if split == "test" else "color",
        )

    def fingerprint(self) -> dict[str, Any]:
        """Name, and checksums of the files of `train` and `val` on this machine."""
        return {"name": self.name} | {
            split: content_digest(_files(self.root, _PARTS[split])) for split in ("train", "val")
        }

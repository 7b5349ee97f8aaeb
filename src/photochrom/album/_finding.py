"""Which photos a user means by files, folders and patterns."""

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from photochrom.album._manifest import MANIFEST_NAME, Manifest
from photochrom.photo import FORMATS, SOFTWARE

__all__ = ["FoundPhoto", "Missing", "find_photos"]

_PHOTO_SUFFIXES = frozenset(suffix for one in FORMATS.values() for suffix in one.suffixes)
_RESULT_STEM = re.compile(r".-color(-(\d+|compare|confidence))?$")
_CHUNK = 2**20


@dataclass(frozen=True)
class FoundPhoto:
    """A file to color.

    Attributes:
        path: As users know it: what they wrote, and the way on from there.
        tree: The folder in which it was found; None if the file itself was named.
    """

    path: Path
    tree: Path | None = None


@dataclass(frozen=True)
class Missing:
    """A source that gives no photo, or not all that are in it.

    Attributes:
        path: What the user wrote, or a folder below it.
        reason: Why not, and what to do.
    """

    path: Path
    reason: str


def find_photos(sources: Sequence[str], out: Path | None) -> tuple[list[FoundPhoto], list[Missing]]:
    """The photos that are meant, each once, in the order of the sources and by name within a folder.

    Folders are searched with all that is below them, but for hidden files and folders, links to folders, and what
    photochrom itself has written.

    Args:
        sources: Files, folders, and patterns such as `scans/*.tif` or `scans/**/*.tif`.
        out: Where results go, which is not searched.

    Returns:
        The photos, and the sources without any.
    """
    found: dict[str, FoundPhoto] = {}
    missing: list[Missing] = []
    for source in sources:
        for path in _expanded(source, missing):
            photos = list(_photos_in(path, out, missing)) if path.is_dir() else [FoundPhoto(path)]
            if not photos and not (missing and missing[-1].path == path):
                missing.append(Missing(path, "no photos in this folder; photochrom's own results do not count"))
            for photo in photos:
                found.setdefault(os.path.realpath(photo.path), photo)
    kept = [photo for photo in found.values() if not _is_result(photo.path)]
    if found and not kept:
        missing.append(Missing(Path(sources[0]), "only results of photochrom; name the photos that they were made of"))
    return kept, missing


def _expanded(source: str, missing: list[Missing]) -> list[Path]:
    """The files and folders that a source names: itself if there is such a thing, else what matches it."""
    if os.path.lexists(source):
        return [Path(source)]
    if not glob.has_magic(source):
        missing.append(Missing(Path(source), "no such file or folder; check the name"))
        return []
    # Shells do this too, but not that of Windows.
    matches = [Path(match) for match in sorted(glob.glob(source, recursive=True))]  # noqa: PTH207 - may be absolute
    if not matches:
        missing.append(Missing(Path(source), "nothing matches this pattern; check it"))
    return matches


def _photos_in(folder: Path, out: Path | None, missing: list[Missing]) -> Iterator[FoundPhoto]:
    """The photos in a folder and below it. Links to folders are not followed: they may lead in a circle."""

    def report(error: OSError) -> None:
        where = folder if error.filename is None else Path(error.filename)
        missing.append(Missing(where, f"cannot be searched ({error.strerror or error}); change its permissions"))

    results: set[Path] = set()
    for here, folders, files in os.walk(folder, onerror=report):
        folders[:] = sorted(name for name in folders if _is_searched(Path(here, name), out))
        if MANIFEST_NAME in files:
            results |= Manifest(Path(here, MANIFEST_NAME)).outputs
        for name in sorted(files):
            path = Path(here, name)
            if not name.startswith(".") and path.suffix.lower() in _PHOTO_SUFFIXES and path not in results:
                yield FoundPhoto(path, folder)


def _is_searched(folder: Path, out: Path | None) -> bool:
    return not folder.name.startswith(".") and not (out is not None and _is_same(folder, out))


def _is_same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _is_result(path: Path) -> bool:
    """Whether a file is a result that lies beside its photo: it is named so, and says so.

    A name alone is no proof: somebody's `paint-color.jpg` is a photo.
    """
    return _RESULT_STEM.search(path.stem) is not None and path.is_file() and _contains(path, SOFTWARE)


def _contains(path: Path, words: bytes) -> bool:
    """Whether a file contains some bytes; no, if it cannot be read, which is told when it is to be colored."""
    end = b""
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                if words in end + chunk:
                    return True
                end = chunk[-len(words) :]
    except OSError:
        return False
    return False

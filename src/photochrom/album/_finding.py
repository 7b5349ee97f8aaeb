"""Finds the photos that a user names by files, folders and patterns."""

import glob
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from photochrom.album._job import Outcome
from photochrom.album._manifest import MANIFEST_NAME, Manifest
from photochrom.errors import UnreadableError, reason_of
from photochrom.files import is_of_system
from photochrom.photo import FORMATS, HEAD_BYTES, RAW_SUFFIXES, SOFTWARE, Kind, develops, format_of, kind_of

_PHOTO_SUFFIXES = frozenset(suffix for one in FORMATS.values() for suffix in one.suffixes)
RESULT_STEM = re.compile(r".-color(-(\d+|compare|confidence))?$")
_CHUNK = 2**20

_RESULT = Kind("colored by photochrom", "color the photos that they were made of")
_THUMBNAIL = Kind("in folders of thumbnails", "the photos themselves are read")
_LIBRARY = Kind("photo library of a Mac", "export its photos")
_LINK = Kind("linked folder", "name it too")

_LIBRARIES = frozenset({".photoslibrary", ".photolibrary", ".aplibrary", ".migratedphotolibrary"})
"""Suffixes of folders that Photos, iPhoto and Aperture show as one file: smaller copies lie beside the photos."""

_THUMBNAIL_FOLDER = re.compile(r"_?(thumb|thumbnail)s?", re.IGNORECASE)
_THUMBNAIL_MARK = re.compile(r"^(t|th|tn|thumb|thumbnail)[_-]|[_-](t|th|tn|thumb|thumbnail)$", re.IGNORECASE)


class Found(NamedTuple):
    """A photo as it was found.

    Attributes:
        path: The path as the user wrote it, and the rest from there.
        tree: The folder in which it was found; None if the file itself was named.
    """

    path: Path
    tree: Path | None = None


class Finds(NamedTuple):
    """What was found.

    Attributes:
        photos: Each once, in the order of the sources and by name within a folder.
        failures: One for each source without photos.
        unread: How many files in folders, and results that were named, are of kinds that are not read.
    """

    photos: list[Found]
    failures: list[Outcome]
    unread: Counter[Kind]


def find_photos(sources: Sequence[str], out: Path | None) -> Finds:
    """The photos that the sources name.

    Folders are searched at any depth, except for hidden files, files of the system, links to folders, libraries of
    Macs, thumbnails, and results of photochrom. A file whose suffix is no photo's is told by its content.
    """
    found: dict[str, Found] = {}
    failures: list[Outcome] = []
    unread: Counter[Kind] = Counter()
    for source in sources:
        for path in _expanded(source, failures):
            photos = _searched(path, out, failures, unread) if path.is_dir() else [Found(path)]
            if not photos and not (failures and failures[-1].source == path):
                failures.append(_failure(path, "no photos in this folder; photochrom's own results do not count"))
            for photo in photos:
                known = found.setdefault(real := os.path.realpath(photo.path), photo)
                if known.path.is_symlink() and not photo.path.is_symlink():
                    found[real] = photo  # the result gets the name of the photo, not of a link to it
    kept = [photo for photo in found.values() if not _is_result(photo.path)]
    if found and not kept:
        reason = "only results of photochrom; name the photos that they were made of"
        failures.append(_failure(Path(sources[0]), reason))
    elif len(kept) < len(found):
        unread[_RESULT] += len(found) - len(kept)
    return Finds(kept, failures, +unread)


def _failure(path: Path, reason: str) -> Outcome:
    return Outcome(path, "failed", error=reason)


def _expanded(source: str, failures: list[Outcome]) -> list[Path]:
    """The files and folders that a source names: itself if there is such a thing, else what matches it."""
    if os.path.lexists(source):
        return [Path(source)]
    if not glob.has_magic(source):
        failures.append(_failure(Path(source), "no such file or folder; check the name"))
        return []
    named = Path(source).parts
    # Shells do this too, but not that of Windows.
    matches = [Path(match) for match in sorted(glob.glob(source, recursive=True))]  # noqa: PTH207 - may be absolute
    kept = [path for path in matches if not any(is_of_system(part) and part not in named for part in path.parts)]
    if not kept:
        failures.append(_failure(Path(source), "nothing matches this pattern; check it"))
    return kept


def _searched(folder: Path, out: Path | None, failures: list[Outcome], unread: Counter[Kind]) -> list[Found]:
    """The photos in a folder, without their thumbnails.

    A picture in a folder of thumbnails is one if a larger file outside has its name; others are somebody's photos.
    """
    photos = list(_photos_in(folder, out, failures, unread))
    small = [photo for photo in photos if any(map(_THUMBNAIL_FOLDER.fullmatch, _folders_between(photo)))]
    if not small:
        return photos
    sizes: dict[str, int] = {}
    for photo in set(photos) - set(small):
        stem = photo.path.stem.casefold()
        sizes[stem] = max(sizes.get(stem, 0), _size(photo.path))
    names = {photo: _THUMBNAIL_MARK.sub("", photo.path.stem).casefold() for photo in small}
    thumbnails = {photo for photo, name in names.items() if sizes.get(name, 0) > _size(photo.path)}
    unread[_THUMBNAIL] += len(thumbnails)
    return [photo for photo in photos if photo not in thumbnails]


def _folders_between(photo: Found) -> tuple[str, ...]:
    """The names of the folders from the one that was searched, without it, down to the photo's."""
    return () if photo.tree is None else photo.path.parent.relative_to(photo.tree).parts


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0


def _photos_in(folder: Path, out: Path | None, failures: list[Outcome], unread: Counter[Kind]) -> Iterator[Found]:
    """The photos in a folder and below it. Links to folders are not followed: they may lead in a circle."""

    def report(error: OSError) -> None:
        where = folder if error.filename is None else Path(error.filename)
        failures.append(_failure(where, f"cannot be searched ({reason_of(error)}); change its permissions"))

    results: set[Path] = set()
    for here, folders, files in os.walk(folder, onerror=report):
        unread[_LIBRARY] += sum(Path(name).suffix.lower() in _LIBRARIES for name in folders)
        folders[:] = sorted(name for name in folders if _is_searched(Path(here, name), out))
        unread[_LINK] += sum(Path(here, name).is_symlink() for name in folders)
        if MANIFEST_NAME in files:
            results |= Manifest(Path(here, MANIFEST_NAME)).outputs
        for name in sorted(files):
            path = Path(here, name)
            if is_of_system(name) or name == MANIFEST_NAME:
                continue
            if path in results:
                unread[_RESULT] += 1
                continue
            kind = _unread_kind(path)
            if kind is None:
                yield Found(path, folder)
            else:
                unread[kind] += 1


def _unread_kind(path: Path) -> Kind | None:
    """The kind of a file that is no photo or cannot be read; None if it may be one."""
    suffix = path.suffix.lower()
    if suffix in _PHOTO_SUFFIXES and suffix not in RAW_SUFFIXES:
        return None
    head = _head(path)
    if suffix not in RAW_SUFFIXES or develops():
        with suppress(UnreadableError):
            format_of(head)
            return None
    return kind_of(head, path.name) or Kind(suffix or "without a suffix")


def _head(path: Path) -> bytes:
    """The beginning of a file; empty if it cannot be read, or is a pipe or a device, which might never end."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b""


def _is_searched(folder: Path, out: Path | None) -> bool:
    is_out = out is not None and os.path.realpath(folder) == os.path.realpath(out)
    return not is_of_system(folder.name) and not is_out and folder.suffix.lower() not in _LIBRARIES


def _is_result(path: Path) -> bool:
    """Whether a file is a result that lies beside its photo: it is named so, and says so.

    A name alone is no proof: somebody's `paint-color.jpg` is a photo.
    """
    return RESULT_STEM.search(path.stem) is not None and path.is_file() and carries_signature(path)


def carries_signature(path: Path) -> bool:
    """Whether a file names photochrom; False if it cannot be read."""
    end = b""
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                if SOFTWARE in end + chunk:
                    return True
                end = chunk[-len(SOFTWARE) :]
    except OSError:
        return False
    return False

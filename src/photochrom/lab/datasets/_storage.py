"""The folder of added data on this machine, and how archives and folders are copied there, whole or not at all."""

import gzip
import hashlib
import http.client
import lzma
import os
import shutil
import tarfile
import tempfile
import urllib.request
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_data_path

from photochrom.errors import DataError
from photochrom.lab.datasets._pairs import ProgressCallback

MAC_ATTRIBUTES = "__MACOSX"
"""A zip file made on a Mac repeats its folders, without pictures, under this name."""

DATA_HOME_VARIABLE = "PHOTOCHROM_DATA"
_BLOCK_BYTES = 1 << 18
_TIMEOUT_SECONDS = 30
_BROKEN_ARCHIVE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    RuntimeError,  # an encrypted zip
    ValueError,
)


def data_home() -> Path:
    """The folder of added data: `$PHOTOCHROM_DATA`, or the operating system's folder for user data."""
    chosen = os.environ.get(DATA_HOME_VARIABLE)
    return Path(chosen) if chosen else user_data_path("photochrom")


def content_digest(files: Sequence[Path], root: Path | None = None) -> str:
    """A SHA-256 over the names and contents of files.

    Args:
        root: A folder that holds them all: a file that is moved within it changes the digest. If None, it does not
            matter which folder they are in.
    """
    names = {file: file.name if root is None else file.relative_to(root).as_posix() for file in files}
    digest = hashlib.sha256()
    for file in sorted(files, key=names.__getitem__):
        digest.update(f"{names[file]} {_digest(file).hex()}\n".encode())
    return digest.hexdigest()


def copies_among(files: Sequence[Path], others: Sequence[Path]) -> dict[Path, Path]:
    """The files that hold the same bytes as one of some others, and that one; only files of one size are read."""
    by_size: defaultdict[int, dict[bytes, Path]] = defaultdict(dict)
    sizes = {file: file.stat().st_size for file in files}
    wanted = set(sizes.values())
    for other in others:
        if (size := other.stat().st_size) in wanted:
            by_size[size][_digest(other)] = other
    found = {file: by_size[size].get(_digest(file)) for file, size in sizes.items() if size in by_size}
    return {file: other for file, other in found.items() if other is not None}


def _digest(file: Path) -> bytes:
    return hashlib.sha256(file.read_bytes()).digest()


def download(url: str, target: Path, progress: ProgressCallback | None = None) -> None:
    """Download a file.

    Args:
        progress: Called with the bytes received so far and their total, which is 0 if the server does not tell it.
    """
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response, target.open("wb") as file:  # noqa: S310
            total = int(response.headers.get("Content-Length") or 0)
            received = 0
            while block := response.read(_BLOCK_BYTES):
                file.write(block)
                received += len(block)
                if progress is not None:
                    progress(received, total)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise DataError(f"{url}: the download failed ({reason})") from error
    if received < total:
        raise DataError(f"{url}: the download broke off after {received} of {total} bytes; try again")


@contextmanager
def unpacked(archive_or_folder: Path, beside: Path) -> Iterator[Path]:
    """Unpack an archive into a temporary folder; a folder is used directly.

    Args:
        archive_or_folder: A folder, a tar file with any compression, or a zip file.
        beside: The folder in which to unpack, so that files can be moved within one file system.
    """
    if archive_or_folder.is_dir():
        yield archive_or_folder
        return
    beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=beside, prefix=".unpacking-") as folder:
        _unpack(archive_or_folder, Path(folder))
        yield Path(folder)


def _unpack(archive: Path, folder: Path) -> None:
    if not archive.exists():
        raise DataError(f"{archive}: no such file or folder")
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as zipped:
                zipped.extractall(folder)  # noqa: S202 - zipfile keeps members inside the folder
        elif tarfile.is_tarfile(archive):
            with tarfile.open(archive) as tarred:
                tarred.extractall(folder, filter="data")
        else:
            raise DataError(f"{archive}: neither a folder nor a tar or zip archive")
    except _BROKEN_ARCHIVE as error:
        raise DataError(f"{archive}: broken archive ({error})") from error


def install_folder(source: Path, target: Path, verify: Callable[[Path], None]) -> None:
    """Copy a folder, whole or not at all.

    Args:
        target: Its new place; an older folder there is replaced when the copy is complete.
        verify: Called with the complete copy before it replaces the older one. It may remove files from the copy, and
            raises to reject it.
    """
    with installed_whole(target) as copy:
        shutil.copytree(source, copy)
        verify(copy)


def install_files(files: Mapping[str, Path], target: Path, verify: Callable[[Path], None]) -> None:
    """Copy files into a folder, whole or not at all.

    Args:
        files: The files by their paths in the new folder.
        target: See `install_folder`.
        verify: See `install_folder`.
    """
    with installed_whole(target) as copy:
        for name, file in files.items():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copy / name)
        verify(copy)


@contextmanager
def installed_whole(target: Path) -> Iterator[Path]:
    """A folder to write, which takes the place of `target` when the block ends without an error.

    Whatever goes wrong, an interruption too, the older folder stays at its place.

    Yields:
        The path of a folder beside it that does not exist yet.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".installing-") as aside:
        copy, older = Path(aside, "new"), Path(aside, "old")
        yield copy
        try:
            if target.exists():
                target.rename(older)
            copy.rename(target)
        except BaseException:
            if older.exists() and not target.exists():
                older.rename(target)
            raise

"""Writes the uploads of a batch to files with safe names."""

import re
import struct
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from fastapi import UploadFile

from photochrom.files import is_of_system
from photochrom.server.problems import Problem
from photochrom.server.settings import Settings

_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_END_RECORD, _END_BYTES = b"PK\x05\x06", 22
_WIDE_LOCATOR, _LOCATOR_BYTES = b"PK\x06\x07", 20
_LONGEST_COMMENT = 65535
_ENTRY_BYTES = 1024
"""Upper estimate of the size of a photo's entry in the directory of a ZIP file."""

_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_IS_ENCRYPTED, _IS_UTF8 = 0x1, 0x800
_LONGEST_PART = 100
_UNWELCOME = frozenset('<>:"|?*')
_RESERVED = frozenset(
    {"CON", "PRN", "AUX", "NUL", *(f"{port}{number}" for port in ("COM", "LPT") for number in range(10))}
)
"""What Windows takes for devices, whatever suffix follows."""
_CHUNK = 1 << 20


def unpack(uploads: Sequence[UploadFile], folder: Path, settings: Settings) -> list[str]:
    """Write the photos of a batch to files that are named by their numbers.

    Args:
        uploads: Photos, or ZIP files of photos.

    Returns:
        The names of the photos, cleaned by `clean_name`, with `/` between folders.
    """
    names: list[str] = []
    room = settings.max_batch_bytes
    try:
        for name, content in _photos(uploads, settings):
            if len(names) == settings.max_batch_photos:
                raise Problem(413, f"more than {settings.max_batch_photos} photos; send several batches")
            with (folder / str(len(names))).open("xb") as file:
                room -= _copy(content, file, min(room, settings.max_upload_bytes))
            names.append(name)
    except (Problem, OSError):
        raise
    except Exception as error:  # zipfile raises many kinds of errors on broken bytes
        raise _refusal("the ZIP file is broken; pack it again") from error
    if not names:
        raise _refusal("there are no photos in it; send some")
    return names


def clean_name(name: str) -> str:
    r"""A name, without folders, that is safe for a file on any system.

    Example:
        >>> clean_name('a "good"\x00 one?.jpg'), clean_name("con.jpg")
        ('a good one.jpg', '_con.jpg')
    """
    kept = "".join(letter for letter in name if letter.isprintable() and letter not in _UNWELCOME)
    stem, dot, suffix = kept.rpartition(".")
    short = f"{stem[:_LONGEST_PART]}{dot}{suffix[:10]}" if stem else kept[:_LONGEST_PART]
    name = short.strip(" .") or "photo"
    return f"_{name}" if name.partition(".")[0].strip().upper() in _RESERVED else name


def _copy(content: IO[bytes], file: IO[bytes], limit: int) -> int:
    """Copy a photo up to a limit; returns its size in bytes."""
    copied = 0
    while chunk := content.read(_CHUNK):
        copied += len(chunk)
        if copied > limit:
            raise Problem(413, "a photo, or all of them unpacked, is too large; send less at once")
        file.write(chunk)
    return copied


def _photos(uploads: Sequence[UploadFile], settings: Settings) -> Iterator[tuple[str, IO[bytes]]]:
    for upload in uploads:
        head = upload.file.read(4)
        upload.file.seek(0)
        if head in _ZIP_MAGIC:
            yield from _packed_photos(upload.file, settings)
        else:
            yield clean_name((upload.filename or "").replace("\\", "/").rpartition("/")[2]), upload.file


def _packed_photos(file: IO[bytes], settings: Settings) -> Iterator[tuple[str, IO[bytes]]]:
    _require_small_directory(file, settings.max_batch_photos * _ENTRY_BYTES)
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            name = _entry_name(entry)
            if name is not None:
                with archive.open(entry) as content:
                    yield name, content


def _entry_name(entry: zipfile.ZipInfo) -> str | None:
    """The name of a photo in a ZIP file; None for folders and files of the system."""
    parts = _told_name(entry).replace("\\", "/").split("/")
    if "" in parts[:-1] or ".." in parts or re.match("[A-Za-z]:", parts[0]):
        raise _refusal("a name in the ZIP file leads out of its folder; pack it again")
    if entry.flag_bits & _IS_ENCRYPTED:
        raise _refusal("the ZIP file is encrypted; pack it without a password")
    if entry.compress_type not in _PLAIN:  # the dictionaries of other methods can take gigabytes of memory
        raise _refusal("the ZIP file is packed in a rare way; pack it plainly")
    if entry.is_dir() or any(map(is_of_system, parts)):
        return None
    return "/".join(map(clean_name, parts))


def _told_name(entry: zipfile.ZipInfo) -> str:
    """The name of an entry; `zip` on Linux and Macs write UTF-8 without saying so, which `zipfile` reads as CP437."""
    if entry.flag_bits & _IS_UTF8:
        return entry.filename
    with suppress(UnicodeError):
        return entry.filename.encode("cp437").decode()
    return entry.filename


def _require_small_directory(file: IO[bytes], limit: int) -> None:
    """Refuse a directory of millions of entries before `zipfile` makes an object of each."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _LONGEST_COMMENT - _END_BYTES - _LOCATOR_BYTES))
    tail = file.read()
    file.seek(0)
    starts = [place for place in range(len(tail) - _END_BYTES + 1) if tail.startswith(_END_RECORD, place)]
    for start in starts:  # whichever of them `zipfile` chooses
        if tail[max(0, start - _LOCATOR_BYTES) :].startswith(_WIDE_LOCATOR):
            raise _refusal("the ZIP file is of the form for more than 4 GB; pack it plainly")
        if struct.unpack_from("<L", tail, start + 12)[0] > limit:
            raise _refusal("the ZIP file holds too many files; send several batches")


def _refusal(detail: str) -> Problem:
    return Problem(422, detail, kind="archive-refused", title="The batch cannot be unpacked")

"""What was done in a folder of results: a file of JSON lines that outlives being cut off."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from photochrom.errors import PhotoError

__all__ = ["MANIFEST_NAME", "Manifest", "Record"]

MANIFEST_NAME = "photochrom.jsonl"
"""In the folder of results."""


@dataclass(frozen=True)
class Record:
    """One line: how coloring one photo ended.

    Attributes:
        file: The photo, by where its results lie and its own name, such as `1950s/wedding.gif`.
        sha256: Of the photo's content; None if it could not be read.
        settings: What its colors depend on.
        outputs: The files that were written, from the manifest's folder on; none if the photo was left alone.
        faces: How many were found.
        seconds: How long it took.
        error: Why it failed; None if it did not.
    """

    file: str
    sha256: str | None
    settings: dict[str, Any]
    outputs: tuple[str, ...]
    faces: int
    seconds: float
    error: str | None


class Manifest:
    """The records of a folder of results."""

    def __init__(self, path: Path) -> None:
        """Read the records that are there; what is no record, such as a line that was cut off, is passed over.

        Args:
            path: The file; there may be none yet.

        Raises:
            PhotoError: It cannot be read.
        """
        self.path = path
        try:
            content = path.read_bytes() if path.exists() else b""
        except OSError as error:
            raise PhotoError(
                f"{path}: cannot be read ({error.strerror or error}); choose another folder with --out"
            ) from error
        records = filter(None, map(_parse, content.splitlines()))
        self._latest = {record.file: record for record in records}
        self._is_cut = bool(content) and not content.endswith(b"\n")

    def done(self, file: str, settings: dict[str, Any], outputs: tuple[str, ...]) -> Record | None:
        """The record of a photo that needs no coloring as long as its content has not changed.

        Args:
            file: The photo, as records name it.
            settings: As it shall be colored.
            outputs: The files that it shall get.

        Returns:
            The latest record of it, if it tells of success with these settings and its files are all there, or of a
            photo that was left alone.
        """
        record = self._latest.get(file)
        if record is None or record.error is not None or record.settings != settings:
            return None
        if record.outputs and record.outputs != outputs:
            return None
        folder = self.path.parent
        return record if all((folder / output).is_file() for output in record.outputs) else None

    @property
    def outputs(self) -> frozenset[Path]:
        """The files that were written."""
        return frozenset(self.path.parent / output for record in self._latest.values() for output in record.outputs)

    def require_writable(self) -> None:
        """Make the folder, and see that records can be added.

        Raises:
            PhotoError: They cannot.
        """
        self._write("")

    def append(self, record: Record) -> None:
        """Add a record, at once on disk.

        Raises:
            PhotoError: The folder cannot be written to, or the disk is full.
        """
        # In ASCII, for names need not be Unicode on all systems.
        self._write(("\n" if self._is_cut else "") + json.dumps(asdict(record)) + "\n")
        self._is_cut = False
        self._latest[record.file] = record

    def _write(self, text: str) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                file.write(text.encode())
        except OSError as error:
            raise PhotoError(
                f"{self.path}: cannot be written ({error.strerror or error}); make room, or choose another folder "
                "with --out"
            ) from error


_NAMES = frozenset(field.name for field in fields(Record))


def _parse(line: bytes) -> Record | None:
    try:
        values = json.loads(line)
    except ValueError:
        return None
    if not isinstance(values, dict) or not values.keys() >= _NAMES:
        return None
    if not isinstance(values["file"], str) or not isinstance(values["outputs"], list):
        return None
    chosen = {name: values[name] for name in _NAMES}
    return Record(**{**chosen, "outputs": tuple(map(str, values["outputs"]))})

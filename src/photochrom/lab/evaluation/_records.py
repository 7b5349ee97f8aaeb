"""JSON files that hold a list of evaluations."""

import json
import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

from photochrom.errors import DataError
from photochrom.files import write_whole


def as_json(value: Any) -> Any:
    """A value in which None stands for each number that is not finite, which JSON cannot store."""
    if isinstance(value, dict):
        return {name: as_json(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def add_record(file: Path, new: dict[str, Any], keys: Collection[str]) -> None:
    """Add a record to a file; it replaces a record with the same values of the keys.

    Args:
        file: Is created if it does not exist.
        new: A record that JSON can store.
        keys: The names of the values that identify a record.

    Raises:
        DataError: The file holds something else; it is not changed.
        OSError: The file cannot be written.
    """
    kept = [old for old in read_records(file, keys) if any(old[key] != new[key] for key in keys)]
    write_whole(file, json.dumps([*kept, new], indent=1, allow_nan=False) + "\n")


def read_records(file: Path, keys: Collection[str]) -> list[dict[str, Any]]:
    """The records that `add_record` wrote to a file; empty if the file does not exist.

    Raises:
        DataError: The file holds something else, or a record lacks one of the keys.
    """
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except ValueError as error:
        raise DataError(f"{file}: not JSON ({error})") from error
    if not isinstance(entries, list) or not all(isinstance(one, dict) and set(one) >= set(keys) for one in entries):
        raise DataError(f"{file}: not a list of evaluations of this kind; name another file")
    return entries

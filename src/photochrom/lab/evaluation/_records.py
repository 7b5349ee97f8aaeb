"""JSON files of evaluations: a list of records, of which a new one replaces the older one like it."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from photochrom.errors import DataError
from photochrom.files import write_whole

__all__ = ["add_record", "read_records"]


def add_record(file: Path, new: dict[str, Any], keys: Collection[str]) -> None:
    """Add a record to a file of records, in place of an older one whose values of all keys are the same.

    Args:
        file: Holds a list of records; it is made if it is not there.
        new: What JSON can hold, with a value for each key.
        keys: What tells one record from another.

    Raises:
        DataError: The file is there, but holds something else; it is left as it is.
        OSError: It cannot be written.
    """
    kept = [old for old in read_records(file, keys) if any(old[key] != new[key] for key in keys)]
    write_whole(file, json.dumps([*kept, new], indent=1, allow_nan=False) + "\n")


def read_records(file: Path, keys: Collection[str]) -> list[dict[str, Any]]:
    """The records in a file that `add_record` wrote; none if there is no such file.

    Args:
        file: A JSON file.
        keys: What each record must have.

    Raises:
        DataError: The file holds something else.
    """
    try:
        entries = json.loads(file.read_text())
    except FileNotFoundError:
        return []
    except ValueError as error:
        raise DataError(f"{file}: not JSON ({error})") from error
    if not isinstance(entries, list) or not all(isinstance(one, dict) and set(one) >= set(keys) for one in entries):
        raise DataError(f"{file}: is no list of evaluations of this kind; name another file")
    return entries

"""The names of the folders of photos and batches: nobody can guess them, and no other folder has such a one.

What has another name belongs to somebody else, or to the system.
"""

import re
from pathlib import Path
from secrets import token_urlsafe

from photochrom.errors import ConfigError
from photochrom.files import is_of_system

_OWN = re.compile(r"[\w-]{32}")


def new_name() -> str:
    """A name that was never there, which is also the id of what lies in the folder."""
    return token_urlsafe(24)


def is_own_name(name: str) -> bool:
    """Whether a folder may be one of the server's; others are never deleted."""
    return _OWN.fullmatch(name) is not None


def require_empty(folder: Path) -> None:
    """Refuse a folder that holds anything but what systems put everywhere."""
    others = sorted(path.name for path in folder.iterdir() if not is_of_system(path.name))
    if others:
        raise ConfigError(f"{folder}: holds other things, such as {others[0]}; give the server its own --data-dir")

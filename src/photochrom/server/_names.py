"""The names of the folders of photos and batches: nobody can guess them, and no other folder has such a one."""

import re
from secrets import token_urlsafe

_OWN = re.compile(r"[\w-]{32}")


def new_name() -> str:
    """A name that was never there, which is also the id of what lies in the folder."""
    return token_urlsafe(24)


def is_own_name(name: str) -> bool:
    """Whether a folder may be one of the server's; others are never deleted."""
    return _OWN.fullmatch(name) is not None

"""A ZIP file that is sent while it is written."""

import io
import zipfile
from pathlib import Path


class Archive:
    """A ZIP file whose bytes are handed out after every entry, so that no more than one entry lies in memory.

    The head of an entry tells its size, which some programs want before they unpack it. `zipfile` goes back to write
    it, so each entry stays in the buffer until it is whole.
    """

    def __init__(self) -> None:
        self._buffer = _Buffer()
        self._zip = zipfile.ZipFile(self._buffer, "w", zipfile.ZIP_STORED)  # pictures are compressed already
        self._names: set[str] = set()

    def add(self, name: str, content: bytes) -> bytes:
        """Add a file, renamed if its name is taken; returns the bytes to send next."""
        self._zip.writestr(self._unused(name), content)
        return self._buffer.taken()

    def end(self) -> bytes:
        """The last bytes."""
        self._zip.close()
        return self._buffer.taken()

    def _unused(self, name: str) -> str:
        """A name that is still free: `a-color.jpg`, then `a-color-2.jpg`."""
        unused, number = name, 1
        while unused.casefold() in self._names:
            number += 1
            unused = f"{Path(name).stem}-{number}{Path(name).suffix}"
        self._names.add(unused.casefold())
        return unused


class _Buffer(io.BytesIO):
    """The end of a file whose beginning was sent already."""

    def __init__(self) -> None:
        super().__init__()
        self._gone = 0

    def tell(self) -> int:
        return self._gone + super().tell()

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        return self._gone + super().seek(place - self._gone if whence == io.SEEK_SET else place, whence)

    def taken(self) -> bytes:
        """The bytes written since the last call."""
        content = self.getvalue()
        self._gone += len(content)
        super().seek(0)
        self.truncate()
        return content

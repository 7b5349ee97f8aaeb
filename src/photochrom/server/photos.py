"""Photos that visitors are working on: bounded in number, bytes and time."""

import contextlib
import shutil
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from photochrom.coloring import Hint
from photochrom.server._facts import KeptFacts
from photochrom.server._names import is_own_name, new_name, require_empty
from photochrom.server.problems import Problem
from photochrom.server.settings import Settings


@dataclass(eq=False)
class KeptPhoto:
    """A photo that is kept.

    Attributes:
        folder: Where everything about it lies.
        model: Which network guessed, as `Colorizer` takes it.
        touched: When it was last used, by the store's clock.
        size: In bytes, with its sketch.
    """

    id: str
    name: str
    folder: Path
    source: Path
    sketch: Path
    model: str
    facts: KeptFacts
    hints: tuple[Hint, ...] = ()
    touched: float = 0.0
    size: int = 0


class PhotoStore:
    """All photos that are kept, in a folder of their own; used from the event loop alone.

    The folder lies within the server's data folder, which one server has for itself: photos that are found there at
    the start were left by a server that was killed, and are removed.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with an empty folder."""
        self._folder = settings.photo_folder
        self._max_photos = settings.max_photos
        self._max_bytes = settings.max_photo_bytes
        self._keep_seconds = settings.keep_minutes * 60.0
        self._least_room = 2 * settings.max_upload_bytes
        self._clock = clock
        self._photos: OrderedDict[str, KeptPhoto] = OrderedDict()
        self._drafts: set[str] = set()
        self._size = 0
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        self._remove_strays()
        require_empty(self._folder)

    def __len__(self) -> int:
        """The number of photos."""
        return len(self._photos)

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """A folder for a photo that is being received; deleted after the block unless `keep` has taken it."""
        if shutil.disk_usage(self._folder).free < self._least_room:
            raise Problem(507, "there is too little room on the server's disk; try again later")
        folder = self._folder / new_name()
        folder.mkdir(mode=0o700)
        self._drafts.add(folder.name)
        try:
            yield folder
        finally:
            self._drafts.discard(folder.name)
            if folder.name not in self._photos:
                shutil.rmtree(folder, ignore_errors=True)

    def keep(self, source: Path, sketch: Path, name: str, model: str, facts: KeptFacts) -> KeptPhoto:
        """Keep a photo, and delete those used longest ago if there are too many.

        Args:
            source: Its file, in a folder of `draft`.
            sketch: The folder of its sketch, within the same.
        """
        folder = source.parent
        photo = KeptPhoto(folder.name, name, folder, source, sketch, model, facts)
        self._photos[photo.id] = photo
        self._measure(photo)
        return photo

    def get(self, photo: str) -> KeptPhoto:
        """A photo; this counts as use."""
        try:
            found = self._photos[photo]
        except KeyError:
            detail = "there is no such photo: it was deleted, it expired, or was removed to make room"
            raise Problem(404, f"{detail}; send it again", kind="photo-gone", title="The photo is gone") from None
        self._photos.move_to_end(photo)
        found.touched = self._clock()
        return found

    def replace_sketch(self, photo: KeptPhoto, sketch: Path, model: str, facts: KeptFacts) -> None:
        """Replace the sketch of a photo.

        Args:
            sketch: The folder of the new sketch, within that of the photo.
        """
        self.get(photo.id)
        shutil.rmtree(photo.sketch, ignore_errors=True)
        photo.sketch, photo.model, photo.facts = sketch, model, facts
        self._measure(photo)

    def delete(self, photo: str) -> None:
        """Delete a photo; does nothing if there is none of that id."""
        found = self._photos.pop(photo, None)
        if found is not None:
            self._size -= found.size
            shutil.rmtree(found.folder, ignore_errors=True)

    def sweep(self) -> None:
        """Delete photos that were not used for long, and files written for photos that were deleted meanwhile."""
        oldest = self._clock() - self._keep_seconds
        for photo in [photo for photo in self._photos.values() if photo.touched < oldest]:
            self.delete(photo.id)
        self._remove_strays()

    def close(self) -> None:
        """Delete all photos."""
        self._photos.clear()
        self._drafts.clear()
        self._remove_strays()
        with contextlib.suppress(OSError):
            self._folder.rmdir()

    def _remove_strays(self) -> None:
        """Remove the folders of photos that are not kept."""
        for folder in self._folder.iterdir():
            if is_own_name(folder.name) and folder.name not in self._photos.keys() | self._drafts:
                shutil.rmtree(folder, ignore_errors=True)

    def _measure(self, photo: KeptPhoto) -> None:
        """Update the size of a photo, and make room."""
        size = sum(path.stat().st_size for path in photo.folder.rglob("*") if path.is_file())
        self._size += size - photo.size
        photo.size, photo.touched = size, self._clock()
        self._photos.move_to_end(photo.id)
        while len(self._photos) > 1 and (len(self._photos) > self._max_photos or self._size > self._max_bytes):
            self.delete(next(iter(self._photos)))

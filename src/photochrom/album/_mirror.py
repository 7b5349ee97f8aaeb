"""Albums at addresses such as `s3://bucket/photos`, by way of a working folder on this machine."""

import contextlib
import errno
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from photochrom.album._finding import RESULT_STEM
from photochrom.album._job import Outcome
from photochrom.album._manifest import MANIFEST_NAME
from photochrom.album._task import write_result
from photochrom.errors import ConfigError, PhotochromError, PhotoError, reason_of, unwritten
from photochrom.photo import HEAD_BYTES
from photochrom.workers import Deferred, Pending, Pool

_ADDRESS = re.compile(r"(s3a?|memory)://+(.*)", re.DOTALL)
"""Only stores whose objects appear whole or not at all, and can be put without replacing another."""

_NO_NAMES = frozenset({"", ".", ".."})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

_FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, TypeError)
"""What a program raises by mistake, and no store. Those of stores have no class in common."""


def is_address(name: str) -> bool:
    """Whether a name is that of photos in a store, and of no file or folder on this machine."""
    return _ADDRESS.match(name) is not None and not os.path.lexists(name)


class Mirror:
    """A working folder with the tree of a store, in which an album can be planned and run as one of this machine.

    A photo there is a file of its size with its first bytes only, until it is fetched; it goes when it has ended. A
    result there is whole until it is put at its address, and empty from then on. Whatever ends a run, the next one
    finds the ledger, and results that were not put, and goes on.

    Attributes:
        failures: Objects whose names cannot be those of files.
    """

    def __init__(self, sources: Sequence[str], out: str | None, *, overwrite: bool = False) -> None:
        """Nothing is read yet.

        Args:
            sources: Photos and folders, at least one of them or `out` at an address.
            overwrite: Whether results may replace objects that are there.

        Raises:
            ConfigError: `out` is missing, or it and a source lie in one another.
        """
        if out is None:
            raise ConfigError(f"{sources[0]}: say with --out where results go, such as s3://bucket/color")
        for source in sources:
            if is_address(source) and is_address(out) and _overlap(_parts(source), _parts(out)):
                raise ConfigError(f"{source} and {out} lie in one another; choose another place with --out")
        place = str(_parts(out)) if is_address(out) else os.path.realpath(out)
        cache = Path(os.path.realpath(user_cache_path("photochrom", appauthor=False))) / "remote"
        self._folder = cache / hashlib.sha256(place.encode()).hexdigest()[:16]
        self._out = out
        self._sources = sources
        self._overwrite = overwrite
        self.failures: list[Outcome] = []
        self._troubles: dict[Path, str] = {}
        self._lock = FileLock(self._folder.with_suffix(".lock"), thread_local=False)

    def __enter__(self) -> "Mirror":
        """List what is at the addresses.

        Raises:
            PhotoError: Another run is at work, or something cannot be listed or written.
        """
        with self._working():
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                why = "another run on this machine is at work; wait until it has ended"
                raise PhotoError(f"{self._out}: {why}") from None
        try:
            if is_address(self._out):
                self._reflect(self._out, self._reflect_results)
            for source in filter(is_address, self._sources):
                self._reflect(source, self._reflect_photos)
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Put the ledger, and remove the working folder unless results in it could not be put."""
        try:
            if is_address(self._out):
                self._put_ledger()
            if not any(path.stat().st_size for path in self._results()):
                shutil.rmtree(self._folder, ignore_errors=True)
        finally:
            with contextlib.suppress(OSError):
                Path(self._lock.lock_file).unlink()  # safe while it is held, as that of a folder of results
            self._lock.release()

    def local(self, name: str) -> str:
        """Where the photos or results at an address lie in the working folder; other names stay as they are."""
        return str(self._folder / _parts(name)) if is_address(name) else name

    def told(self, text: str) -> str:
        """A text with addresses in place of paths in the working folder."""
        return re.sub(re.escape(f"{self._folder}{os.sep}") + r"(\w+)[/\\]", r"\1://", text)

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Tell errors with addresses in place of paths in the working folder."""
        try:
            yield
        except PhotochromError as error:
            raise type(error)(self.told(str(error))) from error

    def fetch(self, path: Path) -> None:
        """Fetch a photo into its place in the working folder; `content` raises what prevented it."""
        if not path.is_relative_to(self._folder):
            return
        try:
            with _store(self._address(path)) as (store, place):
                self._get(store, place, path)
        except PhotoError as error:
            self._troubles[path] = str(error).removeprefix(f"{self._address(path)}: ")
            path.unlink(missing_ok=True)

    def _get(self, store: Any, place: str, path: Path) -> None:
        """Copy an object into the working folder; what fails there is not the store's."""
        content = store.cat_file(place)
        with self._working():
            path.write_bytes(content)

    def _read(self, path: Path) -> bytes:
        with self._working():
            return path.read_bytes()

    @contextmanager
    def _working(self) -> Iterator[None]:
        """Tell errors of the working folder as that, also where a store is spoken to."""
        try:
            yield
        except OSError as error:
            raise PhotoError(f"{self._folder}: {unwritten(error)}") from error

    def content(self, path: Path) -> bytes:
        """The content of a photo.

        Raises:
            PhotoError: It could not be fetched, or cannot be read.
        """
        if path in self._troubles:
            raise PhotoError(self._troubles[path])
        try:
            return path.read_bytes()
        except OSError as error:
            raise PhotoError(f"cannot be read ({reason_of(error)})") from error

    def delivered(self, outcome: Outcome) -> Outcome:
        """How a photo ended, with its results at their address and without its copy."""
        if outcome.source.is_relative_to(self._folder):
            with contextlib.suppress(OSError):
                outcome.source.unlink()
        try:
            for path in outcome.files:
                if path.is_relative_to(self._folder):
                    self._put(path)
        except PhotoError as error:
            return replace(outcome, status="failed", files=(), error=str(error))
        return outcome

    def _put(self, path: Path) -> None:
        """Put a result at its address, as a whole object; it is empty here from then on."""
        with self._working():
            if not path.stat().st_size:
                return
        address = self._address(path)
        with _store(address) as (store, place):
            # Asked before, for not all servers refuse to replace an object.
            is_taken = not self._overwrite and store.exists(place)
            if not is_taken:
                try:
                    store.put_file(str(path), place, mode="overwrite" if self._overwrite else "create")
                except FileExistsError:
                    is_taken = True
            # It is the same if a run that was killed has put it, or if an answer was lost.
            if is_taken and store.cat_file(place) != self._read(path):
                raise PhotoError(f"{address} is there already; --overwrite replaces it")
        with self._working():
            os.truncate(path, 0)

    def _address(self, path: Path) -> str:
        protocol, *parts = path.relative_to(self._folder).parts
        return f"{protocol}://{'/'.join(parts)}"

    def _ledger(self) -> Path:
        return Path(self.local(self._out), MANIFEST_NAME)

    def _results(self) -> Iterator[Path]:
        """The files in the working folder that are results, but for the ledger."""
        if is_address(self._out):
            out = Path(self.local(self._out))
            yield from (path for path in (out, *out.rglob("*")) if path.is_file() and path != self._ledger())

    def _put_ledger(self) -> None:
        """Put the ledger, with the lines that are there already."""
        path = self._ledger()
        if path.is_file():
            address = self._address(path)
            with _store(address) as (store, place):
                there = b""
                with contextlib.suppress(FileNotFoundError):
                    there = store.cat_file(place)
                merged = _merged(there, self._read(path))
                if merged != there:
                    store.pipe_file(place, merged)

    def _reflect(self, address: str, lay: Callable[[Any, dict[str, Path], dict[str, Any]], None]) -> None:
        """List an address and lay its objects out in the working folder; what is there no longer goes."""
        with _store(address) as (store, root):
            root = root.rstrip("/")
            infos = {
                name: info
                for name, info in store.find(root, detail=True).items()
                if (name == root or name.startswith(f"{root}/")) and not name.endswith("/")
            }
            top = Path(self.local(address))
            with self._working():
                places = dict(self._places(top, root, infos))
                kept = set(places.values())
                for path in [path for path in top.rglob("*") if path.is_file() and path not in kept]:
                    if lay == self._reflect_photos or not path.stat().st_size:
                        path.unlink()
            lay(store, places, infos)

    def _places(self, top: Path, root: str, names: Iterable[str]) -> Iterator[tuple[str, Path]]:
        """Objects and the files that stand for them; an object whose name cannot be that of a file is a failure."""
        for name in names:
            below = name.removeprefix(root).removeprefix("/")
            path = top / below
            try:
                if below and not _NO_NAMES.isdisjoint(below.split("/")):
                    raise OSError("an empty part, or dots alone")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
            except (OSError, ValueError) as error:
                if isinstance(error, OSError) and error.errno in _FULL:
                    raise
                reason = f"its name cannot be that of a file here ({reason_of(error)}); rename the object"
                self.failures.append(Outcome(top / PurePosixPath(below).name, "failed", error=reason))
            else:
                yield name, path

    def _reflect_results(self, store: Any, places: dict[str, Path], _infos: dict[str, Any]) -> None:
        for name, path in places.items():
            if path == self._ledger():
                merged = _merged(store.cat_file(name), self._read(path))
                with self._working():
                    path.write_bytes(merged)

    def _reflect_photos(self, store: Any, places: dict[str, Path], infos: dict[str, Any]) -> None:
        names = list(places)
        heads = store.cat_ranges(names, [0] * len(names), [HEAD_BYTES] * len(names), on_error="return") if names else []
        for (name, path), head in zip(places.items(), heads, strict=True):
            # Ledgers, and names of results, are looked into when photos are searched.
            if path.name == MANIFEST_NAME or RESULT_STEM.search(path.stem):
                self._get(store, name, path)
                continue
            with self._working():
                path.write_bytes(head if isinstance(head, bytes) else b"")
                os.truncate(path, infos[name]["size"])


class CarryingPool(Pool):
    """Hands workers the content of photos, and writes that of results; so they need not see the album's folder."""

    def __init__(self, content: Callable[[Path], bytes], *args: Any, **options: Any) -> None:
        """As a `Pool`; `content` reads a photo when its turn comes."""
        super().__init__(*args, **options)
        self._content = content

    def submit(self, task: Callable[..., Any], *args: Any, **options: Any) -> Pending:
        """Queue `color_photo`; see `Pool.submit`."""
        source, settings, targets = args
        content = Deferred(partial(self._content, source))
        return super().submit(task, content, settings, **options, then=partial(_written, targets))


def _written(targets: Sequence[Path], told: dict[str, Any]) -> dict[str, Any]:
    """What `color_photo` tells of results that are files, of which it told the content."""
    made = [write_result(target, output) for target, output in zip(targets, told["outputs"], strict=True)]
    return {**told, "outputs": made}


def _parts(address: str) -> PurePosixPath:
    """An address as a relative path: the protocol, the bucket, and so on."""
    found = _ADDRESS.match(address)
    if found is None or not _NO_NAMES.isdisjoint(found[2].rstrip("/").split("/")):
        raise ConfigError(f"{address}: not an address; expected something like s3://bucket/photos")
    return PurePosixPath(found[1].replace("s3a", "s3"), found[2].rstrip("/"))


def _overlap(one: PurePosixPath, other: PurePosixPath) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)


def _merged(there: bytes, here: bytes) -> bytes:
    """The lines of two ledgers, each once; those that were not put follow the others."""
    return b"".join(line + b"\n" for line in dict.fromkeys([*there.splitlines(), *here.splitlines()]))


@contextmanager
def _store(address: str) -> Iterator[tuple[Any, str]]:
    """What reads and writes at an address, and the place there.

    Raises:
        ModuleNotFoundError: A package is missing.
        PhotoError: There is nothing, it is refused, or nobody answers.
    """
    import fsspec

    if address.startswith("s3"):
        import s3fs  # noqa: F401 - fsspec would tell its absence in words of its own
    try:
        store, place = fsspec.url_to_fs(address, use_listings_cache=False)
        yield store, place
    except (PhotoError, *_FAULTS):
        raise
    except FileNotFoundError as error:
        raise PhotoError(f"{address}: nothing is there; check the name of the bucket and of the photo") from error
    except PermissionError as error:
        raise PhotoError(f"{address}: access was refused ({reason_of(error)}); check the credentials") from error
    except Exception as error:
        raise PhotoError(f"{address}: cannot be reached ({reason_of(error)}); check endpoint and network") from error

"""Decides where the results of each photo go, so that none replaces a photo or another result."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from photochrom.album._finding import Found, find_photos
from photochrom.album._job import Job, Outcome
from photochrom.album._manifest import MANIFEST_NAME, Manifest
from photochrom.coloring import Options, Outputs
from photochrom.errors import ConfigError, PhotoError
from photochrom.photo import HEAD_BYTES, SUFFIXES, USUAL_SUFFIXES, Kind, format_of, written_format

_ENDING = "-color"


@dataclass(frozen=True)
class Plan:
    """Photos that are going to be colored; `plan` makes it, `run` carries it out.

    Attributes:
        failures: Sources that gave none.
        overwrite: Whether results that are there may be replaced. Photos that are colored are never replaced.
        keep_date: Whether results get the date of their photo's file.
        unread: How many files in folders are of kinds that are not read.
    """

    jobs: tuple[Job, ...]
    failures: tuple[Outcome, ...] = ()
    options: Options = field(default_factory=Options)
    overwrite: bool = False
    keep_date: bool = True
    unread: Mapping[Kind, int] = field(default_factory=dict)

    def __len__(self) -> int:
        """The number of outcomes of a run."""
        return len(self.jobs) + len(self.failures)

    @property
    def places(self) -> tuple[Path, ...]:
        """Where results go: the files of a single photo, else folders; of a tree, its top."""
        if len(self.jobs) == 1:
            return self.jobs[0].files
        return tuple(dict.fromkeys(job.base for job in self.jobs))


def plan(
    sources: Sequence[str | Path],
    out: str | Path | None = None,
    options: Options | None = None,
    *,
    overwrite: bool = False,
    keep_date: bool = True,
) -> Plan:
    """Find photos and decide where their results go; nothing is written yet.

    A photo that is named itself gets its result beside it: `a.jpg` gives `a-color.jpg`. A folder gets another beside
    it: `album` gives `album-color`, with the same tree and names. Several guesses are numbered, as in `a-color-1.jpg`;
    `-compare` and `-confidence` stand at the end of the names of the other files. A GIF becomes a PNG.

    Args:
        sources: Files, folders and patterns such as `scans/**/*.tif`. Hidden files, what systems put among photos and
            photochrom's own results are passed over in folders.
        out: The folder that everything goes to instead; or, for a single photo, a file. For a single photo, a new
            folder whose name has a dot is told by a slash at its end.

    Raises:
        ConfigError: Results would collide, hints are given for several photos, or `out` names a file of a format that
            cannot be written.
        PhotoError: A manifest in a folder cannot be read.
    """
    options = options or Options()
    told_as_folder = out is not None and os.fspath(out).endswith(("/", os.sep))
    out = None if out is None else Path(out)
    found, failures, unread = find_photos([os.fspath(source) for source in sources], out)
    if options.look.hints and len(found) > 1:
        raise ConfigError(f"a hint is of one photo, but there are {len(found)}; name one")
    if out is not None and not told_as_folder and len(found) == 1 and found[0].tree is None:
        _require_no_other_format(out)
    jobs = place(found, out, options.outputs, is_folder=told_as_folder) if found else []
    return Plan(tuple(jobs), tuple(failures), options, overwrite, keep_date, unread)


def place(photos: Sequence[Found], out: Path | None, outputs: Outputs, *, is_folder: bool = False) -> list[Job]:
    """Where the results of photos go, a job for each; no two share a file.

    Without `out` it is as `plan` says. With `out` all results go there: files by their names, a folder as its tree, or
    below its name if there are other sources. If `out` is the name of a file and not told to be a folder's, that is the
    only photo's result. A photo whose results are in the manifest keeps their names, whichever photos have come since.

    Raises:
        ConfigError: Two photos would get the same name, or one the name of a photo.
    """
    if out is not None and out.suffix.lower() in _WRITTEN_SUFFIXES and not (is_folder or out.is_dir()):
        return [_at(photos, out, outputs)]
    if out is not None and out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: --out is a folder, or for a single photo a file such as colored.jpg")
    are_several = len({photo.tree for photo in photos}) > 1
    return _without_collisions([_placed(photo, out, outputs, are_several) for photo in photos])


_WRITTEN_SUFFIXES = frozenset(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)


def _require_no_other_format(out: Path) -> None:
    """Refuse a place for the result of a single photo that is no folder, but looks like a file of a rare format."""
    if out.suffix and out.suffix.lower() not in _WRITTEN_SUFFIXES and not out.exists():
        choice = f"choose one of {USUAL_SUFFIXES}, or end the name with / if it is a folder's"
        raise ConfigError(f"{out}: {out.suffix} cannot be written; {choice}")


def _at(photos: Sequence[Found], out: Path, outputs: Outputs) -> Job:
    """The job of the only photo, whose result is a file that was named."""
    if len(photos) != 1 or photos[0].tree is not None:
        raise ConfigError(f"{out}: this names one file, but there may be several photos; give a folder")
    source, suffix = photos[0].path, out.suffix.lower()
    # A photo whose own suffix tells the wrong format keeps the format under the same wrong suffix.
    asked = next(name for name, suffixes in SUFFIXES.items() if suffix in suffixes)
    asks = suffix != source.suffix.lower()
    job = Job(source, None, out.parent, out.stem, out.stem, out.suffix, outputs.endings, asked if asks else None)
    _require_apart([job])
    return job


def _placed(photo: Found, out: Path | None, outputs: Outputs, are_several: bool) -> Job:
    path, tree = photo.path, photo.tree
    if tree is None:
        root, folder = out, out or path.parent
    else:
        root = out or _beside(tree)
        below = path.parent.relative_to(tree)
        folder = root / _name(tree) / below if out is not None and are_several else root / below
    is_beside = os.path.realpath(folder) == os.path.realpath(path.parent)
    stem = path.stem + (_ENDING if is_beside else "")
    suffix = _kept_suffix(path) if outputs.format is None else SUFFIXES[outputs.format][0]
    return Job(path, root, folder, stem, stem, suffix, outputs.endings)


def _name(folder: Path) -> str:
    """A folder's own name, even if it is given as `.` or `..`."""
    return Path(os.path.realpath(folder)).name if folder.name in ("", "..") else folder.name


def _beside(tree: Path) -> Path:
    name = _name(tree)
    if not name:
        raise ConfigError(f"{tree}: has no place beside it; say where results go with --out")
    parent = tree.parent if tree.name not in ("", "..") else Path(os.path.realpath(tree)).parent
    return parent / f"{name}{_ENDING}"


def _kept_suffix(path: Path) -> str:
    """The suffix of a photo, unless its content is of another format, or of one that cannot be written."""
    try:
        # What is no plain file, such as a pipe, might never end; it is refused when it is to be read.
        written = _result_format(path) if path.is_file() else written_format("")
    except (OSError, PhotoError, ValueError):
        return path.suffix
    return path.suffix if path.suffix.lower() in SUFFIXES[written] else SUFFIXES[written][0]


def _result_format(path: Path) -> str:
    """The format in which the photo of a file is written; raises ValueError for a broken one."""
    with path.open("rb") as file:
        kind = format_of(file.read(HEAD_BYTES))
        return written_format("RAW" if kind.is_raw(file) else kind.name)


def _without_collisions(jobs: list[Job]) -> list[Job]:
    """The same jobs, those that would share a file renamed after the format of their photo."""
    roots = {job.root for job in jobs if job.root is not None}
    manifests = {root: Manifest(root / MANIFEST_NAME) for root in roots}
    recorded = [None if job.root is None else _as_recorded(job, manifests[job.root]) for job in jobs]
    taken = Counter(_key(path) for job, known in zip(jobs, recorded, strict=True) for path in (known or job).files)
    apart = []
    for job, known in zip(jobs, recorded, strict=True):
        if known is not None:
            apart.append(known)
        elif job.root is not None and _belongs_to_another(job, manifests[job.root]):
            apart.append(job.renamed(always=True))
        elif any(taken[_key(path)] > 1 for path in job.files):
            apart.append(job.renamed())
        else:
            apart.append(job)
    _require_apart(apart)
    return apart


def _as_recorded(job: Job, manifest: Manifest) -> Job | None:
    """The job with the names that its results have already; None if it has none."""
    names = manifest.outputs_of(job.name)
    known = (job, job.renamed(), job.renamed(always=True))
    return next((each for each in known if each.file_names == names), None)


def _belongs_to_another(job: Job, manifest: Manifest) -> bool:
    return any(manifest.owner(name) not in (None, job.name) for name in job.file_names)


def _require_apart(jobs: Sequence[Job]) -> None:
    photos = {_key(job.source): job.source for job in jobs}
    owners: dict[str, Path] = {}
    for job in jobs:
        for path in job.files:
            if _key(path) in photos:
                raise ConfigError(f"{path}: a result would replace this photo; choose another place with --out")
            other = owners.setdefault(_key(path), job.source)
            if other != job.source:
                advice = "give the folders that they lie in, or color them one after the other with another --out"
                if other.parent == job.source.parent:
                    advice = "rename one of them"
                raise ConfigError(f"{other} and {job.source} would both become {path}; {advice}")


def _key(path: Path) -> str:
    """A key that is equal for two names of one file."""
    return os.path.normcase(os.path.realpath(path))

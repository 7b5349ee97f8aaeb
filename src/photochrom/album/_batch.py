"""Many photos at once: which are meant, where their results go, what is done already, and how each ended."""

import hashlib
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from photochrom.album._coloring import Answer, ColoringJob, Options, Status
from photochrom.album._finding import Missing, find_photos
from photochrom.album._manifest import Manifest, Record
from photochrom.album._placing import Placement, place
from photochrom.album._pool import color_photos, default_jobs
from photochrom.coloring import Colorizer
from photochrom.errors import CheckpointError, ConfigError
from photochrom.photo import encode_photo, read_photo
from photochrom.shipped import network_file

__all__ = ["Batch", "Outcome", "colorize_bytes", "colorize_files", "plan_batch", "require_stream_alone"]


@dataclass(frozen=True)
class Outcome:
    """How one photo ended.

    Attributes:
        source: The photo, or a source that gave none.
        status: `colored`; `done` by an earlier call; `in color` already and left alone; or `failed`.
        outputs: Its files; of a photo that was `done`, those that are there.
        faces: How many were found.
        seconds: How long it took.
        error: Why it failed, and what to do.
    """

    source: Path
    status: Status
    outputs: tuple[Path, ...] = ()
    faces: int = 0
    seconds: float = 0.0
    error: str | None = None


class Batch:
    """Photos that are going to be colored; `plan_batch` makes it."""

    def __init__(
        self, placements: Sequence[Placement], missing: Sequence[Missing], options: Options, overwrite: bool
    ) -> None:
        self._placements = placements
        self._missing = missing
        self._options = options
        self._overwrite = overwrite

    def __len__(self) -> int:
        """How many outcomes there will be."""
        return len(self._placements) + len(self._missing)

    @property
    def planned(self) -> dict[Path, tuple[Path, ...]]:
        """The photos that were found, and the files that each gets."""
        return {placement.source: placement.outputs for placement in self._placements}

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where results go; of a tree, its top."""
        return tuple(dict.fromkeys(placement.root or placement.folder for placement in self._placements))

    def run(self, jobs: int | None = None) -> Generator[Outcome, None, None]:
        """Color what is not done already.

        In each folder of results a manifest, `photochrom.jsonl`, gets a line as each photo ends, so that after an
        interruption the same call goes on where it was. Results that lie beside their photo have none.

        Args:
            jobs: How many processes work side by side; what suits the machine if not given.

        Yields:
            Outcomes as they come, those of sources without photos first. Closing the iterator ends the processes and
            leaves nothing half-written.

        Raises:
            PhotoError: The networks cannot be loaded, or a folder of results cannot be written to.
            CheckpointError: There is no such model.
        """
        yield from (Outcome(missing.path, "failed", error=missing.reason) for missing in self._missing)
        if not self._placements:
            return
        settings = _settings(self._options)
        manifests = {path: Manifest(path) for path in self._manifest_paths()}
        for manifest in manifests.values():
            manifest.require_writable()
        todo = [self._job(placement, manifests, settings) for placement in self._placements]
        with closing(color_photos(todo, self._options, jobs or default_jobs(len(todo)))) as answers:
            for number, answer in answers:
                placement = self._placements[number]
                is_news = not answer.is_refused and (answer.sha256 is None or answer.sha256 != todo[number].done_sha256)
                if placement.manifest is not None and is_news:
                    manifests[placement.manifest].append(_record(placement, answer, settings))
                yield _outcome(placement, answer)

    def _manifest_paths(self) -> list[Path]:
        paths = (placement.manifest for placement in self._placements)
        return list(dict.fromkeys(path for path in paths if path is not None))

    def _job(self, placement: Placement, manifests: dict[Path, Manifest], settings: dict[str, Any]) -> ColoringJob:
        done: Record | None = None
        if placement.manifest is not None:
            done = manifests[placement.manifest].done(placement.file, settings, _output_names(placement))
        if done is not None and not done.outputs and self._options.force:
            done = None  # it was in color, and shall be colored anew now
        return ColoringJob(
            source=placement.source,
            colored=placement.colored,
            compare=placement.compare,
            confidence=placement.confidence,
            overwrite=self._overwrite,
            done_sha256=None if done is None else done.sha256,
            done_status="in color" if done is not None and not done.outputs else "done",
        )


def plan_batch(
    sources: Sequence[str | Path], out: Path | None = None, options: Options | None = None, *, overwrite: bool = False
) -> Batch:
    """Find photos and decide where their results go; nothing is written yet.

    A photo that is named itself gets its result beside it: `a.jpg` gives `a-color.jpg`. A folder gets another beside
    it: `album` gives `album-color`, with the same tree and names. Several guesses are numbered, as in `a-color-1.jpg`;
    `-compare` and `-confidence` stand at the end of the names of the other files. A GIF becomes a PNG.

    Args:
        sources: Files, folders and patterns such as `scans/**/*.tif`. Hidden files and photochrom's own results are
            passed over in folders.
        out: The folder that everything goes to instead; or, for a single photo, a file.
        options: How to color.
        overwrite: Whether results that are there may be replaced. Photos that are colored now are never replaced.

    Returns:
        What can be run.

    Raises:
        ConfigError: Results would collide, or hints are given for several photos.
        PhotoError: A manifest in a folder cannot be read.
    """
    options = options or Options()
    photos, missing = find_photos([os.fspath(source) for source in sources], out)
    if options.hints and len(photos) > 1:
        raise ConfigError(f"a hint is of one photo, but there are {len(photos)}; name one")
    placements = place(photos, out, options.extras) if photos else []
    return Batch(placements, missing, options, overwrite)


def colorize_files(
    sources: Sequence[str | Path],
    out: Path | None = None,
    options: Options | None = None,
    *,
    jobs: int | None = None,
    overwrite: bool = False,
) -> Iterator[Outcome]:
    """Color photo files; see `plan_batch` for where results go and `Batch.run` for how.

    Args:
        sources: Files, folders and patterns.
        out: Where results go.
        options: How to color.
        jobs: How many processes work side by side.
        overwrite: Whether results that are there may be replaced.

    Yields:
        How each photo ended, as they end.

    Raises:
        ConfigError: As of `plan_batch`.
        PhotoError: As of `Batch.run`.
        CheckpointError: Likewise.

    Example:
        >>> for outcome in colorize_files(["no-such-album"]):
        ...     outcome.status, outcome.error
        ('failed', 'no such file or folder; check the name')
    """
    yield from plan_batch(sources, out, options, overwrite=overwrite).run(jobs)


def require_stream_alone(sources: Sequence[str], out: Path | None) -> None:
    """See that standard input is the only source, and standard output the only result.

    Raises:
        ConfigError: There are others.
    """
    if len(sources) > 1 or out is not None:
        raise ConfigError("- goes from standard input to standard output: no other photo and no --out beside it")


def colorize_bytes(content: bytes, options: Options | None = None) -> bytes | None:
    """Color what is in a photo file.

    Args:
        content: Of the file.
        options: How to color; there can be no more than one result.

    Returns:
        The content of the colored file, of the same format; None if the photo is in color already.

    Raises:
        ConfigError: The options ask for more than one file.
        PhotoError: The photo cannot be read or written.
        CheckpointError: There is no such model.
    """
    options = options or Options()
    if options.extras.count > 1:
        raise ConfigError("there is one result only: variants, a comparison and confidence need files")
    photo = read_photo(content, options.max_megapixels)
    if photo.coloring == "color" and not options.force:
        return None
    colorizer = Colorizer(options.model, face_model=options.face_model, threads=os.cpu_count() or 1)
    result = colorizer.colorize(
        photo, strength=options.strength, vividness=options.vividness, hints=options.hints, force=options.force
    )
    return encode_photo(result.rgb, photo)


def _settings(options: Options) -> dict[str, Any]:
    """What colors depend on: another reading of a file that was colored before is another result.

    Raises:
        CheckpointError: There is no such model.
    """
    settings = options.as_json()
    del settings["max_megapixels"], settings["force"]
    names = filter(None, (options.model, options.face_model))
    return {**settings, "networks": {name: _fingerprint(name) for name in names}}


def _fingerprint(model: str) -> str:
    """What tells a network from another one of the same name, such as a later release's."""
    path = network_file(model)
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error}); name another --model") from error


def _output_names(placement: Placement) -> tuple[str, ...]:
    """The files as a manifest names them, so that its folder can be moved."""
    root = placement.root or placement.folder
    return tuple(path.relative_to(root).as_posix() for path in placement.outputs)


def _record(placement: Placement, answer: Answer, settings: dict[str, Any]) -> Record:
    return Record(
        file=placement.file,
        sha256=answer.sha256,
        settings=settings,
        outputs=_output_names(placement) if answer.status == "colored" else (),
        faces=answer.faces,
        seconds=answer.seconds,
        error=answer.error,
    )


def _outcome(placement: Placement, answer: Answer) -> Outcome:
    outputs = placement.outputs if answer.status in ("colored", "done") else ()
    return Outcome(placement.source, answer.status, outputs, answer.faces, answer.seconds, answer.error)

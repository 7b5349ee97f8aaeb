"""One photo of an album: where its results go, and how it ended."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

Status = Literal["colored", "done", "in color", "failed"]
"""How it ended: `done` was colored by an earlier run; what was `in color` is left alone."""


@dataclass(frozen=True)
class Job:
    """One photo to color, and where its results go.

    Attributes:
        root: The folder of all results, in which the manifest is kept; None for results beside their photo.
        stem: What their names begin with.
        map_stem: The same for the map of confidence, which is a PNG whatever the photo is.
        suffix: What the names of the others end with.
        endings: What stands between, for each result, as `photochrom.coloring.Outputs.endings`.
        format: The format that the name of the result asks for; None for the photo's own.
    """

    source: Path
    root: Path | None
    folder: Path
    stem: str
    map_stem: str
    suffix: str
    endings: tuple[str, ...] = ("",)
    format: str | None = None

    @property
    def base(self) -> Path:
        """The folder that names in the manifest start from."""
        return self.root or self.folder

    @property
    def name(self) -> str:
        """The photo in the manifest: the place of its results, and its own name."""
        return (self.folder / self.source.name).relative_to(self.base).as_posix()

    @property
    def files(self) -> tuple[Path, ...]:
        """Where the results go, in the order of `endings`."""
        return tuple(
            self.folder / f"{self.map_stem}{ending}.png"
            if ending == "-confidence"
            else self.folder / f"{self.stem}{ending}{self.suffix}"
            for ending in self.endings
        )

    @property
    def file_names(self) -> tuple[str, ...]:
        """The results in the manifest, so that its folder can be moved."""
        return tuple(path.relative_to(self.base).as_posix() for path in self.files)

    def renamed(self, *, always: bool = False) -> "Job":
        """The same job with results that tell which format the photo had: `a.gif` becomes `a.gif.png`.

        A photo `a` without a suffix becomes `a.no-suffix.jpg`.

        Args:
            always: Whether to do so even where the suffix tells it already, as that of `a.png`.
        """
        name = self.source.name if self.source.suffix else f"{self.source.name}.no-suffix"
        stem = name + self.stem.removeprefix(self.source.stem)
        keeps_format = self.suffix == self.source.suffix and not always
        return replace(self, stem=self.stem if keeps_format else stem, map_stem=stem)


@dataclass(frozen=True)
class Outcome:
    """How one photo ended.

    Attributes:
        source: The photo, or a source that gave none.
        files: Its results; of a photo that was `done`, those that are there.
        error: Why it failed, and what to do; the photo's name is not told.
        remarks: What is missing of the photo, or of what its file told.
    """

    source: Path
    status: Status
    files: tuple[Path, ...] = ()
    faces: int = 0
    seconds: float = 0.0
    error: str | None = None
    remarks: tuple[str, ...] = ()

"""The task of a worker: color one photo, to files or to bytes."""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from photochrom.coloring import Options
from photochrom.errors import PhotoError, unwritten
from photochrom.photo import (
    HEAD_BYTES,
    Levels,
    Photo,
    Signer,
    format_of,
    holds_manifest,
    losses,
    read_photo,
    with_manifest,
)
from photochrom.workers import announce_size

if TYPE_CHECKING:
    from photochrom.coloring import Guesser, Output, Result

_SAMPLED = 16
"""Distance in pixels of those that are looked at first."""

ON_ITS_SIDE = "its people lie on their side; it is colored as if they stood"
"""A remark about a photo."""


def color_photo(
    colorizer: "Guesser", source: Path | bytes, options: Options, targets: Sequence[Path] | None = None
) -> dict[str, Any]:
    """Color a photo: a task for `photochrom.workers.Pool`.

    Args:
        source: The photo, or the content of its file.
        targets: Where each file goes, in the order of `options.outputs.endings`; None returns their content.

    Returns:
        Plain data: the `outputs` as `ending`, `suffix` and `sha256`, or without targets `content`; what `facts_of`
        gives; and the `seconds` that it took to `read`, to `guess` and to `render`.

    Raises:
        PhotoError: It cannot be read, colored or written; the type says which.
        ConfigError: A hint lies outside it.
    """
    from photochrom.coloring import guesses, outputs  # late: only workers load the networks' libraries

    start = time.perf_counter()
    photo = read_photo(source, options.limits.max_megapixels, announce_size, strict=options.limits.strict)
    was_read = time.perf_counter()
    results = guesses(photo, options, colorizer)
    was_guessed = time.perf_counter()
    files = outputs(photo, results, options)
    made = []
    for number, output in enumerate(files if options.signer is None else _signed(files, source, options.signer)):
        made.append(asdict(output) if targets is None else write_result(targets[number], asdict(output)))
    seconds = {"read": was_read - start, "guess": was_guessed - was_read, "render": time.perf_counter() - was_guessed}
    lost = losses(photo, options.outputs.format, is_signed=options.signer is not None)
    facts = facts_of(photo, results)
    return {"outputs": made, **facts, "remarks": [*facts["remarks"], *lost], "seconds": seconds}


def _signed(files: "Iterator[Output]", source: Path | bytes, signer: Signer) -> "Iterator[Output]":
    """The result files, signed if they are photos of a format that can be."""
    for output in files:
        can_be = output.ending != "-confidence" and holds_manifest(format_of(output.content[:HEAD_BYTES]))
        yield replace(output, content=with_manifest(output.content, source, signer)) if can_be else output


def facts_of(photo: Photo, results: "Sequence[Result]") -> dict[str, Any]:
    """The facts about a photo and its guesses, as plain data.

    Returns:
        The `width` and `height` of the upright photo; its `coloring`; `remarks` for its owner; its `faces`, each as
        `x`, `y`, `width`, `height` and `score`; and the `confidence` of the best guess: the `mean`, and the
        `lowest_tenth`, which a tenth of the places do not exceed.
    """
    best, sides = results[0], ("x", "y", "width", "height", "score")
    sure = best.guess.confidence
    return {
        "width": photo.size[0],
        "height": photo.size[1],
        "coloring": photo.coloring,
        "remarks": [*photo.remarks, *_remarks(photo, best)],
        "faces": [dict(zip(sides, map(float, (*face.box, face.score)), strict=True)) for face in best.faces],
        "confidence": {"mean": float(sure.mean()), "lowest_tenth": float(np.quantile(sure, 0.1))},
    }


def _remarks(photo: Photo, result: "Result") -> Iterator[str]:
    """What was found out about the photo that its owner should know."""
    if photo.coloring == "print":
        yield "a gray print among colors; what surrounds it is colored again too"
    if result.turns:
        yield ON_ITS_SIDE
    if _is_black_and_white(photo.luma):
        yield "it has only black and white, which leave no room for color; scan it again in shades of gray"


def _is_black_and_white(luma: Levels) -> bool:
    """Whether there is nothing between black and white, which is all that RGB can show of luma without shades."""
    white = np.iinfo(luma.dtype).max
    few = luma[::_SAMPLED, ::_SAMPLED]  # which show shades of nearly any photo
    return not any(((levels > 0) & (levels < white)).any() for levels in (few, luma))


def write_result(path: Path, output: Mapping[str, Any]) -> dict[str, Any]:
    """Write one of the outputs that `color_photo` tells of; gives it with its digest instead of its content."""
    content: bytes = output["content"]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise PhotoError(f"its results {unwritten(error)}") from error
    return {"ending": output["ending"], "suffix": output["suffix"], "sha256": hashlib.sha256(content).hexdigest()}

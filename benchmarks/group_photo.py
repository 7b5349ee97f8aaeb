"""How good colors are where a photo is no tight portrait: faces in a group, tall and wide photos, and luma everywhere.

- **Groups**: mosaics of 24 faces that no network learnt from (the test split of `utkface`), 24 to 60 pixels wide, on a
  plain or softly noisy wall; made gray, stored as JPEG of quality 90, colored as any photo. Each face's square is held
  against its true colors, and so is the same square of the same gray file, given to the face network by itself.
- **Tall and wide**: portraits of the test split of `cc0_portraits`, continued by their backdrop upwards to 1:4 and
  sideways to 4:1. The portrait within must get the colors that it gets alone.
- **Luma**: of all of these photos, how far the colored one leaves the gray one.

Errors are mean distances in a* and b* (CIELAB); about 2 is just noticeable.
"""

import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Annotated, Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import typer
from PIL import Image

from photochrom.color import fit_gamut, luma, to_signed, to_uint8
from photochrom.coloring import Colorizer, Face, Framing, Patch, Result, frame
from photochrom.coloring.decoding import decode_chroma
from photochrom.coloring.network import Network
from photochrom.commands import one_line_failures, print_table, say, warn
from photochrom.files import write_whole
from photochrom.lab.datasets import Dataset
from photochrom.lab.datasets.cc0_portraits import CC0Portraits
from photochrom.lab.datasets.utkface import UTKFace
from photochrom.lab.datasets.utkface_whole import UTKFaceWhole
from photochrom.lab.metrics import chroma_error, colorfulness
from photochrom.shipped import DEFAULT_MODEL, network_file

Bytes = npt.NDArray[np.uint8]

FACES = 24
NARROWEST, WIDEST = 24, 60
ROWS, COLUMNS, CELL = 4, 6, 108
JPEG_QUALITY = 90
NOISE = 6.0
"""Standard deviation of the noisy walls, in levels, before they are made soft."""

SQUARE_LEFT, SQUARE_TOP, SQUARE_SIDE = 38 / 200, 45 / 200, 124 / 200
"""The square of the face in a whole picture of UTKFace, as the data set `utkface` cuts it, as shares of its side."""

NETWORK_SIDE = 80
LEAST_CHROMA = 6.0
"""Mean distance from gray of a face in a* and b*: what has less is a picture in black and white, or left uncolored."""

PORTRAIT_SIDE = 512
LONG = 4

TARGET_FOUND, TARGET_RATIO, TARGET_SHAPE_ERROR = 0.95, 1.1, 1.5
TARGET_LUMA_MEAN, TARGET_LUMA_WORST = 0.5, 2.0

# --- mosaics -------------------------------------------------------------------------------------------------------


class Square(NamedTuple):
    """A square of a photo, in whole pixels."""

    left: int
    top: int
    side: int

    def of(self, picture: Bytes) -> Bytes:
        """What a picture shows there."""
        part: Bytes = picture[self.top : self.top + self.side, self.left : self.left + self.side]
        return part


@dataclass(frozen=True)
class Mosaic:
    """A group of faces.

    Attributes:
        truth: In color; shape (height, width, 3).
        faces: The square of each face, as the face network learnt to see it.
    """

    truth: Bytes
    faces: tuple[Square, ...]


def colored_pictures(dataset: Dataset) -> Bytes:
    """The test pictures that are in color, whole."""
    truth = dataset.split("test").truth
    start, stop = round(SQUARE_TOP * truth.shape[1]), round((SQUARE_TOP + SQUARE_SIDE) * truth.shape[1])
    faces = truth[:, start:stop, start:stop]
    return np.asarray(truth[[vividness(face) >= LEAST_CHROMA for face in faces]])


def vividness(picture: Bytes) -> float:
    """How far a picture is from gray: the mean length of a* and b*."""
    gray = np.repeat(np.asarray(Image.fromarray(picture).convert("L"))[..., None], 3, axis=2)
    return float(chroma_error(picture[None], gray[None])[0])


def mosaic(pictures: Bytes, seed: int) -> Mosaic:
    """Faces of every width from the narrowest to the widest, each somewhere in a cell of its own."""
    random = np.random.default_rng(seed)
    truth = wall(random, is_noisy=seed % 2 == 1)
    chosen = random.choice(len(pictures), FACES, replace=False)
    widths = random.permutation(np.linspace(NARROWEST, WIDEST, FACES))
    squares = []
    for place, (index, width) in enumerate(zip(chosen, widths, strict=True)):
        side = round(width / SQUARE_SIDE)
        left, top = (
            CELL * cell + int(random.integers(0, CELL - side + 1)) for cell in (place % COLUMNS, place // COLUMNS)
        )
        truth[top : top + side, left : left + side] = scaled(pictures[index], side)
        squares.append(
            Square(left + round(SQUARE_LEFT * side), top + round(SQUARE_TOP * side), round(SQUARE_SIDE * side))
        )
    return Mosaic(truth, tuple(squares))


def wall(random: np.random.Generator, *, is_noisy: bool) -> Bytes:
    """A wall of a quiet color, plain or with soft noise."""
    color = random.uniform(90.0, 200.0) + random.uniform(-15.0, 15.0, 3)
    levels = np.broadcast_to(color, (ROWS * CELL, COLUMNS * CELL, 3)).astype(np.float32)
    if is_noisy:
        noise = random.normal(0.0, NOISE, levels.shape[:2]).astype(np.float32)
        levels = levels + cv2.GaussianBlur(noise, (0, 0), 1.0)[..., None]
    return np.asarray(np.rint(levels.clip(0.0, 255.0)), np.uint8)


def scaled(picture: Bytes, side: int) -> Bytes:
    """A square picture at another size."""
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.LANCZOS))


def gray_jpeg(picture: Bytes) -> bytes:
    """A picture made gray, as the content of a JPEG file."""
    content = io.BytesIO()
    Image.fromarray(picture).convert("L").save(content, "JPEG", quality=JPEG_QUALITY)
    return content.getvalue()


# --- groups --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FaceFigures:
    """How one face of a group fared.

    Attributes:
        width: Of its square, in pixels.
        is_found: Whether a face was found there, of about its size.
        is_colored: Whether it got colors at all.
        error: Of its square in the colored group.
        alone: Of the same gray pixels colored by themselves by the face network.
        left: By how much the square that was found lies beside the true one, as a share of its side, rightwards.
        top: Likewise, downwards.
        size: How many times as large it is.
    """

    width: int
    is_found: bool
    is_colored: bool
    error: float
    alone: float
    left: float | None = None
    top: float | None = None
    size: float | None = None


class FaceNetwork:
    """The face network by itself."""

    def __init__(self, model: str) -> None:
        self._network = Network(network_file(model))

    def color(self, photo: Bytes, square: Square) -> Bytes:
        """A square of a gray photo in color, seen exactly as training showed faces.

        The network sees it at its own size; its chroma is brought back to the square's size and joined to the luma.
        """
        patch = Patch.cut(photo, Framing(*square), NETWORK_SIDE)
        chroma = decode_chroma(self._network.run(patch.gray[None, None]), "natural")[0].transpose(1, 2, 0)
        wide = cv2.resize(np.ascontiguousarray(chroma), (square.side, square.side), interpolation=cv2.INTER_AREA)
        gray = to_signed(square.of(photo))[None, None]
        rgb: Bytes = to_uint8(fit_gamut(gray, wide.transpose(2, 0, 1)[None]))[0].transpose(1, 2, 0)
        return rgb


def judge_group(group: Mosaic, result: Result, network: FaceNetwork) -> list[FaceFigures]:
    """How each face of a group fared."""
    photo, rgb = np.asarray(result.photo.luma, np.uint8), np.asarray(result.rgb, np.uint8)
    figures = []
    for square in group.faces:
        truth, ours = square.of(group.truth), square.of(rgb)
        found = next((offset for face in result.faces if (offset := offset_of(face, square)) is not None), None)
        figures.append(
            FaceFigures(
                square.side,
                found is not None,
                vividness(ours) >= LEAST_CHROMA,
                float(chroma_error(ours[None], truth[None])[0]),
                float(chroma_error(network.color(photo, square)[None], truth[None])[0]),
                *(found or ()),
            )
        )
    return figures


def offset_of(face: Face, square: Square) -> tuple[float, float, float] | None:
    """How a face that was found lies to a true one, as `FaceFigures` tells; None if it is another one."""
    framing = frame(face)
    left = (framing.left + framing.side / 2 - square.left) / square.side - 0.5
    top = (framing.top + framing.side / 2 - square.top) / square.side - 0.5
    size = framing.side / square.side
    return (left, top, size) if math.hypot(left, top) < 0.5 and 0.5 < size < 2.0 else None


# --- tall and wide -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ShapeFigures:
    """How the colors of a portrait change when its photo grows longer.

    Attributes:
        shape: Width to height.
        is_found: Whether the face that was found in the portrait alone is found again; None if there was none.
        error: Of the portrait within the long photo, held against the same portrait colored alone.
        on_face: Likewise, on the face alone; None if none was found.
        colorfulness_ratio: How colorful it is, by how colorful it is alone.
    """

    shape: str
    is_found: bool | None
    error: float
    on_face: float | None
    colorfulness_ratio: float


def continued(gray: Bytes, shape: str) -> tuple[Bytes, Square]:
    """A square portrait continued by its backdrop, and where the portrait is then.

    Each edge is continued outwards as it is: upwards where the photo becomes tall, to both sides where it becomes wide.
    """
    side = len(gray)
    beyond = (LONG - 1) * side
    if shape == "1:4":
        return np.pad(gray, ((beyond, 0), (0, 0)), mode="edge"), Square(0, beyond, side)
    left = beyond // 2
    return np.pad(gray, ((0, 0), (left, beyond - left)), mode="edge"), Square(left, 0, side)


def judge_shapes(colorizer: Colorizer, portrait: Bytes) -> Iterator[tuple[ShapeFigures, "LumaFigures"]]:
    """A portrait alone, in a tall photo and in a wide one."""
    gray = np.asarray(Image.fromarray(portrait).convert("L"))
    alone = colorizer.colorize(Image.fromarray(gray))
    expected = np.asarray(alone.rgb, np.uint8)
    for shape in ("1:4", "4:1"):
        photo, square = continued(gray, shape)
        result = colorizer.colorize(Image.fromarray(photo))
        within = square.of(np.asarray(result.rgb, np.uint8))
        is_found = on_face = None
        if alone.faces:
            place = Square(*(max(0, round(value)) for value in frame(alone.faces[0])))
            there = Square(square.left + place.left, square.top + place.top, place.side)
            is_found = any(offset_of(face, there) is not None for face in result.faces)
            on_face = float(chroma_error(place.of(within)[None], place.of(expected)[None])[0])
        ratio = float(colorfulness(within[None]) / colorfulness(expected[None]))
        figures = ShapeFigures(shape, is_found, float(chroma_error(within[None], expected[None])[0]), on_face, ratio)
        yield figures, luma_change(shape, result)


# --- luma ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LumaFigures:
    """How far luma has changed, in levels of 255.

    Attributes:
        photo: Which kind of photo it was.
        mean: Over its pixels.
        worst: Of its pixels.
    """

    photo: str
    mean: float
    worst: float


def luma_change(name: str, result: Result) -> LumaFigures:
    """The luma of a colored photo beside that of the gray one."""
    rgb, gray = np.asarray(result.rgb, np.uint8), np.asarray(result.photo.luma, np.uint8)
    change = np.abs(luma(to_signed(rgb).transpose(2, 0, 1)[None])[0, 0] - to_signed(gray)) * 127.5
    return LumaFigures(name, float(change.mean()), float(change.max()))


# --- tables --------------------------------------------------------------------------------------------------------

GROUP_COLUMNS = ("faces", "count", "found", "found and colored", "error", "alone", "ratio")
SHAPE_COLUMNS = ("shape", "portraits", "face found", "mean error", "worst", "on the face", "colorfulness, ratio")
LUMA_COLUMNS = ("photos", "count", "mean change", "worst change")


@dataclass(frozen=True)
class GroupSummary:
    """How some faces of groups fared together: shares, mean errors and their ratio; attributes as in `FaceFigures`."""

    faces: str
    count: int
    found: float
    found_and_colored: float
    error: float
    alone: float
    ratio: float

    @classmethod
    def of(cls, name: str, figures: Sequence[FaceFigures]) -> "GroupSummary":
        """Sum up faces."""
        error, alone = mean(one.error for one in figures), mean(one.alone for one in figures)
        found = mean(one.is_found for one in figures)
        both = mean(one.is_found and one.is_colored for one in figures)
        return cls(name, len(figures), found, both, error, alone, error / alone)

    def row(self) -> tuple[object, ...]:
        """A line of the table."""
        shares = (f"{self.found:.1%}", f"{self.found_and_colored:.1%}")
        return (self.faces, self.count, *shares, round(self.error, 2), round(self.alone, 2), round(self.ratio, 3))


def group_summaries(figures: Sequence[FaceFigures]) -> list[GroupSummary]:
    """All faces, then by width, then by whether they were found."""
    thirds = (NARROWEST, 36, 48, WIDEST + 1)
    parts = {
        "all": list(figures),
        **{
            f"{first} to {last - 1} px": [one for one in figures if first <= one.width < last]
            for first, last in pairwise(thirds)
        },
        "found": [one for one in figures if one.is_found],
        "not found": [one for one in figures if not one.is_found],
    }
    return [GroupSummary.of(name, part) for name, part in parts.items() if part]


def shape_rows(figures: Sequence[ShapeFigures]) -> list[tuple[object, ...]]:
    """The lines of tall and wide photos."""
    rows: list[tuple[object, ...]] = []
    for shape in ("1:4", "4:1"):
        those = [one for one in figures if one.shape == shape]
        errors = [one.error for one in those]
        faces = [one for one in those if one.is_found is not None]
        found = f"{mean(bool(one.is_found) for one in faces):.1%}" if faces else None
        on_face = mean(one.on_face or 0.0 for one in faces) if faces else math.nan
        ratio = mean(one.colorfulness_ratio for one in those)
        values = (mean(errors), max(errors), on_face, ratio)
        rows.append((shape, len(those), found, *(round(value, 2) for value in values)))
    return rows


def luma_rows(figures: Sequence[LumaFigures]) -> list[tuple[object, ...]]:
    """The lines of luma."""
    rows: list[tuple[object, ...]] = []
    for kind in dict.fromkeys(one.photo for one in figures):
        those = [one for one in figures if one.photo == kind]
        rows.append(
            (kind, len(those), round(mean(one.mean for one in those), 3), round(max(one.worst for one in those), 2))
        )
    return rows


def verdicts(all_faces: GroupSummary, shapes: Sequence[ShapeFigures], lumas: Sequence[LumaFigures]) -> list[str]:
    """Whether each target is met, a sentence each."""
    shape_error = max(mean(one.error for one in shapes if one.shape == shape) for shape in ("1:4", "4:1"))
    return [
        f"Faces found and colored: the target, at least {TARGET_FOUND:.0%}, is "
        f"{met(all_faces.found_and_colored >= TARGET_FOUND)}: {all_faces.found_and_colored:.1%}.",
        at_most("Error in a group by that alone", all_faces.ratio, TARGET_RATIO),
        at_most("Mean change of colors in a tall or wide photo", shape_error, TARGET_SHAPE_ERROR),
        at_most("Mean change of luma, of the worst photo", max(one.mean for one in lumas), TARGET_LUMA_MEAN),
        at_most("Worst change of luma", max(one.worst for one in lumas), TARGET_LUMA_WORST),
    ]


def at_most(what: str, value: float, target: float) -> str:
    """Whether a value is small enough, in one sentence."""
    return f"{what}: the target, at most {target:g}, is {met(value <= target)}: {value:.3g}."


def met(is_met: bool) -> str:
    """How a verdict puts it."""
    return "met" if is_met else "not met"


# --- all of it -----------------------------------------------------------------------------------------------------


def run(model: str, face_model: str, mosaics: int, portraits: int) -> dict[str, Any]:
    """Measure everything and print it; gives the figures.

    Raises:
        DataError: The pictures have not been added.
        CheckpointError: There is no such model.
    """
    colorizer, network = Colorizer(model, face_model=face_model), FaceNetwork(face_model)
    UTKFace().require_at_hand()
    faces: list[FaceFigures] = []
    lumas: list[LumaFigures] = []
    shapes: list[ShapeFigures] = []
    pictures = colored_pictures(UTKFaceWhole(size=200))
    for seed in range(mosaics):
        warn(f"group {seed + 1} of {mosaics}")
        group = mosaic(pictures, seed)
        result = colorizer.colorize(gray_jpeg(group.truth))
        faces += judge_group(group, result, network)
        lumas.append(luma_change("group", result))
    for portrait in CC0Portraits(size=PORTRAIT_SIDE).split("test").truth[:portraits]:
        for shape, change in judge_shapes(colorizer, portrait):
            shapes.append(shape)
            lumas.append(change)
    summaries = group_summaries(faces)
    print_table(GROUP_COLUMNS, [one.row() for one in summaries], title="Faces in groups")
    print_table(SHAPE_COLUMNS, shape_rows(shapes), title="A portrait in a long photo, held against itself alone")
    print_table(LUMA_COLUMNS, luma_rows(lumas), title="Luma, in levels of 255")
    for line in verdicts(summaries[0], shapes, lumas):
        say(line)
    return {
        "groups": [asdict(one) for one in summaries],
        "faces": [asdict(one) for one in faces],
        "shapes": [asdict(one) for one in shapes],
        "luma": [asdict(one) for one in lumas],
    }


def main(
    model: Annotated[
        str, typer.Option(help="For whole photos: a shipped model, or the path of an ONNX file.")
    ] = DEFAULT_MODEL,
    face_model: Annotated[str, typer.Option(help="For faces, likewise.")] = "face",
    mosaics: Annotated[int, typer.Option(min=1, help="Groups of 24 faces.")] = 8,
    portraits: Annotated[int, typer.Option(min=1, help="Portraits that are made tall and wide, at most.")] = 18,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the figures here.")] = None,
) -> None:
    """Measure the colors of groups, of tall and wide photos, and the luma of all."""
    figures = run(model, face_model, mosaics, portraits)
    if json_file is not None:
        write_whole(json_file, json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    with one_line_failures():
        app()

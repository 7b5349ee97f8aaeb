"""The figures of the report, as the content of image files."""

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from photochrom.lab.report._models import ShippedResults, pictures_of
from photochrom.lab.report._results import Findings, RunResults
from photochrom.lab.runs import STYLE, TRAINING_COLOR, VALIDATION_COLOR, draw_course, svg
from photochrom.lab.training import grid
from photochrom.tensors import RgbPictures

_STUDY = "#1d4ed8"
_SETS_OF_PICTURES = (VALIDATION_COLOR, _STUDY, "#0f766e", "#7e22ce", "#a16207", "#be185d")
_LARGEST_DOT = 160.0
_LEAST_SHARE = 0.001
"""Bins with a smaller share of the pixels are not drawn: there the observed share is mostly chance."""

_SMALLEST_HEADING = 13.0
_INK = "#1f2933"


def _draw_course(axes: Axes, run: RunResults, figure: str) -> None:
    """Training and validation over the epochs, a line for each seed, and the best epoch of the first seed."""
    draw_course(axes, run, f"train_{figure}", TRAINING_COLOR, "training")
    draw_course(axes, run, f"val_{figure}", VALIDATION_COLOR, "validation")
    axes.axvline(run.seeds[0].metrics.best_epoch, color="#8a8f98", linewidth=0.8, linestyle=":")
    axes.set_xlabel("epoch")


def curves(run: RunResults) -> bytes:
    """Loss and accuracy of all seeds of a run over the epochs, as SVG."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8, 2.6))
        loss_axes, accuracy_axes = figure.subplots(1, 2)
        _draw_course(loss_axes, run, "loss")
        loss_axes.set_yscale("log")
        loss_axes.set_ylabel(f"loss ({run.config.loss})")
        loss_axes.legend()
        _draw_course(accuracy_axes, run, "accuracy")
        accuracy_axes.set_ylabel("accuracy within 12")
        if run.run.published is not None:
            accuracy_axes.axhline(run.run.published.accuracy, color=_STUDY, linewidth=0.9, label="the study's figure")
            accuracy_axes.legend(loc="lower right")
        return svg(figure)


def overview(findings: Findings) -> bytes:
    """The accuracy of every run beside the study's, as SVG."""
    runs: Sequence[RunResults] = sorted(findings.runs, key=lambda run: run.accuracy.mean)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8, 0.27 * len(runs) + 0.9))
        axes = figure.subplots()
        for place, run in enumerate(runs):
            spread = run.accuracy.deviation or 0.0
            axes.errorbar(
                run.accuracy.mean, place, xerr=spread, fmt="o", color=VALIDATION_COLOR, markersize=5, capsize=2
            )
            if run.run.published is not None:
                axes.plot(run.run.published.accuracy, place, "D", color=_STUDY, markersize=4, fillstyle="none")
        axes.plot([], [], "o", color=VALIDATION_COLOR, label="here, with its spread over seeds")
        axes.plot([], [], "D", color=_STUDY, fillstyle="none", label="the study")
        axes.set_yticks(range(len(runs)), [run.run.label for run in runs])
        axes.set_ylim(-0.7, len(runs) - 0.3)
        axes.set_xlabel("validation accuracy within 12")
        axes.legend(loc="upper left")
        return svg(figure)


def reliability(results: ShippedResults) -> bytes:
    """The stated confidence of a model against the share of values that are right, as SVG; a line for each data set.

    Bins with less than a thousandth of the pixels are left out.

    Reference:
        Guo et al., "On calibration of modern neural networks", 2017.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 4.0))
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color="#8a8f98", linewidth=0.8, linestyle=":", label="as stated")
        for place, evaluation in enumerate(one for one in results.as_used if one.overall.reliability):
            color = _SETS_OF_PICTURES[place % len(_SETS_OF_PICTURES)]
            bins = [one for one in evaluation.overall.reliability or [] if one["share"] >= _LEAST_SHARE]
            stated, observed = [one["stated"] for one in bins], [one["observed"] for one in bins]
            axes.plot(stated, observed, color=color, linewidth=1.0, label=pictures_of(evaluation))
            axes.scatter(stated, observed, s=[_LARGEST_DOT * one["share"] for one in bins], color=color, alpha=0.6)
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="stated confidence", ylabel="share within 12 levels")
        axes.set_aspect("equal")
        axes.legend(loc="upper left")
        return svg(figure)


def picture_columns(columns: Mapping[str, RgbPictures]) -> Image.Image:
    """Columns of pictures of one size on white, each under its heading.

    Args:
        columns: Arrays of shape (count, height, width, 3), uint8, by heading.
    """
    rows = [np.stack(row) for row in zip(*columns.values(), strict=True)]
    pictures, width = grid(rows), rows[0].shape[2]
    font = _heading_font(columns, width)
    height = round(1.7 * font.size)
    canvas = Image.new("RGB", (pictures.width, height + pictures.height), "white")
    canvas.paste(pictures, (0, height))
    draw = ImageDraw.Draw(canvas)
    middles = np.linspace(width / 2, pictures.width - width / 2, len(columns))
    for middle, heading in zip(middles, columns, strict=True):
        draw.text((float(middle), height / 2), heading, fill=_INK, font=font, anchor="mm")
    return canvas


def _heading_font(headings: Iterable[str], width: int) -> ImageFont.FreeTypeFont:
    """A font in which every heading fits into the width of a column, in pixels."""
    font = _font(max(_SMALLEST_HEADING, width / 11))
    longest = max(font.getlength(heading) for heading in headings)
    return font if longest <= width else _font(font.size * width / longest)


def _font(size: float) -> ImageFont.FreeTypeFont:
    """The font of the other figures, which comes with matplotlib."""
    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)


def to_jpeg(picture: Image.Image) -> bytes:
    """A picture as JPEG, with full color resolution."""
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=90, subsampling=0)
    return buffer.getvalue()

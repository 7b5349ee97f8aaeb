"""The files of a report: a self-contained HTML page, Markdown with its figures, and the results as JSON."""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from photochrom import __version__
from photochrom.color import cast_with_wraparound
from photochrom.files import write_whole
from photochrom.lab.checkpoint import load_checkpoint
from photochrom.lab.datasets import Pairs
from photochrom.lab.evaluation import FEWEST_PICTURES
from photochrom.lab.report._effects import NEGLIGIBLE, effects_of
from photochrom.lab.report._examples import example_pairs
from photochrom.lab.report._figures import curves, overview, to_jpeg
from photochrom.lab.report._model_pictures import model_figures
from photochrom.lab.report._models import Showcase, gather_shipped
from photochrom.lab.report._photos import photo_rows
from photochrom.lab.report._results import Findings, RunResults, gather
from photochrom.lab.runs import SeedResult, pooled_spread
from photochrom.lab.training import TrainingConfig, comparison, grid, predict, predict_signed

_MIME = {".svg": "image/svg+xml", ".jpg": "image/jpeg"}
_FIGURES = ("epochs", "best_epoch", "val_accuracy", "val_mse", "val_colorfulness", "parameters", "seconds")
"""Fields of `RunMetrics` in `results.json`."""

_LINKED_FIGURE = re.compile(r"\]\(figures/([^/)]+)\)")
"""A figure in `report.md`, which shows all of them."""


def write_report(
    runs: Path, out: Path, examples: str = "validation", data: str = "", experiments: Sequence[str] = ()
) -> Path:
    """Write a report: `report.html`, `report.md`, `results.json` and `figures/`.

    Args:
        out: The folder of the report; an older report in it is replaced, and other files stay.
        examples: The pictures to show: `validation` or `public`.
        data: The data set of the runs to report; may be empty if all have the same.
        experiments: Names or YAML files of experiments to report beside the study's.

    Returns:
        The path of the HTML page.
    """
    findings = gather(runs, data, experiments)
    first = findings.runs[0].config if findings.runs else next(iter(findings.others.values())).config
    pairs = example_pairs(examples, first.data, first.size)
    shipped = gather_shipped()
    figures = {**dict(_figures(findings, pairs)), **dict(model_figures(shipped))}
    older = _figures_of_older_report(out)
    for name, content in figures.items():
        write_whole(out / "figures" / name, content)
    _remove(out / "figures", older - figures.keys())
    write_whole(out / "results.json", json.dumps(_result_rows(findings), indent=1) + "\n")
    facts = _facts(findings, shipped, first, examples) | {"figures": frozenset(figures)}
    write_whole(out / "report.md", _render("report.md.jinja", facts, embed=None))
    page = out / "report.html"
    write_whole(page, _render("report.html.jinja", facts, embed=figures))
    return page


def _facts(findings: Findings, shipped: Showcase, first: TrainingConfig, examples: str) -> dict[str, Any]:
    """The variables of the templates."""
    return {
        "study": findings,
        "effects": {results.name: effects_of(results, findings) for results in findings.experiments},
        "noise": _noise_rows(findings),
        "noisiest": _noisiest(findings),
        "best": findings.best(),
        "best_plain": findings.best(lambda run: run.config.model == "convnet"),
        "best_table": findings.best(lambda run: run.config.model == "lookup_table"),
        "negligible": NEGLIGIBLE,
        "spread": pooled_spread(findings.of_study),
        "one_seed_seconds": sum(run.seeds[0].metrics.seconds for run in findings.of_study),
        "machine": _machine(findings),
        "shipped": shipped,
        "comparisons": shipped.comparisons(first.data),
        "photos": photo_rows(),
        "fewest_pictures": FEWEST_PICTURES,
        "data": first.data,
        "examples": examples,
        "version": __version__,
    }


def _figures_of_older_report(out: Path) -> set[str]:
    """The names of the figures that a report in this folder shows; empty if there is none."""
    page = out / "report.md"
    if not page.is_file():
        return set()
    return set(_LINKED_FIGURE.findall(page.read_text(encoding="utf-8", errors="replace")))


def _remove(folder: Path, names: Iterable[str]) -> None:
    """Remove files, but no folders."""
    for file in (folder / name for name in names):
        if file.is_file():
            file.unlink()


def _render(template: str, facts: Mapping[str, Any], embed: Mapping[str, bytes] | None) -> str:
    """Fill a template; figures are embedded if given, or else linked."""

    def source(name: str) -> str:
        if embed is None:
            return f"figures/{name}"
        return f"data:{_MIME[Path(name).suffix]};base64,{base64.b64encode(embed[name]).decode()}"

    environment = Environment(
        loader=PackageLoader("photochrom.lab.report"),
        autoescape=select_autoescape(["html.jinja"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = _duration
    return environment.get_template(template).render(**facts, source=source)


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def _figure_name(run: RunResults, kind: str) -> str:
    return f"{run.experiment}-{run.run.name}-{kind}"


def _figures(findings: Findings, pairs: Pairs) -> Iterator[tuple[str, bytes]]:
    if findings.runs:
        yield "overview.svg", overview(findings)
    for run in findings.runs:
        if run.is_trained:
            yield _figure_name(run, "curves.svg"), curves(run)
        prediction = predict(load_checkpoint(run.seeds[0].folder.weights).model, pairs.gray)
        yield _figure_name(run, "examples.jpg"), to_jpeg(comparison(pairs, prediction))
    noisiest = _noisiest(findings)
    if noisiest is not None:
        yield "noise.jpg", _noise_figure(noisiest, pairs)


def _noisiest(findings: Findings) -> RunResults | None:
    """The run whose raw output leaves [-1, 1] most often; None if none does."""
    runs = [run for run in findings.runs if run.measured("val_share_out_of_range").mean > 0]
    return max(runs, key=lambda run: run.measured("val_share_out_of_range").mean, default=None)


def _noise_figure(run: RunResults, pairs: Pairs) -> bytes:
    """The same output as pictures, with the study's cast above, and clamped and rounded below."""
    model = load_checkpoint(run.seeds[0].folder.weights).model
    wrapped = cast_with_wraparound(predict_signed(model, torch.from_numpy(pairs.gray)))
    return to_jpeg(grid([wrapped.permute(0, 2, 3, 1).numpy(), predict(model, pairs.gray)]))


@dataclass(frozen=True)
class _NoiseRow:
    """What values out of range cost a run."""

    label: str
    share: str
    ours: str
    wrapped: str
    cost: float


def _noise_rows(findings: Findings) -> list[_NoiseRow]:
    return [
        _NoiseRow(
            label=run.run.label,
            share=f"{100 * run.measured('val_share_out_of_range').mean:.3f} %",
            ours=run.accuracy.show(4),
            wrapped=(wrapped := run.measured("val_accuracy_with_wraparound")).show(4),
            cost=run.accuracy.mean - wrapped.mean,
        )
        for run in findings.runs
    ]


def _machine(findings: Findings) -> str:
    """The devices and versions of the runs, in words."""
    results = [seed for run in findings.runs for seed in run.seeds] or list(findings.others.values())
    kinds = {(s.metrics.device, s.metrics.precision, s.metrics.threads, s.metrics.torch) for s in results}
    return "; ".join(
        f"{device}, {precision}, {threads} thread{'s' if threads != 1 else ''} a run, torch {version}"
        for device, precision, threads, version in sorted(kinds)
    )


def _result_rows(findings: Findings) -> list[dict[str, Any]]:
    """One row for each finished run, for other programs."""
    rows = [_result_row(run.experiment, run.run.name, seed) for run in findings.runs for seed in run.seeds]
    return rows + [_result_row("", name, result) for name, result in findings.others.items()]


def _result_row(experiment: str, run: str, result: SeedResult) -> dict[str, Any]:
    settings = result.config.model_dump(exclude={"seed"})
    row = {"experiment": experiment, "run": run, "seed": result.config.seed, "settings": settings}
    return row | {name: getattr(result.metrics, name) for name in _FIGURES}

"""`photochrom report`: tables, figures and conclusions from finished runs."""

from pathlib import Path
from typing import Annotated

import typer

from photochrom.commands._terminal import say


def report(
    runs: Annotated[Path, typer.Argument(help="The folder of all runs.")] = Path("runs"),
    out: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("report"),
    examples: Annotated[
        str,
        typer.Option(help="validation: each run's own pictures; public: pictures that may be published."),
    ] = "validation",
    data: Annotated[str, typer.Option(help="The data set of the runs to report, if the folder has others too.")] = "",
    experiment: Annotated[
        list[str] | None,
        typer.Option(help="An experiment beyond the study's to report too, by name or YAML file; repeatable."),
    ] = None,
) -> None:
    """Write the study's tables, figures and conclusions from finished runs: one HTML page, Markdown and JSON."""
    from photochrom.lab.report import write_report

    say(f"report: {write_report(runs, out, examples, data, experiment or ())}")

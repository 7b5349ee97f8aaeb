"""The `photochrom` command, which its commands are joined to."""

from typing import Annotated

import typer

from photochrom import __version__
from photochrom.commands import data, experiment, one_line_failures, runs, say
from photochrom.commands.average import average
from photochrom.commands.colorize import colorize
from photochrom.commands.evaluate import evaluate
from photochrom.commands.export import export
from photochrom.commands.models import models
from photochrom.commands.pack import pack
from photochrom.commands.predict import predict
from photochrom.commands.report import report
from photochrom.commands.score import score
from photochrom.commands.search import search
from photochrom.commands.serve import serve
from photochrom.commands.settings import settings
from photochrom.commands.train import train
from photochrom.commands.unite import unite

_PANELS = {
    "Photos": (colorize, serve),
    "Study": (train, search, predict, evaluate, score, report, settings),
    "Models": (models, export, pack, average, unite),
}

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},  # of all commands
)
for _panel, _commands in _PANELS.items():
    for _command in _commands:
        app.command(rich_help_panel=_panel)(_command)
app.add_typer(experiment.app, name="experiment", rich_help_panel="Study")
app.add_typer(runs.app, name="runs", rich_help_panel="Study")
app.add_typer(data.app, name="data", rich_help_panel="Study")


def _version(wanted: bool) -> None:
    if wanted:
        say(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Color for old photos of people, and an honest bench for those who study colorization."""


def main() -> None:
    """Run the command line."""
    with one_line_failures():
        app()


if __name__ == "__main__":
    main()

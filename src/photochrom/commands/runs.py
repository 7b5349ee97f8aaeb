"""`photochrom runs`: what was trained, and whether one run is better than another."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photochrom.commands._options import RunsFolder
from photochrom.commands._terminal import print_table, say, warn

if TYPE_CHECKING:
    from photochrom.lab.runs import Difference, SeedGroup

app = typer.Typer(no_args_is_help=True, help="List, show and compare finished runs.")


def _svg(file: Path | None) -> Path | None:
    """Refuse the name of another file before anything is done."""
    from photochrom.errors import ConfigError

    if file is not None and file.suffix.lower() != ".svg":
        raise ConfigError(f"{file}: curves are drawn as SVG; name a file *.svg")
    return file


Curves = Annotated[
    Path | None, typer.Option(callback=_svg, help="An SVG file, *.svg, to draw the course of training into.")
]
_KEY = "A run's path in the folder of all runs; without its seed, all seeds."

_FIGURES = {
    "val_accuracy": "accuracy within 12",
    "val_mse": "MSE",
    "val_colorfulness": "colorfulness",
    "best_epoch": "best epoch",
    "seconds": "seconds",
    "parameters": "parameters",
}
_TESTED = ("val_accuracy", "val_mse", "val_colorfulness")


@app.command("list")
def list_runs(runs: RunsFolder = Path("runs")) -> None:
    """List all runs with the means of their seeds, the most accurate first; seeds on other pictures stand apart."""
    from photochrom.lab.runs import find_groups

    groups, unfinished, broken = find_groups(runs)
    rows = [
        (group.key, len(group.seeds), group.config.data, group.accuracy.show(4), group.measured("val_mse").show(5))
        for group in sorted(groups, key=lambda group: group.accuracy.mean, reverse=True)
    ]
    print_table(["run", "seeds", "data", "accuracy within 12", "MSE"], rows)
    if unfinished:
        say(f"not finished: {', '.join(unfinished)}")
    for line in broken:
        warn(line)


@app.command()
def show(
    run: Annotated[str, typer.Argument(help=_KEY)], runs: RunsFolder = Path("runs"), curves: Curves = None
) -> None:
    """Show the settings and figures of a run."""
    from photochrom.lab.runs import find_group

    group = find_group(runs, run)
    print_table(["setting", "value"], list(group.config.model_dump(exclude={"seed"}).items()), group.key)
    rows = [
        (seed.config.seed, *(getattr(seed.metrics, figure) for figure in _FIGURES), seed.metrics.stopped_by)
        for seed in group.seeds
    ]
    print_table(["seed", *_FIGURES.values(), "stopped by"], rows)
    _draw([group], curves)


@app.command()
def compare(
    first: Annotated[str, typer.Argument(metavar="A", help=_KEY)],
    second: Annotated[str, typer.Argument(metavar="B", help=_KEY)],
    runs: RunsFolder = Path("runs"),
    curves: Curves = None,
) -> None:
    """Compare two runs: what differs in their settings, and whether their figures differ by more than noise."""
    from photochrom.errors import ConfigError
    from photochrom.lab.runs import difference_between, find_group

    a, b = find_group(runs, first), find_group(runs, second)
    if (a.config.data, a.config.size) != (b.config.data, b.config.size):
        raise ConfigError(f"{a.key} was scored on {_scored_on(a)} and {b.key} on {_scored_on(b)}: not comparable")
    if a.seeds[0].pictures != b.seeds[0].pictures:
        raise ConfigError(f"{a.key} and {b.key} were scored on different pictures of {a.config.data}: not comparable")
    here, there = a.config.model_dump(exclude={"seed"}), b.config.model_dump(exclude={"seed"})
    differing = [(name, here[name], there[name]) for name in here if here[name] != there[name]]
    print_table(["setting", a.key, b.key], differing, "Settings that differ" if differing else "No setting differs")
    rows = [(name, a.measured(key).show(5), b.measured(key).show(5)) for key, name in _FIGURES.items()]
    print_table(["figure", f"{a.key}, {len(a.seeds)} seeds", f"{b.key}, {len(b.seeds)} seeds"], rows)
    for key in _TESTED:
        say(_sentence(_FIGURES[key], difference_between(a, b, key)))
    _draw([a, b], curves)


def _scored_on(group: "SeedGroup") -> str:
    size = group.config.size
    return f"{group.config.data}{f' at size {size}' if size else ''}"


def _sentence(figure: str, found: "Difference") -> str:
    """A difference in words: its interval, whether it is beyond noise, and how many seeds would tell."""
    if found.margin is None:
        return f"{figure}: {found.mean:+.5f}; only seeds that differ tell noise: train more with --seeds"
    how = f"over {found.pairs} seeds in pairs" if found.pairs else "of the means"
    line = f"{figure}: {found.mean:+.5f} ± {found.margin:.5f} {how} (95 %)"
    if found.is_beyond_noise:
        return f"{line}: beyond the noise"
    if found.seeds_to_tell is None:
        return f"{line}: within the noise"
    return f"{line}: within the noise; a difference of this size would show with {found.seeds_to_tell} seeds"


def _draw(groups: "list[SeedGroup]", file: Path | None) -> None:
    if file is None:
        return
    from photochrom.files import write_whole
    from photochrom.lab.runs import compared_curves

    write_whole(file, compared_curves(groups))
    say(f"curves: {file}")

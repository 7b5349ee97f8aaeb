"""`photochrom data`: get, add and check pictures."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from photochrom.commands._options import Data
from photochrom.commands._terminal import err, print_table, say, warn
from photochrom.errors import DataError

app = typer.Typer(no_args_is_help=True, help="Get, add and check pictures.")


@app.command("list")
def list_sets() -> None:
    """List the data sets: what they are, their rights, and whether they are on this machine."""
    from photochrom.lab.datasets import available, describe

    print_table(["set", "what it is", "rights", "here"], [describe(name) for name in available()])


@app.command()
def download(
    optional: Annotated[bool, typer.Option("--optional", help="Do without them if they cannot be had.")] = False,
) -> None:
    """Download the study's pictures from its public repository, and check them."""
    from photochrom.lab.datasets import open_dataset

    try:
        with _download_progress("the study's pictures") as progress:
            open_dataset("study").prepare(progress)
    except (DataError, OSError) as error:
        if not optional:
            raise
        warn(f"{error}; going on with synthetic faces")
    else:
        say("the study's pictures are at hand")


@app.command()
def add(
    source: Annotated[Path, typer.Argument(help="An archive or folder that holds a set of 'photochrom data list'.")],
    name: Annotated[str | None, typer.Option(help="Which set it is; found out by its contents if not given.")] = None,
) -> None:
    """Add pictures from an archive or a folder, and check them."""
    from photochrom.lab.datasets import add as add_set

    added = add_set(source, name)
    say(f"added {added.name}: {added.pictures} pictures in {added.folder}")
    if added.remark:
        warn(f"{added.name}: {added.remark}")


@app.command()
def check(data: Data = "auto") -> None:
    """Count pictures and sizes, and find gray ones, broken ones and duplicates between splits."""
    from photochrom.lab.datasets import check as check_set
    from photochrom.lab.datasets import open_dataset

    dataset = open_dataset(data)
    found = check_set(dataset)
    print_table(["split", "pictures", "size", "gray", "left out"], found.rows(), title=f"Data set: {dataset.name}")
    for line in found.remarks():
        warn(line)


@app.command()
def pack(
    data: Annotated[str, typer.Argument(metavar="SET", help="A name of 'photochrom data list', or a folder.")],
    size: Annotated[int | None, typer.Option(help="Side of the pictures; the set's usual one if not given.")] = None,
    out: Annotated[Path | None, typer.Option(help="The new folder; SET-packed if not given.")] = None,
) -> None:
    """Write a set as one file to be mapped into memory, for sets that are larger than memory."""
    from photochrom.lab.datasets import SPLITS, open_dataset
    from photochrom.lab.datasets import pack as pack_set

    dataset = open_dataset(data, size)
    target = out or Path(f"{Path(data).resolve().name}-packed")
    with err.status("packing") as status:
        packed = pack_set(dataset, target, lambda done, _: status.update(f"packing: {done} pictures"))
    counts = packed.counts()
    say(f"packed {', '.join(f'{counts[split]} {split}' for split in SPLITS if split in counts)}: {target}")
    say(f"next: photochrom train data={target}; --data {target} for other commands")


@contextmanager
def _download_progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for a download.

    Yields:
        A callback that takes the bytes received and the bytes to come, 0 if that is not known.
    """
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err) as progress:
        task = progress.add_task(label, total=None)

        def update(received: int, total: int) -> None:
            progress.update(task, completed=received, total=total or None)

        yield update

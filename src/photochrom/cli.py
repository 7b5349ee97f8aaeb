"""The commands."""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
experiment_app = typer.Typer(no_args_is_help=True)
app.add_typer(experiment_app, name="experiment")


@app.command()
def train(
    config: Annotated[Path | None, typer.Option()] = None,
    run: Annotated[Path, typer.Option()] = Path("runs/custom"),
    device: str = "auto",
    quiet: bool = False,
) -> None:
    """Train."""
    import json

    from photochrom.training import RunFolder, TrainingConfig, fit

    fit(TrainingConfig.checked(json.loads(config.read_text())), RunFolder(run), device=device)


@experiment_app.command("run")
def experiment_run(names: list[str], seeds: int = 1, jobs: int = 2, runs: Path = Path("runs"), data: str = "study", device: str = "auto") -> None:
    """Run."""
    from photochrom.experiments import available, plan, run_jobs

    todo = plan(available() if names == ["all"] else names, seeds, runs, data=data)
    for outcome in run_jobs(todo, jobs, device):
        print(outcome.job.name, outcome.error)


def main() -> None:
    """Entry."""
    app()


if __name__ == "__main__":
    main()

"""Options that say where trainings run, and what they make."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from photochrom.errors import ConfigError

if TYPE_CHECKING:
    from photochrom.lab.executors import Executor

Jobs = Annotated[
    int | None, typer.Option(min=1, help="Trainings side by side; if not given, as many as there is room for.")
]
Engine = Annotated[str, typer.Option(help="local: processes on this machine; ray: tasks on a Ray cluster.")]
Address = Annotated[
    str, typer.Option(help="ray: HOST:PORT of the cluster, or auto for the one of this machine; else one is started.")
]
Cpus = Annotated[int, typer.Option(min=1, help="ray: cores of each training.")]
Gpus = Annotated[float, typer.Option(min=0, help="ray: GPUs of each training; 0.5 lets two share one.")]


def executor_of(
    engine: str, jobs: int | None, device: str, address: str, cpus: int, gpus: float, mlflow: str = ""
) -> "Executor":
    """What trains, as the options ask for.

    Raises:
        ConfigError: There is no such engine.
    """
    from photochrom.lab.executors import LocalExecutor, RayExecutor

    if engine == "local":
        return LocalExecutor(jobs or os.cpu_count() or 1, device, mlflow)
    if engine == "ray":
        return RayExecutor(jobs or 0, device, address, cpus, gpus, mlflow)
    raise ConfigError(f"no engine is called {engine!r}; there are: local, ray")

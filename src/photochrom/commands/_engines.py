"""Options that say where trainings and albums run, and what they make."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photochrom.commands._terminal import warn
from photochrom.errors import ConfigError
from photochrom.process import cores

if TYPE_CHECKING:
    from photochrom.album import Mirror, Plan
    from photochrom.lab.evaluation import PhotoEvaluator
    from photochrom.lab.executors import Executor
    from photochrom.workers import Pool

Jobs = Annotated[
    int | None, typer.Option(min=1, help="Trainings side by side; if not given, as many as there is room for.")
]
Engine = Annotated[str, typer.Option(help="local: processes on this machine; ray: processes on a Ray cluster.")]
Address = Annotated[
    str, typer.Option(help="ray: HOST:PORT of the cluster, or auto for the one of this machine; else one is started.")
]
Cpus = Annotated[int, typer.Option(min=1, help="ray: cores of each training.")]
Gpus = Annotated[float, typer.Option(min=0, help="ray: GPUs of each task; 0.5 lets two share one.")]


def executor_of(
    engine: str, jobs: int | None, device: str, address: str, cpus: int, gpus: float, mlflow: str = ""
) -> "Executor":
    """What trains, as the options ask for.

    Raises:
        ConfigError: There is no such engine, or it has not these options.
    """
    from photochrom.lab.executors import LocalExecutor, RayExecutor

    _require_engine(engine, address, gpus, cpus)
    if engine == "local":
        return LocalExecutor(jobs or cores(), device, mlflow)
    return RayExecutor(jobs or 0, device, address, cpus, gpus, mlflow)


@contextmanager
def album_pool(
    engine: str,
    plan: "Plan",
    jobs: int | None,
    threads: int | None,
    provider: str,
    address: str,
    gpus: float,
    mirror: "Mirror | None" = None,
) -> Iterator[tuple["Pool", int]]:
    """The workers that color an album, as the options ask for, and their number.

    Args:
        mirror: Hands workers the content of photos, so that they need not see the files.

    Raises:
        ConfigError: There is no such engine, it has not these options, or there is no cluster at the address.
    """
    from photochrom.album import CarryingPool
    from photochrom.cluster import connected, room
    from photochrom.workers import Hire, Pool, Worker, default_workers, hire_on_cluster

    _require_engine(engine, address, gpus)
    with ExitStack() as stack:
        if engine == "local":
            count = jobs or default_workers(len(plan.jobs))
            threads = threads or max(1, cores() // count)
            hire: Hire = Worker
        else:
            stack.enter_context(connected(address))
            threads = threads or 1
            count = max(1, min(jobs or room(threads, gpus), len(plan.jobs)))
            hire = hire_on_cluster(gpus, [] if mirror else [path.absolute() for path in _to_share(plan)])
        make = Pool if mirror is None else partial(CarryingPool, mirror.content)
        pool = make(plan.options.model, workers=count, threads=threads, provider=provider, on_remark=warn, hire=hire)
        stack.callback(pool.close)
        yield pool, count


@contextmanager
def photo_evaluator(
    engine: str, address: str, model: str, face_model: str | None, jobs: int | None
) -> Iterator["PhotoEvaluator"]:
    """What colors and measures whole photos, as the options ask for.

    Raises:
        ConfigError: There is no such engine, it has not this option, or there is no cluster at the address.
    """
    from photochrom.cluster import connected
    from photochrom.lab.evaluation import PhotoEvaluator, Product

    _require_engine(engine, address)
    with ExitStack() as stack:
        if engine == "ray":
            stack.enter_context(connected(address))
        yield stack.enter_context(PhotoEvaluator(Product(model, face_model), jobs, on_cluster=engine == "ray"))


def _to_share(plan: "Plan") -> list[Path]:
    """A photo and a folder of results, which all nodes must see."""
    return [path for job in plan.jobs[:1] for path in (job.source, job.base)]


def _require_engine(name: str, address: str, gpus: float = 0, cpus: int = 1) -> None:
    """Check the name of an engine, and that options of Ray's are not given without it."""
    if name not in ("local", "ray"):
        raise ConfigError(f"no engine is called {name!r}; there are: local, ray")
    of_ray = {"--address": address != "", "--cpus": cpus != 1, "--gpus": gpus != 0}
    given = [option for option, is_given in of_ray.items() if is_given]
    if given and name != "ray":
        raise ConfigError(f"{', '.join(given)}: for a Ray cluster only; add --engine ray, or leave it out")

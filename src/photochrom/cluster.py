"""Connecting to a Ray cluster, for albums and for trainings."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from photochrom.errors import ConfigError, reason_of

_CONNECT_SECONDS = 5.0


def import_ray() -> Any:
    """Ray, with its usage reports switched off before it is imported.

    Raises:
        ModuleNotFoundError: It is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    return ray


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Connect to a cluster until the block ends; a connection that is there already is used and kept.

    Args:
        address: Such as `10.0.0.1:6379`, or `auto` for the cluster that this machine is part of; empty to start one on
            this machine.

    Raises:
        ConfigError: There is no cluster at the address.
    """
    ray = import_ray()
    if ray.is_initialized():
        yield
        return
    options = {"address": address} if address else {"address": "local", "include_dashboard": False}
    _require_reachable(address)
    try:
        ray.init(**options, logging_level=logging.ERROR, log_to_driver=False)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise ConfigError(f"no Ray cluster at {address or 'this machine'}: {reason_of(error)}") from error
    try:
        yield
    finally:
        ray.shutdown()


def room(cpus: int, gpus: float = 0) -> int:
    """How many tasks with so many cores and GPUs the cluster has room for, which changes with its nodes; at least 1."""
    there = import_ray().cluster_resources()
    fitting = int(there.get("CPU", 0) / cpus)
    if gpus:
        fitting = min(fitting, int(there.get("GPU", 0) / gpus))
    return max(1, fitting)


def _require_reachable(address: str) -> None:
    """Check that somebody listens at HOST:PORT; Ray itself would try for minutes.

    Raises:
        ConfigError: Nobody does.
    """
    host, colon, port = address.rpartition(":")
    if not colon or "/" in host:  # auto, or ray://HOST:PORT
        return
    try:
        with socket.socket() as probe:
            probe.settimeout(_CONNECT_SECONDS)
            probe.connect((host, int(port)))
    except (OSError, ValueError, OverflowError) as error:
        raise ConfigError(f"no Ray cluster at {address}: {reason_of(error)}") from error

"""How many workers suit this machine."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from photochrom.process import cores

_WORKER_BYTES = 10**9
"""Peak memory of a worker for a photo of 24 megapixels in 16 bits, with room to spare: 0.3 GB, and 8 to 25 MB each."""

_MOST_UNBOUNDED = 2
"""Number of workers where it is not known how much memory there is."""


def default_workers(photos: int | None = None) -> int:
    """The number of workers that suits this machine: one a core, as far as there is memory for them."""
    memory = _available_memory()
    fitting = _MOST_UNBOUNDED if memory is None else memory // _WORKER_BYTES
    most = cores() if photos is None else min(cores(), photos)
    return max(1, min(most, fitting))


def _available_memory() -> int | None:
    """Bytes that can be used without taking them from other programs; None if that is not told."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
        return min(kilobytes * 1024, *_group_limits())
    except (OSError, StopIteration, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, ValueError, OSError):
        return None


def _group_limits() -> Iterator[int]:
    """What a container is allowed to take, as Linux tells it."""
    yield sys.maxsize
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.is_file() and used.is_file() and (text := limit.read_text(encoding="utf-8").strip()) != "max":
        yield max(0, int(text) - int(used.read_text(encoding="utf-8")))

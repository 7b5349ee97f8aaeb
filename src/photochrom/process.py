"""Processes: photochrom as another one, what that said, cores and threads, memory, signals, the end of the parent."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

OWN_COMMAND = (sys.executable, "-P", "-m", "photochrom")
"""Starts photochrom as another process. -P: modules must not be imported from the current folder."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_LARGE = 2**24
_NEVER_TRIM = 2**31 - 1
_LARGEST_MMAP_THRESHOLD = 2**25
_PR_SET_PDEATHSIG = 1


def cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_limits(count: int) -> dict[str, str]:
    """Environment variables with which a process that is started computes with so many threads.

    libvips and numpy's linear algebra take their numbers of threads from the environment when they are loaded.
    Processes side by side that each use all cores wait for one another most of the time.
    """
    return {"VIPS_CONCURRENCY": str(count), "OPENBLAS_NUM_THREADS": str(count)}


def keep_freed_pages() -> None:
    """Tell glibc not to give freed memory back to the system; does nothing where there is no glibc.

    Activations are megabytes large and live for milliseconds. By default each is given back when it is freed, and
    fresh pages are asked for the next: a fifth of the time of networks as small as the study's.

    Reference:
        mallopt(3), and the limits in glibc's malloc.c.
    """
    mallopt = _from_libc("mallopt")
    if mallopt is not None:
        mallopt(_M_TRIM_THRESHOLD, _NEVER_TRIM)
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)


def return_freed_pages() -> None:
    """Tell glibc to give large freed blocks back to the system at once; does nothing where there is no glibc.

    Otherwise a long-lived process that sees photos of all sizes grows by fragmentation: a server by 64 MB from its
    500th to its 5000th upload; with this, by 12 MB from its 1000th to its 2500th. Returning blocks from 1 MB on would
    bound memory more tightly, but cost a seventh of the throughput.

    Reference:
        mallopt(3).
    """
    mallopt = _from_libc("mallopt")
    if mallopt is not None:
        mallopt(_M_TRIM_THRESHOLD, _LARGE)
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_ARENA_MAX, 2)


def last_line(log: bytes) -> str:
    r"""The last line that photochrom wrote as another process, without the name of the command; empty if there is none.

    Example:
        >>> last_line(b"left out: 1.png\nphotochrom: no such folder\n")
        'no such folder'
    """
    lines = log.decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("photochrom: ") if lines else ""


def end_with_parent(*, at_once: bool = False) -> None:
    """End this process when its parent dies, even by SIGKILL; only on Linux.

    The parent is the thread that started this process: when that thread ends, so does the process.

    Args:
        at_once: Whether to end by SIGKILL rather than by SIGTERM, which can be handled.

    Reference:
        PR_SET_PDEATHSIG in prctl(2).
    """
    prctl = _from_libc("prctl")
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL if at_once else signal.SIGTERM))


@contextmanager
def signals_handled(names: Sequence[str], handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Handle signals until the block ends, save those that are ignored: nohup ignores SIGHUP, which must stay so.

    Args:
        names: Such as `SIGHUP`; those that the system does not have are passed over.
    """
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    handled = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = [(number, signal.signal(number, handler)) for number in handled]
    try:
        yield
    finally:
        for number, earlier in before:
            signal.signal(number, earlier)


def raise_exit(number: int, _: object) -> NoReturn:
    """A handler of signals that ends this process by an exception, so that what it started is ended on the way.

    Args:
        number: Of the signal.

    Raises:
        SystemExit: Always; its status is that of a process which the signal ended, as shells tell it.
    """
    sys.exit(128 + number)


def _from_libc(name: str) -> "ctypes._NamedFuncPointer | None":
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), name, None)

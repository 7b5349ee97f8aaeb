"""The one pool of worker processes: each colors one photo at a time, and none can harm another or the caller."""

from photochrom.workers._machine import default_workers
from photochrom.workers._pool import Deferred, Pending, Pool
from photochrom.workers._remote import hire_on_cluster
from photochrom.workers._task import FaultError, announce_size, place_of
from photochrom.workers._worker import Hire, Worker

__all__ = [
    "Deferred",
    "FaultError",
    "Hire",
    "Pending",
    "Pool",
    "Worker",
    "announce_size",
    "default_workers",
    "hire_on_cluster",
    "place_of",
]

"""The one pool of worker processes: each colors one photo at a time, and none can harm another or the caller."""

from photochrom.workers._machine import cores, default_workers
from photochrom.workers._pool import Deferred, Pending, Pool
from photochrom.workers._task import FaultError, announce_size

__all__ = ["Deferred", "FaultError", "Pending", "Pool", "announce_size", "cores", "default_workers"]

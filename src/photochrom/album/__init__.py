"""Many photos at once: which are meant, where their results go, what is done already, and how each ended."""

from photochrom.album._finding import Found
from photochrom.album._job import Job, Outcome, Status
from photochrom.album._manifest import MANIFEST_NAME, Manifest, Record
from photochrom.album._mirror import CarryingPool, Mirror, is_address
from photochrom.album._plan import Plan, place, plan
from photochrom.album._run import run
from photochrom.album._task import ON_ITS_SIDE, color_photo, facts_of

__all__ = [
    "MANIFEST_NAME",
    "ON_ITS_SIDE",
    "CarryingPool",
    "Found",
    "Job",
    "Manifest",
    "Mirror",
    "Outcome",
    "Plan",
    "Record",
    "Status",
    "color_photo",
    "facts_of",
    "is_address",
    "place",
    "plan",
    "run",
]

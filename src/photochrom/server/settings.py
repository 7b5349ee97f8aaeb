"""The settings and limits of a server."""

import ipaddress
import math
import re
from dataclasses import dataclass, field
from pathlib import Path

from platformdirs import user_data_path

from photochrom.errors import ConfigError
from photochrom.process import cores
from photochrom.shipped import DEFAULT_MODEL

API_KEY_VARIABLE = "PHOTOCHROM_API_KEY"

_KEY = re.compile(r"[!-~]([ -~]*[!-~])?")
"""Headers carry other letters differently from caller to caller, and no spaces at the ends."""

_MEGABYTE = 1_000_000
_POSITIVE = (
    *("workers", "queue", "seconds_a_photo", "max_upload_mb", "max_megapixels", "max_batch_photos"),
    *("max_jobs", "keep_hours", "max_photos", "max_photos_mb", "keep_minutes", "requests_a_minute"),
)


@dataclass(frozen=True)
class Settings:
    """The settings of a server.

    Attributes:
        face_model: For faces; None leaves them to the model for whole photos.
        provider: What the networks run on, one of `photochrom.coloring.PROVIDERS`.
        workers: Processes that color, one core each.
        seconds_a_photo: Photos that take longer are given up.
        max_upload_mb: Larger photos are refused, in millions of bytes.
        max_megapixels: Larger pictures are refused before they are decoded.
        max_batch_photos: Maximum number of photos in a batch, which may have `BATCH_FACTOR` times the bytes of a photo.
        max_jobs: Maximum number of unfinished batches; more are refused for the moment.
        keep_hours: Hours a finished batch is kept.
        max_photos: Maximum number of photos kept for visitors; those used longest ago are deleted first.
        max_photos_mb: Maximum size of all kept photos with their sketches, in millions of bytes.
        keep_minutes: Minutes an unused photo is kept.
        data_dir: The folder of photos and batches, for this server alone; the user's data folder if not given.
        api_key: The key that callers must send; None asks for none.
        trusted_hosts: Further host names, beside `host` and this machine's own, that requests may use.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    model: str = DEFAULT_MODEL
    face_model: str | None = "face"
    provider: str = "auto"
    workers: int = field(default_factory=cores)
    queue: int = 32
    seconds_a_photo: float = 60.0
    max_upload_mb: float = 50.0
    max_megapixels: float = 50.0
    max_batch_photos: int = 1000
    max_jobs: int = 20
    keep_hours: float = 24.0
    max_photos: int = 500
    max_photos_mb: float = 4000.0
    keep_minutes: float = 60.0
    data_dir: Path | None = None
    api_key: str | None = field(default=None, repr=False)
    insecure: bool = False
    requests_a_minute: int = 1200
    trusted_hosts: tuple[str, ...] = ()

    BATCH_FACTOR = 20

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(f"{name} must be a positive number, not {getattr(self, name):g}")
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"a port lies between 0 and 65535, not {self.port}")
        if self.api_key == "":
            raise ConfigError("the API key is empty; give one, or none at all")
        if self.api_key is not None and not _KEY.fullmatch(self.api_key):
            raise ConfigError(
                "the API key cannot be sent: use letters a to z, digits and signs, and no space at the ends"
            )
        if not (self.is_local or self.api_key or self.insecure):
            raise ConfigError(
                f"at {self.host} others could use this server: set {API_KEY_VARIABLE} or --api-key, "
                "or say --insecure if that is meant"
            )

    @property
    def is_local(self) -> bool:
        """Whether only this machine's own users reach the server."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def is_everywhere(self) -> bool:
        """Whether the server listens at all of the machine's addresses."""
        return self.host in ("0.0.0.0", "::", "")  # noqa: S104 - asked, not bound

    @property
    def max_upload_bytes(self) -> int:
        """Of one photo."""
        return int(self.max_upload_mb * _MEGABYTE)

    @property
    def max_batch_bytes(self) -> int:
        """Of all photos of a batch, packed or not."""
        return self.BATCH_FACTOR * self.max_upload_bytes

    @property
    def max_photo_bytes(self) -> int:
        """Of all photos that are kept for visitors."""
        return int(self.max_photos_mb * _MEGABYTE)

    @property
    def job_folder(self) -> Path:
        """The folder of batches."""
        return self._data_folder / "jobs"

    @property
    def photo_folder(self) -> Path:
        """The folder of photos kept for visitors."""
        return self._data_folder / "kept-photos"

    @property
    def _data_folder(self) -> Path:
        return self.data_dir or user_data_path("photochrom", appauthor=False)

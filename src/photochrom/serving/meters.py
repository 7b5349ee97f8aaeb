"""What the server counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from photochrom.serving.tasks import Colored
from photochrom.serving.workbench import Workbench

__all__ = ["Meters"]


class Meters:
    """Counts of one server; names and contents of photos are never among them.

    Attributes:
        requests: By method, route and status.
        seconds: What requests took, by route.
    """

    def __init__(self, workbench: Workbench) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "photochrom_requests", "Requests.", ("method", "route", "status"), registry=self._registry
        )
        self.seconds = Histogram(
            "photochrom_request_seconds", "Seconds that requests took.", ("route",), registry=self._registry
        )
        self._pictures = Counter("photochrom_pictures", "Photos.", ("source", "outcome"), registry=self._registry)
        self._faces = Counter("photochrom_faces", "Faces found.", registry=self._registry)
        waiting = Gauge("photochrom_queue", "Photos that wait.", registry=self._registry)
        waiting.set_function(lambda: workbench.waiting)
        at_work = Gauge("photochrom_at_work", "Photos that are being colored.", registry=self._registry)
        at_work.set_function(lambda: workbench.at_work)

    def count(self, source: str, colored: Colored | None) -> None:
        """Count a photo.

        Args:
            source: Who had it colored: `api`, `batch` or `page`.
            colored: What became of it; None if that failed.
        """
        self._pictures.labels(source, "failed" if colored is None else "colored").inc()
        if colored is not None:
            self._faces.inc(len(colored.faces))

    def text(self) -> bytes:
        """All counts, in Prometheus's format."""
        return generate_latest(self._registry)

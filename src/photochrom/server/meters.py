"""Counters for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from photochrom.workers import Pool


class Meters:
    """Counts of one server; names and contents of photos are never among them.

    Attributes:
        requests: By method, route and status.
        seconds: Duration of requests, by route.
    """

    def __init__(self, pool: Pool) -> None:
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
        waiting.set_function(lambda: pool.waiting)
        at_work = Gauge("photochrom_at_work", "Photos that are being colored.", registry=self._registry)
        at_work.set_function(lambda: pool.at_work)

    def count(self, source: str, faces: int | None) -> None:
        """Count a photo.

        Args:
            source: `api`, `batch` or `photos`.
            faces: The number found; None if the photo could not be colored.
        """
        self._pictures.labels(source, "failed" if faces is None else "colored").inc()
        if faces is not None:
            self._faces.inc(faces)

    def text(self) -> bytes:
        """All counters, in the format of Prometheus."""
        return generate_latest(self._registry)

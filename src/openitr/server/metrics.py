"""What is counted for Prometheus, in a registry of each app's own."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_ROWS = (1, 2, 4, 8, 16, 32)


class Metrics:
    """Requests by route and status, how long they took, rows per model call, and what waits."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "openitr_requests_total", "Answered requests.", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "openitr_request_seconds", "Time to answer.", ["route"], buckets=_SECONDS, registry=self.registry
        )
        self.rows = Histogram(
            "openitr_model_rows", "Rows of one model call.", ["kind"], buckets=_ROWS, registry=self.registry
        )
        self.dealt = Counter("openitr_dealt", "Questions dealt out to workers.", registry=self.registry)
        self.restarts = Counter("openitr_worker_restarts", "Workers started again.", registry=self.registry)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request; ``route`` is a pattern, not an address, so that there are few."""
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def called(self, kind: str, rows: int) -> None:
        """Count one model call."""
        self.rows.labels(kind).observe(rows)

    def watch(self, name: str, help: str, ask: Callable[[], float], **labels: str) -> None:
        """A number that is asked for when somebody collects."""
        gauge = self.__dict__.get(name)
        if gauge is None:
            gauge = self.__dict__[name] = Gauge(name, help, list(labels), registry=self.registry)
        (gauge.labels(**labels) if labels else gauge).set_function(ask)

    def exposition(self) -> tuple[bytes, str]:
        """The text that Prometheus reads, and its type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

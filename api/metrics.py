"""Prometheus metrics: requests by operation, how far each log has come, and notices that were given up.

Of several processes each writes what it counts into files of its own below one folder, so that whichever is
asked adds up all of them, those that ended since the service was started included.

Labels are operation names, status codes and origins, never paths or anything else of a request.
"""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from api.server import METRICS_VARIABLE
from ledger.errors import Unavailable

if TYPE_CHECKING:
    from ledger.deployment import Deployment

_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_STAGES = ("accepted", "integrated", "published", "anchored", "final", "lag")


class Metrics:
    """The metrics of one application, in a registry of its own."""

    def __init__(self, deployment: "Deployment") -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "xinzheng_requests", "Requests answered", ("operation", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "xinzheng_request_seconds",
            "Time to answer",
            ("operation",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._children: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._shown = self._registry
        folder = os.environ.get(METRICS_VARIABLE)
        if folder is not None:
            self._shown = CollectorRegistry()
            MultiProcessCollector(self._shown, folder)  # type: ignore[no-untyped-call]
        self._shown.register(_LogCollector(deployment))

    def observe(self, operation: str, status: int, seconds: float) -> None:
        """Count one answer."""
        children = self._children.get((operation, status))
        if children is None:
            children = (self._requests.labels(operation, status), self._seconds.labels(operation))
            self._children[(operation, status)] = children
        children[0].inc()
        children[1].observe(seconds)

    def render(self) -> bytes:
        """All metrics in the text format."""
        return generate_latest(self._shown)


class _LogCollector:
    """Reads the worker's report when asked."""

    def __init__(self, deployment: "Deployment") -> None:
        self._deployment = deployment

    def collect(self) -> Iterator[GaugeMetricFamily]:
        report = self._deployment.readiness()
        stages = {
            stage: GaugeMetricFamily(f"xinzheng_log_{stage}", f"Entries {stage}, by log", labels=["log"])
            for stage in _STAGES
        }
        for origin, log in report["logs"].items():
            for stage, family in stages.items():
                family.add_metric([origin], log.get(stage, 0))
        yield from stages.values()
        yield GaugeMetricFamily(
            "xinzheng_ready", "1 when every log can be appended to", value=int(report["ready"])
        )
        alive = GaugeMetricFamily("xinzheng_worker_alive", "1 when the worker reported recently")
        alive.add_metric([], int(report["worker"]["alive"]))
        yield alive
        yield GaugeMetricFamily("xinzheng_alarms", "Alarms raised by the worker", value=len(report["alarms"]))
        try:
            dead = self._deployment.loop.book.count_all_dead()
        except Unavailable:
            # A file that is busy now: the other metrics are told all the same.
            return
        yield GaugeMetricFamily("xinzheng_dead_letters", "Notices given up, of all subscriptions", value=dead)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        return iter(())

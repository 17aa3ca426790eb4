"""The counters in Prometheus' text format, under the mesh's own names, so that one dashboard reads every mode.

Names, labels and buckets: https://istio.io/latest/docs/reference/config/metrics/. A sidecar sees what a request was
to its two ends; this pod knows of the other end only its name, and says `unknown` for the rest, as Istio does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from services.runtime.settings import Settings
from services.runtime.telemetry import BUCKETS, Histogram, Series, Telemetry

ENDS = (
    "workload",
    "workload_namespace",
    "principal",
    "app",
    "version",
    "cluster",
    "canonical_service",
    "canonical_revision",
)
LABELS = (
    "reporter",
    *(f"{side}_{end}" for side in ("source", "destination") for end in ENDS),
    "destination_service",
    "destination_service_name",
    "destination_service_namespace",
    "request_protocol",
    "response_code",
    "response_flags",
    "connection_security_policy",
)
UNKNOWN = "unknown"


def exposition(telemetry: Telemetry) -> bytes:
    """Return the text that `GET /metrics` answers."""
    registry = CollectorRegistry()
    registry.register(_Exposition(telemetry))
    return generate_latest(registry)


class _Exposition(Collector):
    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def collect(self) -> Iterator[Metric]:
        book = self._telemetry
        rows = {series: _labels(series, book.settings) for series in book.durations}
        requests = CounterMetricFamily("istio_requests", "Requests, by how they ended.", labels=LABELS)
        for series, histogram in book.durations.items():
            requests.add_metric(rows[series], sum(histogram.counts))
        yield requests
        yield _histograms("istio_request_duration_milliseconds", "Time to the answer.", rows, book.durations)
        yield _histograms("istio_request_bytes", "Size of the request's body.", rows, book.request_bytes)
        yield _histograms("istio_response_bytes", "Size of the answer's body.", rows, book.response_bytes)
        yield _counter("goaround_logical_calls", "Calls that business code made.", "destination_app", book.calls)
        yield _counter("goaround_attempts_sent", "Requests sent, retries included.", "destination_app", book.attempts)
        yield _counter("goaround_attempts_received", "Requests that arrived.", "source_app", book.arrivals)
        yield _counter("goaround_attempts_wasted", "Requests answered to nobody.", "source_app", book.in_vain)
        events = CounterMetricFamily(
            "goaround_policy_events", "What policies did.", labels=("destination_app", "event")
        )
        for callee, counts in book.events.items():
            for kind, count in counts.items():
                events.add_metric((callee, kind), count)
        yield events
        yield GaugeMetricFamily("goaround_in_flight_requests", "Requests being served.", value=book.in_flight)


def _counter(name: str, text: str, label: str, counts: Mapping[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=(label,))
    for peer, count in counts.items():
        family.add_metric((peer,), count)
    return family


def _histograms(
    name: str, text: str, rows: Mapping[Series, list[str]], histograms: Mapping[Series, Histogram]
) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, text, labels=LABELS)
    bounds = [*(f"{bound:g}" if bound < 1e6 else f"{bound:.0f}" for bound in BUCKETS), "+Inf"]
    for series, histogram in histograms.items():
        buckets = list(zip(bounds, accumulate(histogram.counts), strict=True))
        family.add_metric(rows[series], buckets, histogram.total)
    return family


def _labels(series: Series, settings: Settings) -> list[str]:
    """Return the values of LABELS, in their order."""
    outbound = series.reporter == "source"
    own = _end(settings.service_name, settings.pod_namespace, settings.service_version)
    peer = _end(series.peer, settings.pod_namespace if series.peer != UNKNOWN else UNKNOWN, UNKNOWN)
    source, destination = (own, peer) if outbound else (peer, own)
    callee = series.peer if outbound else settings.service_name
    return [
        series.reporter,
        *source,
        *destination,
        f"{callee}.{settings.pod_namespace}.svc.cluster.local",
        callee,
        settings.pod_namespace,
        "http",
        str(series.status),
        series.flag,
        UNKNOWN if outbound else "none",  # Istio: only the destination knows how the connection was secured
    ]


def _end(name: str, namespace: str, version: str) -> list[str]:
    """Return workload, namespace, principal, app, version, cluster, canonical service and revision of one end."""
    return [name, namespace, UNKNOWN, name, version, UNKNOWN, name, version]

"""Istio's request metrics from a plain Envoy: what istiod's own `istio_stats` filter counts, by an access log.

Names and labels: https://istio.io/latest/docs/reference/config/metrics/. Envoy puts `envoy_` before each name, and its
own histogram buckets are Istio's. Of the other end a sidecar knows what the service's name and the caller's header and
certificate say; the rest is `unknown`, as in the services' own metrics. A request that no route took names no service.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, TypeAlias

from istio.compile.proxy import ProxyConfig
from istio.registry import Proxy

PREFIX = "istio"
REQUESTS, DURATION = "requests_total", "request_duration_milliseconds"
UNKNOWN = "unknown"
# Every caller of the application says who it is (docs/architecture.md); what is longer than a name is cut.
_SOURCE_HEADER = "x-goaround-source"
_SOURCE = f"%REQ({_SOURCE_HEADER}):63%"
_DESTINATION = "goaround.destination"
_MANAGER = "envoy.filters.network.http_connection_manager"

Reporter: TypeAlias = Literal["source", "destination"]
Labels: TypeAlias = dict[str, str]


def instrument(config: ProxyConfig, proxy: Proxy) -> ProxyConfig:
    """Return the same configuration with every HTTP request counted and timed."""
    return replace(
        config,
        clusters={name: _named(one) for name, one in config.clusters.items()},
        listeners={name: _counted(one, proxy) for name, one in config.listeners.items()},
    )


def _named(cluster: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give a cluster its service's names where a log can read them: no format looks into istiod's list of services."""
    metadata = cluster.get("metadata", {}).get("filter_metadata", {})
    services = metadata.get("istio", {}).get("services", ())
    if not services:
        return cluster
    return {**cluster, "metadata": {"filter_metadata": {**metadata, _DESTINATION: dict(services[0])}}}


def _counted(listener: Mapping[str, Any], proxy: Proxy) -> Mapping[str, Any]:
    reporter: Reporter = "source" if listener["traffic_direction"] == "OUTBOUND" else "destination"
    chains = []
    for chain in listener["filter_chains"]:
        logs = _logs(reporter, proxy, mutual="transport_socket" in chain)
        chains.append({**chain, "filters": [_with_logs(one, logs) for one in chain["filters"]]})
    return {**listener, "filter_chains": chains}


def _with_logs(network_filter: Mapping[str, Any], logs: list[dict[str, Any]]) -> Mapping[str, Any]:
    if network_filter["name"] != _MANAGER:
        return network_filter
    manager = network_filter["typed_config"]
    return {**network_filter, "typed_config": {**manager, "access_log": [*manager.get("access_log", ()), *logs]}}


def _logs(reporter: Reporter, proxy: Proxy, *, mutual: bool) -> list[dict[str, Any]]:
    own = _end(proxy.labels.get("app", UNKNOWN), proxy.namespace, proxy.labels.get("version", UNKNOWN))
    if reporter == "source":
        peer = _end(_destination("name"), _destination("namespace"))
        return [_log(_labels(reporter, own, peer, security=UNKNOWN))]
    principal, security = ("%DOWNSTREAM_PEER_URI_SAN%", "mutual_tls") if mutual else (UNKNOWN, "none")
    named = _end(_SOURCE, proxy.namespace, principal=principal)
    nameless = _end(UNKNOWN, UNKNOWN, principal=principal)
    # A header that is not there would give an empty label, and Istio says `unknown`.
    return [
        {**_log(_labels(reporter, named, own, security=security)), "filter": _told(present=True)},
        {**_log(_labels(reporter, nameless, own, security=security)), "filter": _told(present=False)},
    ]


def _labels(reporter: Reporter, source: Labels, destination: Labels, *, security: str) -> Labels:
    return {
        "reporter": reporter,
        **{f"source_{name}": value for name, value in source.items()},
        **{f"destination_{name}": value for name, value in destination.items()},
        "destination_service": _destination("host"),
        "destination_service_name": _destination("name"),
        "destination_service_namespace": _destination("namespace"),
        "request_protocol": "http",
        "response_code": "%RESPONSE_CODE%",
        "response_flags": "%RESPONSE_FLAGS%",
        "connection_security_policy": security,
    }


def _end(name: str, namespace: str, version: str = UNKNOWN, principal: str = UNKNOWN) -> Labels:
    return {
        "workload": name,
        "workload_namespace": namespace,
        "principal": principal,
        "app": name,
        "version": version,
        "cluster": UNKNOWN,
        "canonical_service": name,
        "canonical_revision": version,
    }


def _destination(what: str) -> str:
    return f"%METADATA(CLUSTER:{_DESTINATION}:{what})%"


def _told(*, present: bool) -> dict[str, Any]:
    return {"header_filter": {"header": {"name": _SOURCE_HEADER, "present_match": present}}}


def _log(labels: Labels) -> dict[str, Any]:
    tags = [{"name": name, "value_format": value} for name, value in labels.items()]
    return {
        "name": "envoy.access_loggers.stats",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.stats.v3.Config",
            "stats_scope": {"prefix": PREFIX},
            "counters": [{"stat": {"name": REQUESTS, "tags": tags}, "value_fixed": 1}],
            "histograms": [
                {"stat": {"name": DURATION, "tags": tags}, "unit": "Milliseconds", "value_format": "%DURATION%"}
            ],
        },
    }

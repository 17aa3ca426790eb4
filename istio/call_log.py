"""The sidecars' half of the log of calls: a JSON line for each request, and for each try towards a host.

The fields are those that the services write (services/runtime/calls.py). Going out, a request is a `call` and each try
an `attempt`, from the router's own log; coming in, it is `served`. Envoy passes `traceparent` on untouched, so all of
them name the span of the application's attempt that they carry out. All of them are written, or only what failed: a
status of 400 or more, or any response flag, by which a bench can tell what a sidecar did to a request at little cost.
https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/http/router/v3/router.proto (upstream_log)
https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/accesslog/v3/accesslog.proto (filter)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from istio.compile.proxy import ProxyConfig
from istio.registry import Proxy

Logged = Literal["none", "failed", "all"]
"""Which requests and tries a sidecar writes a line for."""
_MANAGER = "envoy.filters.network.http_connection_manager"
_ROUTER = "envoy.filters.http.router"
# The router counts its tries for the whole request only: in its own log of one try the count is 0.
_ATTEMPT = {"call": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%", "attempt": None, "served": "%REQ(X-ENVOY-ATTEMPT-COUNT)%"}
_STDOUT = {"@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog"}
_BAD_STATUS = {"comparison": {"op": "GE", "value": {"default_value": 400, "runtime_key": "goaround.call_log.status"}}}
_FAILED = {"or_filter": {"filters": [{"status_code_filter": _BAD_STATUS}, {"response_flag_filter": {}}]}}


def log_calls(config: ProxyConfig, proxy: Proxy, logged: Logged = "all") -> ProxyConfig:
    """Return the same configuration with HTTP requests and their tries written to standard output."""
    if logged == "none":
        return config
    only = {"filter": _FAILED} if logged == "failed" else {}
    return replace(config, listeners={name: _listener(one, proxy, only) for name, one in config.listeners.items()})


def _listener(listener: Mapping[str, Any], proxy: Proxy, only: Mapping[str, Any]) -> Mapping[str, Any]:
    outbound = listener["traffic_direction"] == "OUTBOUND"
    chains = [
        {**chain, "filters": [_network_filter(one, proxy, only, outbound=outbound) for one in chain["filters"]]}
        for chain in listener["filter_chains"]
    ]
    return {**listener, "filter_chains": chains}


def _network_filter(
    one: Mapping[str, Any], proxy: Proxy, only: Mapping[str, Any], *, outbound: bool
) -> Mapping[str, Any]:
    if one["name"] != _MANAGER:
        return one
    manager = dict(one["typed_config"])
    logged = {**_log("call" if outbound else "served", proxy, outbound=outbound), **only}
    manager["access_log"] = [*manager.get("access_log", ()), logged]
    if outbound:
        manager["http_filters"] = [_http_filter(each, proxy, only) for each in manager["http_filters"]]
    return {**one, "typed_config": manager}


def _http_filter(one: Mapping[str, Any], proxy: Proxy, only: Mapping[str, Any]) -> Mapping[str, Any]:
    if one["name"] != _ROUTER:
        return one
    logged = {**_log("attempt", proxy, outbound=True), **only}
    return {**one, "typed_config": {**one["typed_config"], "upstream_log": [logged]}}


def _log(kind: str, proxy: Proxy, *, outbound: bool) -> dict[str, Any]:
    fields = {
        "time": "%START_TIME(%Y-%m-%dT%H:%M:%S.%6fZ)%",
        "ms": "%DURATION%",
        "kind": kind,
        "by": "proxy",
        "pod": proxy.name,
        "service": proxy.labels.get("app", "unknown"),
        "peer": "%REQ(:AUTHORITY)%" if outbound else "%REQ(x-goaround-source):63%",
        "method": "%REQ(:METHOD)%",
        "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
        "status": "%RESPONSE_CODE%",
        "flag": "%RESPONSE_FLAGS%",
        "attempt": _ATTEMPT[kind],
        "host": "%UPSTREAM_HOST%" if outbound else None,
        "request_id": "%REQ(X-REQUEST-ID)%",
        "traceparent": "%REQ(TRACEPARENT)%",
    }
    told = {name: value for name, value in fields.items() if value is not None}
    return {"name": "envoy.access_loggers.stdout", "typed_config": {**_STDOUT, "log_format": {"json_format": told}}}

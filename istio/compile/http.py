"""The HTTP connection manager as istiod configures it (core/listener_builder.go, buildHTTPConnectionManager)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_TYPE = "type.googleapis.com/envoy.extensions.filters"
MANAGER = "envoy.filters.network.http_connection_manager"
_FILTERS = [
    {
        "name": "envoy.filters.http.grpc_stats",
        "typed_config": {
            "@type": f"{_TYPE}.http.grpc_stats.v3.FilterConfig",
            "emit_filter_state": True,
            "stats_for_all_methods": False,
        },
    },
    {"name": "envoy.filters.http.fault", "typed_config": {"@type": f"{_TYPE}.http.fault.v3.HTTPFault"}},
    {"name": "envoy.filters.http.cors", "typed_config": {"@type": f"{_TYPE}.http.cors.v3.Cors"}},
    {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{_TYPE}.http.router.v3.Router"}},
]
_REQUEST_ID = {
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig",
        "use_request_id_for_trace_sampling": True,
    }
}


def _manager(fields: dict[str, Any], rules: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    return {
        "name": MANAGER,
        "typed_config": {
            "@type": f"{_TYPE}.network.http_connection_manager.v3.HttpConnectionManager",
            "http_filters": [*rules, *_FILTERS],
            "normalize_path": True,
            "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
            "proxy_100_continue": True,
            "request_id_extension": _REQUEST_ID,
            "stream_idle_timeout": "0s",
            "upgrade_configs": [{"upgrade_type": "websocket"}],
            "use_remote_address": False,
            **fields,
        },
    }


def outbound_manager(stat_prefix: str, route_config: str) -> dict[str, Any]:
    """Return the manager of an outbound port; its routes come by discovery."""
    return _manager({"stat_prefix": stat_prefix, "rds": _discovered(route_config)})


def gateway_manager(stat_prefix: str, route_config: str, rules: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the manager of a gateway's port: nobody before it is believed about who the caller is."""
    return _manager(
        {
            "stat_prefix": stat_prefix,
            "rds": _discovered(route_config),
            "server_name": "istio-envoy",
            "use_remote_address": True,
            "forward_client_cert_details": "SANITIZE_SET",
            "set_current_client_cert_details": {"subject": True, "cert": True, "uri": True, "dns": True},
            "http_protocol_options": {},
        },
        rules,
    )


def _discovered(route_config: str) -> dict[str, Any]:
    source = {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}
    return {"config_source": source, "route_config_name": route_config}


def inbound_manager(
    stat_prefix: str, route_config: dict[str, Any], rules: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """Return the manager of an inbound port; its routes are part of it, and ``rules`` may refuse a request before."""
    return _manager(
        {
            "stat_prefix": stat_prefix,
            "route_config": route_config,
            "server_name": "istio-envoy",
            "forward_client_cert_details": "APPEND_FORWARD",
            "set_current_client_cert_details": {"subject": True, "uri": True, "dns": True},
        },
        rules,
    )


def tcp_proxy(cluster: str, **fields: object) -> dict[str, Any]:
    """Return a filter that passes bytes on, to one cluster or as the fields say."""
    kind = {"@type": f"{_TYPE}.network.tcp_proxy.v3.TcpProxy"}
    one = {"cluster": cluster, "stat_prefix": cluster} if cluster else {}
    config = {**kind, **one, **fields}
    return {"name": "envoy.filters.network.tcp_proxy", "typed_config": config}

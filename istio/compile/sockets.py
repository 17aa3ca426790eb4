"""Addresses and listener filters, which every listener has."""

from __future__ import annotations

from typing import Any

_LISTENER_FILTER = "type.googleapis.com/envoy.extensions.filters.listener"
PLAIN_HTTP = {"application_protocols": ["http/1.1", "h2c"], "transport_protocol": "raw_buffer"}


def anywhere(port: int) -> dict[str, Any]:
    """Return every address of the pod, at one port."""
    return {"socket_address": {"address": "0.0.0.0", "port_value": port}}  # noqa: S104 - istiod's own; localised later


def inspector(name: str, message: str, **fields: object) -> dict[str, Any]:
    """Return a listener filter."""
    return {
        "name": f"envoy.filters.listener.{name}",
        "typed_config": {"@type": f"{_LISTENER_FILTER}.{name}.v3.{message}", **fields},
    }

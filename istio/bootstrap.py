"""What an Envoy reads first: who it is, whom it asks, and what it counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from istio.discovery import DiscoveryServer, source
from istio.localise import LOOPBACK
from istio.registry import Proxy

# Names hold dots, so a prefix ends with ; and the tags are cut there (bootstrap of Istio, stats_config).
_TAGS = [
    {"tag_name": "cluster_name", "regex": r"^cluster(\.(.+);)"},
    {"tag_name": "http_conn_manager_prefix", "regex": r"^http(\.(.+);)"},
]
_RUNTIME = {
    "re2.max_program_size.error_level": 32768,
    "envoy.reloadable_features.http_reject_path_with_fragment": False,
}


def bootstrap(proxy: Proxy, admin_port: int, server: DiscoveryServer, ejections: Path) -> dict[str, Any]:
    """Envoy's bootstrap: administration on loopback, all else from the discovery server.

    `ejections`: the file to which every ejection and return is written.
    """
    return {
        "node": {"id": f"{proxy.name}.{proxy.namespace}", "cluster": f"{proxy.service_account}.{proxy.namespace}"},
        "admin": {"address": {"socket_address": {"address": LOOPBACK, "port_value": admin_port}}},
        "cluster_manager": {"outlier_detection": {"event_log_path": str(ejections)}},
        "static_resources": {"clusters": [server.cluster()]},
        "dynamic_resources": {"cds_config": source(), "lds_config": source()},
        "stats_config": {"use_all_default_tags": False, "stats_tags": _TAGS},
        "layered_runtime": {"layers": [{"name": "static", "static_layer": _RUNTIME}]},
    }

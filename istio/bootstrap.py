"""What an Envoy reads first: who it is, where its files are, and what it counts."""

from __future__ import annotations

from typing import Any

from istio.discovery import DiscoveryFiles
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


def bootstrap(proxy: Proxy, admin_port: int, files: DiscoveryFiles) -> dict[str, Any]:
    """Envoy's bootstrap: administration on loopback, clusters and listeners from files."""
    return {
        "node": {"id": f"{proxy.name}.{proxy.namespace}", "cluster": f"{proxy.service_account}.{proxy.namespace}"},
        "admin": {"address": {"socket_address": {"address": LOOPBACK, "port_value": admin_port}}},
        "dynamic_resources": {"cds_config": files.source("clusters"), "lds_config": files.source("listeners")},
        "stats_config": {"use_all_default_tags": False, "stats_tags": _TAGS},
        "layered_runtime": {"layers": [{"name": "static", "static_layer": _RUNTIME}]},
    }

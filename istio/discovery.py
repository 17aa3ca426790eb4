"""Envoy's discovery by files: one file per resource list, replaced by rename, with its content as its version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

_TYPES = {
    "clusters": "envoy.config.cluster.v3.Cluster",
    "endpoints": "envoy.config.endpoint.v3.ClusterLoadAssignment",
    "routes": "envoy.config.route.v3.RouteConfiguration",
    "listeners": "envoy.config.listener.v3.Listener",
}


class DiscoveryFiles:
    """The files that one Envoy watches, below a directory of their own."""

    def __init__(self, directory: Path):
        self._directory = directory.absolute()
        self._versions: dict[Path, str] = {}

    def clear(self) -> None:
        """Forget and remove the files of an earlier life."""
        self._versions.clear()
        for kind in _TYPES:
            folder = self._directory / kind
            folder.mkdir(parents=True, exist_ok=True)
            for file in folder.iterdir():
                file.unlink()

    def path(self, kind: str, name: str = "all") -> Path:
        """Where the resources of a kind are; endpoints and routes have a file for each name."""
        return self._directory / kind / f"{quote(name, safe='')}.json"

    def source(self, kind: str, name: str = "all") -> dict[str, Any]:
        """Return the config source that reads this file."""
        path = self.path(kind, name)
        watched = {"path": str(path), "watched_directory": {"path": str(path.parent)}}
        return {"path_config_source": watched, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}

    def write(self, kind: str, resources: Iterable[Mapping[str, Any]], name: str = "all") -> str | None:
        """Write resources; gives back their version, or None when the file already says exactly this."""
        kind_type = f"type.googleapis.com/{_TYPES[kind]}"
        listed = [{"@type": kind_type, **self._connected(kind, one)} for one in resources]
        text = json.dumps(listed, sort_keys=True)
        version = hashlib.sha256(text.encode()).hexdigest()[:16]
        path = self.path(kind, name)
        if self._versions.get(path) == version:
            return None
        # Envoy notices a rename and nothing else; JSON, because its YAML reads a bare y as true.
        fresh = self._directory / f"{kind}.new"
        fresh.write_text(json.dumps({"version_info": version, "type_url": kind_type, "resources": listed}))
        fresh.replace(path)
        self._versions[path] = version
        return version

    def remove(self, kind: str, name: str) -> None:
        """Remove the file of a name that nothing refers to any more."""
        path = self.path(kind, name)
        self._versions.pop(path, None)
        path.unlink(missing_ok=True)

    def _connected(self, kind: str, resource: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a resource whose own discovery reads files, where istiod's would ask a server."""
        if kind == "clusters" and "eds_cluster_config" in resource:
            config = {**resource["eds_cluster_config"], "eds_config": self.source("endpoints", resource["name"])}
            return {**resource, "eds_cluster_config": config}
        if kind == "listeners":
            return _with_routes(resource, self)
        return resource


def _with_routes(listener: Mapping[str, Any], files: DiscoveryFiles) -> Mapping[str, Any]:
    chains = []
    for chain in listener["filter_chains"]:
        filters = []
        for one in chain["filters"]:
            typed = one["typed_config"]
            if "rds" in typed:
                source = files.source("routes", typed["rds"]["route_config_name"])
                one = {**one, "typed_config": {**typed, "rds": {**typed["rds"], "config_source": source}}}
            filters.append(one)
        chains.append({**chain, "filters": filters})
    return {**listener, "filter_chains": chains}

"""Everything that a cluster holds, by the discovery of its API, to compare before and after."""

from __future__ import annotations

from k8s.cluster.api import Api, ApiError

# These come and go by themselves, whoever uses the cluster.
RESTLESS = {"events", "leases", "endpointslices", "endpoints", "componentstatuses"}


def listing(api: Api) -> set[str]:
    """`GROUP/VERSION/RESOURCE/NAMESPACE/NAME` of every object of every resource that can be listed.

    Pods of other namespaces may be replaced meanwhile, so of kube-system and istio-system only the rest counts.
    """
    versions = ["/api/v1"]
    versions += [f"/apis/{group['preferredVersion']['groupVersion']}" for group in api.get("/apis")["groups"]]
    found = set()
    for version in versions:
        for resource in api.get(version)["resources"]:
            name = resource["name"]
            if "list" not in resource["verbs"] or "/" in name or name in RESTLESS:
                continue
            try:
                items = api.get(f"{version}/{name}")["items"]
            except ApiError as error:
                if error.status in (404, 405):
                    continue
                raise
            for one in items:
                metadata = one["metadata"]
                if name == "pods" and metadata["namespace"].endswith("-system"):
                    continue
                found.add(f"{version}/{name}/{metadata.get('namespace', '')}/{metadata['name']}")
    return found

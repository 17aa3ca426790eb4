"""Names of workloads: SPIFFE, as Istio writes it (pkg/spiffe)."""

from __future__ import annotations

TRUST_DOMAIN = "cluster.local"


def spiffe(namespace: str, service_account: str) -> str:
    """Return the identity of every pod that runs under a service account."""
    return f"spiffe://{TRUST_DOMAIN}/ns/{namespace}/sa/{service_account}"

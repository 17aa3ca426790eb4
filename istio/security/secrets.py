"""Certificates as Envoy's secrets, under the names that istiod's configuration asks for."""

from __future__ import annotations

from typing import Any

from istio.security.authority import Credentials

LEAF, ROOT = "default", "ROOTCA"


def secrets(credentials: Credentials, root: str) -> dict[str, dict[str, Any]]:
    """Return the workload's own certificate and the root that it believes, by name."""
    own = {
        "certificate_chain": {"inline_string": credentials.certificate},
        "private_key": {"inline_string": credentials.key},
    }
    return {
        LEAF: {"name": LEAF, "tls_certificate": own},
        ROOT: {"name": ROOT, "validation_context": {"trusted_ca": {"inline_string": root}}},
    }

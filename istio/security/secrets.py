"""Certificates as Envoy's secrets, under the names that istiod's configuration asks for."""

from __future__ import annotations

from typing import Any

from istio.compile.tls import ROOT_SECRET, WORKLOAD_SECRET
from istio.security.authority import Credentials


def secrets(credentials: Credentials, root: str) -> dict[str, dict[str, Any]]:
    """Return the workload's own certificate and the root that it believes, by name."""
    own = {
        "certificate_chain": {"inline_string": credentials.certificate},
        "private_key": {"inline_string": credentials.key},
    }
    return {
        WORKLOAD_SECRET: {"name": WORKLOAD_SECRET, "tls_certificate": own},
        ROOT_SECRET: {"name": ROOT_SECRET, "validation_context": {"trusted_ca": {"inline_string": root}}},
    }

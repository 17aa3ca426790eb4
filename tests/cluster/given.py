"""Whether somebody has said that a cluster may be used for tests, which a KUBECONFIG alone does not say."""

from __future__ import annotations

import os

GIVEN = "GOAROUND_TEST_CLUSTER"
MISSING = (
    ""
    if os.environ.get(GIVEN)
    else f"no cluster is given: run `make test-cluster` with KUBECONFIG set ({GIVEN}=CONTEXT)"
)
"""Why these tests cannot run; empty when they can."""

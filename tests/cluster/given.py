"""Whether somebody has said that a cluster may be used for tests, which a KUBECONFIG alone does not say."""

from __future__ import annotations

import os

GIVEN = "GOAROUND_TEST_CLUSTER"
NAMED = os.environ.get(GIVEN, "")
MISSING = "" if NAMED else f"no cluster is given: run `make test-cluster` with KUBECONFIG set ({GIVEN}=CONTEXT)"
"""Why these tests cannot run; empty when they can."""
CONTEXT = () if NAMED in ("", "current") else ("--context", NAMED)
"""What names it to kubectl."""
CLUSTER = ("--target", "cluster", *CONTEXT)
"""What names it to our own commands."""

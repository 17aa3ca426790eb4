"""Tests against a real cluster with a real Istio: `make test-cluster`, with KUBECONFIG set and the image loaded."""

from __future__ import annotations

import os

import pytest

from k8s.cluster.api import Api
from tests.cluster.given import GIVEN


@pytest.fixture(scope="session")
def api() -> Api:
    """The cluster that was given."""
    context = os.environ[GIVEN]
    return Api(None if context == "current" else context)

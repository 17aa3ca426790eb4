"""Tests against a real cluster with a real Istio: `make test-cluster`, with KUBECONFIG set and the image loaded."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from k8s.cluster.api import Api
from tests.cluster.given import CONTEXT
from tests.cluster.listing import listing


@pytest.fixture(scope="session")
def api() -> Api:
    """The cluster that was given."""
    return Api(CONTEXT[-1] if CONTEXT else None)


@pytest.fixture
def as_before(api: Api) -> Iterator[None]:
    """Have a test leave the cluster as it was, down to the last object."""
    before = listing(api)
    yield
    assert listing(api) == before

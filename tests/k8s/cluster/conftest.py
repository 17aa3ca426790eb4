from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from k8s.cluster.api import Api
from tests.k8s.cluster.fake import FakeCluster


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster() as cluster:
        yield cluster


@pytest.fixture
def api(cluster: FakeCluster, tmp_path: Path) -> Api:
    return Api(kubeconfig=cluster.kubeconfig(tmp_path))

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.k8s.cluster.warden.children import Children


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    if sys.platform != "linux":
        pytest.skip("a warden reads /proc, which this system has not")
    with Children(tmp_path) as children:
        yield children

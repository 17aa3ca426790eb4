"""Which running world a demonstration takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.demos.show import find
from benchmarks.errors import BadInput
from k8s.local.record import SPEC
from k8s.local.target import LocalTarget
from tests.k8s.local.test_target import recorded

DEPLOYMENT = {"kind": "Deployment", "metadata": {"name": "alerts", "namespace": "default"}, "spec": {}}


async def test_the_world_of_a_command_that_runs_is_not_taken_for_a_demonstration(tmp_path: Path) -> None:
    directory = recorded(tmp_path, "demo-7", attached=True)
    (directory / SPEC).write_text(json.dumps({"objects": [DEPLOYMENT], "istio": []}))
    with pytest.raises(BadInput, match="no mesh world in namespace default with a gateway runs; start one with"):
        await find(LocalTarget(tmp_path), None)

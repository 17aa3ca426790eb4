"""A run that lacks nothing: resuming it must cost nothing."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from rich.console import Console

from benchmarks.arm import Arm
from benchmarks.bench import bench
from benchmarks.worlds import prepare
from k8s.local.client import LocalWorld
from k8s.local.target import LocalTarget
from k8s.target import Rendered
from tests.benchmarks.synthetic import write_run


async def test_a_run_that_lacks_nothing_starts_no_world(tmp_path: Path) -> None:
    class Untouched(LocalTarget):
        async def up(self, name: str, rendered: Rendered, *, attached: bool, seed: int) -> LocalWorld:
            raise AssertionError(f"{name} was started")

    run = write_run(tmp_path)
    console = Console(file=StringIO())
    await bench(run, prepare(LocalTarget(), [Arm("none")], None), Untouched(), console)

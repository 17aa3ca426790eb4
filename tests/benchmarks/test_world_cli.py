"""`goaround down` on this machine: which worlds it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import world_cli
from k8s.local.client import LocalWorld
from k8s.local.record import RECORD
from k8s.local.target import LocalTarget
from tests.benchmarks.conftest import Told
from tests.k8s.local.test_target import recorded


@pytest.fixture
def ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The worlds that were ended of two that run: one that stays, and one of a bench."""

    class Here(LocalTarget):
        def __init__(self) -> None:
            super().__init__(tmp_path)

    names: list[str] = []

    async def down(world: LocalWorld) -> None:
        names.append(world.name)
        (world.directory / RECORD).unlink()

    recorded(tmp_path, "airport", attached=False)
    recorded(tmp_path, "bench-7-1-mesh", attached=True)
    monkeypatch.setattr(world_cli, "LocalTarget", Here)
    monkeypatch.setattr(LocalWorld, "down", down)
    return names


def test_without_a_name_the_worlds_of_a_running_command_are_left_to_it(told: Told, ended: list[str]) -> None:
    code, said, _ = told("down")
    assert (code, ended) == (0, ["airport"])
    assert said == ("ended: airport\nleft to the commands that run on them: bench-7-1-mesh; --name ends one now\n")


def test_a_world_of_a_running_command_is_ended_by_its_name(told: Told, ended: list[str]) -> None:
    code, said, _ = told("down", "--name", "bench-7-1-mesh")
    assert (code, ended, said) == (0, ["bench-7-1-mesh"], "ended: bench-7-1-mesh\n")

"""`goaround demo`: the list, what is refused, and the exit codes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from rich.console import Console
from typer.testing import CliRunner

from benchmarks import demo_cli
from benchmarks.cli import app
from benchmarks.demos import DEMOS, cluster
from benchmarks.demos.airport import Airport
from benchmarks.demos.cluster import Cluster
from benchmarks.demos.demo import Check, Counterpart, at_least, by_chance, same
from benchmarks.demos.show import alone
from benchmarks.errors import BadInput
from k8s.local.client import LocalWorld
from k8s.local.target import LocalTarget
from k8s.target import TargetError
from tests.k8s.local.test_target import recorded
from tests.k8s.waiting import EndlessStart

ROOT = Path(__file__).parents[2]


def refusal(*arguments: str) -> str:
    error = CliRunner().invoke(app, ["demo", *arguments]).exception
    assert isinstance(error, BadInput)
    return "\n".join(error.problems)


def test_the_list_names_every_demonstration() -> None:
    shown = CliRunner().invoke(app, ["demo", "list"]).stdout
    assert [name for name in DEMOS if f" {name} " not in shown] == []


def test_make_has_a_target_of_the_same_name_for_each_in_the_same_order() -> None:
    listed = re.search(r"^DEMOS := ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert listed is not None
    assert listed[1].replace("\\", "").split() == list(DEMOS)


def test_an_unknown_name_and_an_unknown_mode_are_refused_with_the_choices() -> None:
    assert refusal("nope").startswith("no demonstration 'nope'; choose from: list, all, deploy-app-default")
    assert refusal("load", "--mode", "none") == "--mode: 'none' is none; choose from: mesh, library"
    assert refusal("load", "--fresh").startswith("--fresh: goes with `all` on the mesh")
    assert refusal("all", "--name", "mine") == "--name: `all` starts a world of its own; leave it out"


def test_without_a_world_the_line_says_how_to_start_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_cli, "LocalTarget", lambda: LocalTarget(tmp_path))
    assert refusal("load") == (
        "no mesh world in namespace default with a gateway runs; "
        "start one with: goaround up --mode mesh --namespace default"
    )


def test_what_does_not_show_is_named_and_is_exit_code_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(airport: Airport) -> list[Check]:
        return [same("GET /status", 200, 200), same("GET /nothing", 200, (await airport.ask("/nothing"))[0])]

    counterpart = Counterpart(broken, deployments=("cpanel-v1",))
    monkeypatch.setattr(demo_cli, "LocalTarget", lambda: LocalTarget(tmp_path))
    monkeypatch.setitem(DEMOS, "load", replace(DEMOS["load"], library=counterpart))
    result = CliRunner().invoke(app, ["demo", "load", "--mode", "library"])
    assert result.exit_code == 1
    assert re.search(r"GET /nothing +200 +404 +NO", result.stdout)
    assert "not shown: load" in result.stdout


def test_checks_compare_values_least_values_and_chances() -> None:
    assert same("x", {"b": 1, "a": 2}, {"a": 2, "b": 1}) == Check("x", "2 x a, 1 x b", "2 x a, 1 x b", shown=True)
    assert not same("x", True, False).shown
    assert (at_least("x", 2, 2).shown, at_least("x", 2, 1.9).shown) == (True, False)
    assert (by_chance("x", 0.5, 40, 100).shown, by_chance("x", 0.5, 20, 100).shown) == (True, False)


def test_the_first_demonstration_starts_the_application_beside_the_world_of_a_command_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(LocalTarget):
        async def up(self, name: str, *_: object, **__: object) -> LocalWorld:
            raise TargetError(f"no room for {name}")

    recorded(tmp_path, "bench-7-1-mesh", attached=True)
    monkeypatch.setattr(demo_cli, "LocalTarget", lambda: Full(tmp_path))
    error = CliRunner().invoke(app, ["demo", "deploy-app-default"]).exception
    assert isinstance(error, TargetError)
    assert error.errors == ["no room for airport"]


async def test_all_on_a_cluster_that_is_interrupted_twice_still_ends_its_world(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = EndlessStart()

    async def up(*_: object, **__: object) -> EndlessStart:
        return world

    @asynccontextmanager
    async def staged(*_: object) -> AsyncIterator[None]:
        await world.wait_ready()
        yield

    there = cast("Cluster", SimpleNamespace(target=SimpleNamespace(up=up)))
    monkeypatch.setattr(cluster, "staged", staged)
    await world.interrupted_twice(
        asyncio.ensure_future(demo_cli._on_cluster(nullcontext(there), None, None, Console(), print))
    )
    assert world.gone


# that a command leaves a world behind is what is tested; Python complains of the process when its handle goes
@pytest.mark.filterwarnings("ignore:.*Popen.__del__:pytest.PytestUnraisableExceptionWarning")
def test_the_first_demonstration_starts_the_application_where_none_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = LocalTarget(tmp_path)
    monkeypatch.setattr(demo_cli, "LocalTarget", lambda: target)
    result = CliRunner().invoke(app, ["demo", "deploy-app-default"])
    assert asyncio.run(ended(target)) == ["airport"]
    assert result.exit_code == 0, result.output
    assert "starting a mesh world named airport; end it with: goaround down" in result.output


async def ended(target: LocalTarget) -> list[str]:
    """End every world that runs; returns their names."""
    names = await target.worlds()
    for name in names:
        await (await target.world(name)).down()
    return names


@pytest.mark.parametrize("name", ["cpanel-admin", "outlier", "egress"])
async def test_a_demonstration_shows_alone_in_a_fresh_world(name: str, tmp_path: Path) -> None:
    checks = await alone(DEMOS[name], LocalTarget(tmp_path), print)
    assert checks
    assert [check for check in checks if not check.shown] == []

"""The command that shows what the airport demo showed, one feature at a time, with proof."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from shlex import join
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import signals
from benchmarks.console import console as output
from benchmarks.demos import DEMOS, transcript
from benchmarks.demos.airport import Say
from benchmarks.demos.demo import Check, Demo
from benchmarks.demos.show import alone, entered, find, in_library, mesh, on_mesh
from benchmarks.demos.stage import local
from benchmarks.errors import BadInput
from benchmarks.targets import CLUSTER, LOCAL, Context, TargetName
from benchmarks.world_cli import DEFAULT_WORLD
from k8s.local.client import LocalWorld
from k8s.local.target import LocalTarget
from k8s.uninterrupted import to_its_end

if TYPE_CHECKING:
    from benchmarks.demos.cluster import Cluster
    from k8s.cluster.world import ClusterWorld

NOT_SHOWN = 1
ALL, LIST = "all", "list"
FIRST = "deploy-app-default"
MODES = ("mesh", "library")
Show = Callable[[Demo], Awaitable[list[Check]]]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog=f"Demonstrations: {', '.join(DEMOS)}.")(demo)


def demo(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A demonstration; `list` says what there is, `all` shows every one.")
    ] = LIST,
    mode: Annotated[str, typer.Option(help="mesh, or library: the same in code, in a world of its own.")] = "mesh",
    world: Annotated[
        str | None, typer.Option("--name", help="The mesh world to use; the one that runs if left out.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="With `all`: each in a fresh world of its own, a quarter of an hour long.")
    ] = False,
    target: TargetName = LOCAL,
    context: Context = None,
    gateway: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="With --target cluster: where its ingress gateway is reached; found out if left out.",
        ),
    ] = None,
) -> None:
    """Show one feature on a running mesh world: what is applied, and what is then seen beside what must be.

    `all` shows every one in order, in a world of its own, which ends with it. Exit code 1: something did not show.
    On a cluster, callers from outside enter at the ingress gateway that Istio's default profile installs:

    goaround demo cpanel-50-50 --target cluster
    """
    console = output()
    _refuse(target, context, gateway, mode, fresh=fresh)
    if mode not in MODES:
        raise BadInput([f"--mode: {mode!r} is none; choose from: {', '.join(MODES)}"])
    if name == LIST:
        console.print(_list())
        return
    if name not in (ALL, *DEMOS):
        raise BadInput([f"no demonstration {name!r}; choose from: {', '.join((LIST, ALL, *DEMOS))}"])
    if name == ALL and world is not None:
        raise BadInput(["--name: `all` starts a world of its own; leave it out"])
    if fresh and (name != ALL or mode != MODES[0]):
        raise BadInput(["--fresh: goes with `all` on the mesh; in the library each has a world of its own anyway"])

    say = partial(transcript.say, console)
    if target == CLUSTER:
        # imported when first asked for, as in benchmarks.targets
        from benchmarks.demos import cluster

        way = cluster.opened(context, gateway, say)
        missed = signals.run(_on_cluster(way, DEMOS[name] if name != ALL else None, world, console, say))
    elif name == ALL:
        missed = signals.run(_all(mode, console, say, fresh=fresh))
    elif mode == "library":
        missed = signals.run(each([DEMOS[name]], console, lambda one: in_library(one, LocalTarget(), say)))
    else:
        missed = signals.run(_one(DEMOS[name], world, console, say))
    if missed:
        console.print(f"not shown: {', '.join(missed)}", style="bold red", soft_wrap=True)
        raise typer.Exit(NOT_SHOWN)


def _refuse(target: str, context: str | None, gateway: str | None, mode: str, *, fresh: bool) -> None:
    """Raise BadInput for options that mean nothing together."""
    problems = []
    if target not in (LOCAL, CLUSTER):
        problems.append(f"--target {target!r}: must be {LOCAL} or {CLUSTER}")
    if target == LOCAL:
        for option, given in (("--context", context), ("--gateway", gateway)):
            if given is not None:
                problems.append(f"{option} {given!r}: is for --target {CLUSTER}; leave it out")
    if target == CLUSTER and mode == "library":
        problems.append(f"--mode library: is shown on this machine, where it is the same; leave out --target {CLUSTER}")
    if target == CLUSTER and fresh:
        problems.append("--fresh: is for this machine; on a cluster `all` shows every one in one world")
    if gateway is not None and not re.fullmatch(r"[^/@\s]+:\d{1,5}", gateway):
        problems.append(f"--gateway {gateway!r}: must be HOST:PORT, such as 127.0.0.1:8080")
    if problems:
        raise BadInput(problems)


async def _one(demo: Demo, name: str | None, console: Console, say: Say) -> list[str]:
    world = await _found(demo, name, say)
    async with entered(await local(world), say) as airport:
        return await each([demo], console, lambda one: on_mesh(one, airport))


async def _found(demo: Demo, name: str | None, say: Say) -> LocalWorld:
    """The first demonstration is to start the application: it does so when none runs."""
    target = LocalTarget()
    if demo.name == FIRST and name is None and not await target.staying():
        say(f"starting a mesh world named {DEFAULT_WORLD}; end it with: goaround down")
        return await target.up(DEFAULT_WORLD, mesh(), attached=False, seed=1)
    return await find(target, name)


async def _all(mode: str, console: Console, say: Say, *, fresh: bool) -> list[str]:
    target, began = LocalTarget(), time.monotonic()
    if mode == "library":
        demos = [each for each in DEMOS.values() if not isinstance(each.library, str)]
        missed = await each(demos, console, lambda one: in_library(one, target, say))
    elif fresh:
        demos = list(DEMOS.values())
        missed = await each(demos, console, lambda one: alone(one, target, say))
    else:
        demos = list(DEMOS.values())
        world = await target.up(f"demo-{os.getpid()}", mesh(), attached=True, seed=1)
        try:
            async with entered(await local(world), say) as airport:
                missed = await each(demos, console, lambda one: on_mesh(one, airport))
        finally:
            await world.down()
    console.print(f"{len(demos) - len(missed)} of {len(demos)} shown in {time.monotonic() - began:.0f} s")
    return missed


async def _on_cluster(
    way: AbstractAsyncContextManager[Cluster], one: Demo | None, name: str | None, console: Console, say: Say
) -> list[str]:
    """Show a demonstration on a world that runs in a cluster; all of them, without `one`, in a world of its own."""
    from benchmarks.demos import cluster

    async with way as there:
        if one is not None:
            world = await _found_there(there, one, name, say)
            async with cluster.staged(there, world) as stage, entered(stage, say) as airport:
                if why := stage.lacks(one):
                    raise BadInput([f"{one.name} cannot be shown on this cluster: {why}"])
                return await each([one], console, lambda demo: on_mesh(demo, airport))
        began = time.monotonic()
        name = f"demo-{os.getpid()}"
        world = await there.target.up(name, cluster.mesh(name), attached=True, seed=1)
        try:
            async with cluster.staged(there, world) as stage, entered(stage, say) as airport:
                lacking = {demo.name: why for demo in DEMOS.values() if (why := stage.lacks(demo))}
                demos = [demo for demo in DEMOS.values() if demo.name not in lacking]
                missed = await each(demos, console, lambda demo: on_mesh(demo, airport))
        finally:
            await to_its_end(world.down())
    for refused, why in lacking.items():
        console.print(f"{refused} cannot be shown on this cluster: {why}", markup=False, soft_wrap=True)
    apart = f", {len(lacking)} that cannot be shown here" if lacking else ""
    console.print(f"{len(demos) - len(missed)} of {len(demos)} shown in {time.monotonic() - began:.0f} s{apart}")
    return missed


async def _found_there(there: Cluster, demo: Demo, name: str | None, say: Say) -> ClusterWorld:
    """The first demonstration is to start the application: it does so when none runs."""
    from benchmarks.demos import cluster

    if demo.name == FIRST and name is None and not await cluster.usable(there):
        end = join(["goaround", "down", "--target", CLUSTER, "--context", there.api.context, "--name", DEFAULT_WORLD])
        say(f"starting a mesh world named {DEFAULT_WORLD}; end it with: {end}")
        return await there.target.up(DEFAULT_WORLD, cluster.mesh(DEFAULT_WORLD), attached=False, seed=1)
    return await cluster.find(there, name)


async def each(demos: Sequence[Demo], console: Console, show: Show) -> list[str]:
    """Show demonstrations; returns the names of those that did not show."""
    missed = []
    for one in demos:
        transcript.title(one, console)
        began = time.monotonic()
        checks = await show(one)
        if not transcript.outcome(one, checks, time.monotonic() - began, console):
            missed.append(one.name)
    return missed


def _list() -> Table:
    shown = Table("demonstration", "what it shows", "in the library", box=box.SIMPLE_HEAD)
    for each in DEMOS.values():
        shown.add_row(each.name, each.about, each.library if isinstance(each.library, str) else "yes")
    return shown

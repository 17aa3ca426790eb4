"""The command that shows what the airport demo showed, one feature at a time, with proof."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.console import console as output
from benchmarks.demos import DEMOS, transcript
from benchmarks.demos.airport import Say
from benchmarks.demos.demo import Check, Demo
from benchmarks.demos.show import alone, entered, find, in_library, mesh, on_mesh
from benchmarks.errors import BadInput
from benchmarks.world_cli import DEFAULT_WORLD
from k8s.local.client import LocalWorld
from k8s.local.target import LocalTarget

NOT_SHOWN = 1
INTERRUPTED = 128 + signal.SIGINT
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
) -> None:
    """Show one feature on a running mesh world: what is applied, and what is then seen beside what must be.

    `all` shows every one in order, in a world of its own, which ends with it. Exit code 1: something did not show.
    """
    console = output()
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
    if name == ALL:
        missed = interruptible(_all(mode, console, say, fresh=fresh))
    elif mode == "library":
        missed = interruptible(each([DEMOS[name]], console, lambda one: in_library(one, LocalTarget(), say)))
    else:
        missed = interruptible(_one(DEMOS[name], world, console, say))
    if missed:
        console.print(f"not shown: {', '.join(missed)}", style="bold red", soft_wrap=True)
        raise typer.Exit(NOT_SHOWN)


def interruptible(work: Coroutine[Any, Any, list[str]]) -> list[str]:
    """Run to the end; Ctrl-C and SIGTERM end the world of its own first."""

    async def run() -> list[str]:
        task = asyncio.ensure_future(work)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        return await task

    try:
        return asyncio.run(run())
    except asyncio.CancelledError:
        typer.echo("goaround: interrupted", err=True)
        raise typer.Exit(INTERRUPTED) from None


async def _one(demo: Demo, name: str | None, console: Console, say: Say) -> list[str]:
    world = await _found(demo, name, say)
    async with entered(world, say) as airport:
        return await each([demo], console, lambda one: on_mesh(one, airport))


async def _found(demo: Demo, name: str | None, say: Say) -> LocalWorld:
    """The first demonstration is to start the application: it does so when none runs."""
    target = LocalTarget()
    if demo.name == FIRST and name is None and not await target.worlds():
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
            async with entered(world, say) as airport:
                missed = await each(demos, console, lambda one: on_mesh(one, airport))
        finally:
            await world.down()
    console.print(f"{len(demos) - len(missed)} of {len(demos)} shown in {time.monotonic() - began:.0f} s")
    return missed


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

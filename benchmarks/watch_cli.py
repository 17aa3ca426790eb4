"""The command `goaround watch`: a running world, edge by edge, in the terminal or as a graph in a browser."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated

import aiohttp
import typer
from aiohttp import web
from rich.console import Console
from rich.live import Live

from benchmarks.console import console as output
from benchmarks.errors import BadInput
from benchmarks.signals import heed
from benchmarks.targets import LOCAL, Context, TargetName, reached
from benchmarks.watch.table import edges_table
from benchmarks.watch.watcher import View, views
from benchmarks.watch.web import make_app
from benchmarks.world_cli import DEFAULT_WORLD, Name
from k8s.target import World

LOOPBACK = "127.0.0.1"
PORT = 8020
Reached = contextlib.AbstractAsyncContextManager[World]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(watch)


def watch(
    name: Name = DEFAULT_WORLD,
    graph: Annotated[bool, typer.Option("--web", help="As a live graph in a browser, on this machine only.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the graph; 0 takes a free one.")] = PORT,
    once: Annotated[bool, typer.Option("--once", help="One table over the next seconds, and be done.")] = False,
    target: TargetName = LOCAL,
    context: Context = None,
) -> None:
    """Show what happens on each edge of a running world: rate, success, p99, retries, ejections, breakers.

    The last five seconds, each second, until Ctrl-C; the policies may be the library's or the mesh's.
    """
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        world = reached(name, target, context)
        asyncio.run(_graph(name, world, port) if graph else _terminal(world, once=once))


@contextlib.asynccontextmanager
async def _watching(world: Reached) -> AsyncIterator[AsyncGenerator[View, None]]:
    task = asyncio.current_task()
    if task is not None:
        heed(task.cancel, signal.SIGTERM)
    async with (
        world as found,
        aiohttp.ClientSession(headers=found.headers) as http,
        contextlib.aclosing(views(found, http)) as each,
    ):
        yield each


async def _terminal(world: Reached, *, once: bool) -> None:
    console: Console = output()
    async with _watching(world) as each:
        if once or not console.is_terminal:
            seen = 0
            async for view in each:
                seen += 1
                if seen > 1:
                    console.print(edges_table(view))
                    if once:
                        return
            return
        with Live(console=console, auto_refresh=False) as screen:
            async for view in each:
                screen.update(edges_table(view), refresh=True)


async def _graph(name: str, world: Reached, port: int) -> None:
    newest: list[View] = []
    async with _watching(world) as each:
        runner = web.AppRunner(make_app(lambda: newest[-1] if newest else None), access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, LOOPBACK, port)
            try:
                await site.start()
            except OSError as error:
                raise BadInput([f"--port {port}: cannot listen there: {error.strerror}; 0 takes a free one"]) from error
            address = runner.addresses[0]
            output().print(f"the graph of world {name}: http://{address[0]}:{address[1]}/  (Ctrl-C ends it)")
            async for view in each:
                newest[:] = [view]
        finally:
            await runner.cleanup()

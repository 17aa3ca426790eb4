"""The command `goaround trace`: every call of one request, with every attempt, flag, pod and time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.text import Text
from rich.tree import Tree

from benchmarks.console import console as output
from benchmarks.errors import BadInput
from benchmarks.trace import Call, Node, read, tree
from benchmarks.world_cli import Name
from k8s.local.target import LocalTarget


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(trace)


def trace(
    request_id: Annotated[
        str, typer.Argument(help="A frame's id, or the x-request-id that any answer of the application carries.")
    ],
    name: Name = "airport",
) -> None:
    """Print the tree of calls of one request, from the logs of the services and sidecars of a running world."""
    world = asyncio.run(LocalTarget().world(name))
    calls = read(world.call_logs(), request_id)
    if not calls:
        raise BadInput(
            [
                f"no call of request {request_id!r} is in the logs of world {name!r}: either it never arrived, or the "
                "world was started with --no-call-log"
            ]
        )
    console = output()
    for root in tree(calls):
        console.print(drawn(root))


def drawn(root: Node) -> Tree:
    """Draw a tree: for each call when it began (ms after the first), how long it took, and how it ended."""
    begun = root.call.time

    def grow(node: Node, branch: Tree) -> Tree:
        for child in node.children:
            grow(child, branch.add(_line(child.call, begun)))
        return branch

    return grow(root, Tree(_line(root.call, begun), guide_style="dim"))


def _line(call: Call, begun: float) -> Text:
    return Text.assemble(
        *_who(call),
        "  ",
        (f"{call.status}{' ' + call.flag if call.flag else ''}", "red" if call.status >= 500 or call.flag else "green"),
        (f"  {call.ms:.1f} ms", "bold"),
        (f"  at {(call.time - begun) * 1000:.1f} ms", "dim"),
        overflow="fold",
    )


def _who(call: Call) -> Iterator[tuple[str, str] | str]:
    proxy = " (sidecar)" if call.by == "proxy" else ""
    match call.kind:
        case "served":
            yield (f"{call.pod}{proxy}", "cyan")
            yield f" answers {call.peer}: {call.method} {call.path}"
        case "call":
            tries = "" if call.attempt is None else f", attempts: {call.attempt}"
            yield (f"{call.pod}{proxy}", "cyan")
            yield f" calls {call.peer}: {call.method} {call.path}{tries}"
        case _:
            yield f"attempt {call.attempt}{proxy}{' at ' + call.host if call.host else ''}"

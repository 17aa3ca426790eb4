"""The command `goaround trace`: every call of one request, with every attempt, flag, pod and time."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text
from rich.tree import Tree

from benchmarks import results
from benchmarks.console import console as output
from benchmarks.errors import BadInput
from benchmarks.record import Record
from benchmarks.report_cli import Results
from benchmarks.results import Run
from benchmarks.targets import LOCAL, Context, TargetName, choose
from benchmarks.trace import Call, Node, read, tree
from benchmarks.world_cli import Name
from k8s.local.logs import LIMIT
from k8s.local.target import LocalTarget
from k8s.target import OperatedTarget
from loadtests.rows import Outcome, Row

SOME = 5
"""How many failed requests are named to who asks for one that is not there."""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(trace)


def trace(
    request_id: Annotated[
        str,
        typer.Argument(
            help="A frame's id (`frame_id` of a row), or the x-request-id that any answer of the application carries."
        ),
    ],
    name: Name = "airport",
    run: Annotated[
        str | None, typer.Option(metavar="RUN", help="A run of `goaround bench`, in place of a running world.")
    ] = None,
    cell: Annotated[str | None, typer.Option(help="With --run: this cell alone, such as r1-error-burst-mesh.")] = None,
    into: Results = results.FOLDER,
    target: TargetName = LOCAL,
    context: Context = None,
) -> None:
    """Print the tree of calls of one request, from the logs of the services and sidecars of a running world.

    On a cluster, from those of the services: what a sidecar writes there is the mesh's own business.

    Of a bench, the calls of requests that failed are kept with the run: --run shows them, cell by cell, as arms of a
    repetition are sent the same requests; of one that did not fail, its row.
    """
    if run is not None:
        if target != LOCAL:
            raise BadInput([f"--target {target}: a run's calls are kept with it, wherever it ran; leave it out"])
        _of_run(results.open_run(run, into), request_id, cell)
        return
    if cell is not None:
        raise BadInput(["--cell: names a cell of a run, so it needs --run"])
    if target == LOCAL and context is None:
        calls = read(asyncio.run(LocalTarget().world(name)).call_logs(), request_id)
        kept = f"each log keeps its last {LIMIT // 2**20} to {2 * LIMIT // 2**20} MiB"
    else:
        calls = asyncio.run(_of_pods(choose(target, context), name, request_id))
        kept = "a node keeps the last 10 MiB of a container's log by default, and none of a pod that is gone"
    if not calls:
        raise BadInput(
            [
                f"no call of request {request_id!r} is in the logs of world {name!r}: either it never arrived, or "
                f"it was too long ago ({kept}), or the world was started with --no-call-log"
            ]
        )
    _print(calls)


async def _of_pods(target: OperatedTarget, name: str, request_id: str) -> list[Call]:
    """The calls that the services of a world have written of, in the logs of its pods."""
    world = await target.world(name)
    pods = [pod.name for pod in (await world.status()).pods]
    with tempfile.TemporaryDirectory(prefix="goaround-trace-") as folder:
        paths = [Path(folder) / pod for pod in pods]
        for path, text in zip(paths, await asyncio.gather(*map(world.log, pods)), strict=True):
            path.write_text(text, encoding="utf-8")
        return read(paths, request_id)


def _of_run(run: Run, request_id: str, cell: str | None) -> None:
    records = [record for record in run.records() if cell in (None, record.cell)]
    if not records:
        known = ", ".join(dict.fromkeys(record.cell for record in run.records())) or "none yet"
        raise BadInput([f"--cell: no cell {cell!r} was run; choose from: {known}"])
    found = [(record, row) for record in records for row in run.rows(record) if row.frame_id == request_id]
    if not found:
        some = list(dict.fromkeys(one for record in records for one in record.traced))[:SOME]
        those = f"failed ones are {', '.join(some)}" if some else "the calls of none are kept"
        raise BadInput([f"no request {request_id!r} in {cell or f'run {run.name}'}; {those}"])
    for record, row in found:
        output().print(_heading(record, row), soft_wrap=True)
        path = run.calls(record) if request_id in record.traced else None
        if path is not None:
            _print(read([path], request_id))


def _heading(record: Record, row: Row) -> Text:
    again = f", try {record.attempt}" if record.attempt > 1 else ""
    phase = next((one.name for one in record.phases if one.start <= row.at < one.end), "end")
    took = "" if row.latency_s is None else f" after {row.latency_s * 1000:.1f} ms"
    kept = "" if row.frame_id in record.traced else "  (its calls are not kept)"
    ended = f"{row.outcome} {row.status or ''}".rstrip()
    return Text.assemble(
        (f"{record.cell}{again}", "bold"),
        f"  {row.at:.3f} s, {phase} phase: ",
        (ended, "green" if row.outcome is Outcome.SUCCESS else "red"),
        f"{took}{kept}",
    )


def _print(calls: list[Call]) -> None:
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

"""The commands that load a world: open loop, latencies from the intended time, drops and the audit shown; or a UI."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich import box
from rich.table import Table

from benchmarks import results
from benchmarks.arm import Arm
from benchmarks.cell import CAPACITY, LATENESS_LIMIT_MS, LEAD_S, REQUEST_TIMEOUT_S, capacity
from benchmarks.console import console as output
from benchmarks.errors import INTERRUPTED, BadInput
from benchmarks.measures.latency import percentile
from benchmarks.signals import heed
from benchmarks.targets import LOCAL, Context, TargetName, options, reached
from benchmarks.world_cli import DEFAULT_WORLD
from k8s.target import WorldStatus
from loadtests.client import Audit, Generator
from loadtests.rows import Outcome, Row
from loadtests.run import RunSpec, sentences
from loadtests.schedule import arrivals

PERCENTILES = {"p50": 0.50, "p90": 0.90, "p99": 0.99}
UI_HOST = "127.0.0.1"


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(load)
    app.command()(load_ui)


def load(
    rate: Annotated[float, typer.Option(help="Frames per second, on average.")] = 30.0,
    pattern: Annotated[str, typer.Option(help="Gaps between frames: poisson or constant.")] = "poisson",
    duration: Annotated[float, typer.Option(help="Seconds.")] = 10.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same schedule and the same photos.")] = 1,
    name: Annotated[str, typer.Option("--name", help="The world's name.")] = DEFAULT_WORLD,
    keep: Annotated[Path | None, typer.Option("--rows", metavar="FILE", help="Keep a row per frame, .csv.gz.")] = None,
    target: TargetName = LOCAL,
    context: Context = None,
) -> None:
    """Load a running world, and show what became of every frame.

    On a cluster frames go to the collectors through the API server: what becomes of them is seen from here, but their
    latency is also the API server's. `goaround bench --target cluster` measures inside the cluster.
    """
    with tempfile.TemporaryDirectory(prefix="goaround-load-") as folder:
        path = keep or Path(folder) / "rows.csv.gz"
        wanted = {
            "load": {"rate": rate, "pattern": pattern},
            "duration_s": duration,
            "seed": seed,
            "timeout_s": REQUEST_TIMEOUT_S,
            "id": name,
            "rows": path,
            # a world outlives a load and stores a frame once: the same seed again must not be the same frames again
            "frames": f"{seed:x}.{time.time_ns():x}",
        }
        audit = asyncio.run(_load(name, wanted, target, context))
        rows = results.read_rows(path)
    console = output()
    console.print(outcomes_table(rows, title=f"world {name}: {pattern}, {rate:g} frames/s for {duration:g} s"))
    console.print(account(audit))
    if failed := next((row for row in rows if row.outcome not in (Outcome.SUCCESS, Outcome.DROPPED)), None):
        found = f"goaround trace {failed.frame_id} --name {name}{options(target, context)}"
        console.print(f"the first that failed: {found}", soft_wrap=True)
    if target != LOCAL:
        console.print("latencies have the API server's way in them, by which the frames went", soft_wrap=True)
    if audit.interrupted:
        console.print("interrupted: what had been sent until then is above")
        raise typer.Exit(INTERRUPTED)


def load_ui(
    mode: Annotated[str, typer.Option(help="The mode of the world that is started at once.")] = "library",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Of the page.")] = 8089,
    into: Annotated[Path, typer.Option("--results", metavar="DIR", help="Where runs are kept.")] = results.FOLDER,
) -> None:
    """Start a world and Locust's web UI: scenarios are run in any mode, watched and reported; Ctrl-C ends it all."""
    Arm.parse(mode)
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((UI_HOST, port))
        except OSError as error:
            raise BadInput([f"port: {port} cannot be had: {error.strerror}; choose another with --port"]) from None
    output().print(f"open http://{UI_HOST}:{port}/ (Ctrl-C ends the page, the worlds and the load)")
    page = ("--web-host", UI_HOST, "--web-port", str(port))
    world = ("--mode", mode, "--warm", "--results", str(into.absolute()))
    locustfile = Path(__file__).parents[1] / "loadtests" / "locustfile.py"
    os.execv(sys.executable, [sys.executable, "-m", "locust", "-f", str(locustfile), *page, *world])  # noqa: S606 - no shell


async def _load(name: str, wanted: dict[str, object], target: str, context: str | None) -> Audit:
    """Play the load at every collector of the world; Ctrl-C and SIGTERM end it early, with its rows kept."""
    async with reached(name, target, context) as world:
        return await _play(await world.status(), wanted)


async def _play(status: WorldStatus, wanted: dict[str, object]) -> Audit:
    pods, name = status.pods, status.name
    entries = [pod.entry for pod in pods if pod.service == "collector" and pod.ready]
    if not entries:
        raise BadInput([f"world {name!r} has no collector that is ready: see `goaround status --name {name}`"])
    try:
        # both are known when it begins, and what else is wrong is told before
        at_once = {"start_monotonic": time.monotonic(), "capacity": CAPACITY}
        spec = RunSpec.model_validate({**wanted, **at_once, "entries": entries})
    except ValidationError as error:
        raise BadInput(each.removeprefix("load.") for each in sentences(error)) from None
    async with await Generator.start() as generator:
        heed(generator.interrupt)
        room = capacity(arrivals(spec.load, spec.duration_s, spec.seed, spec.entries))
        began = {"start_monotonic": time.monotonic() + LEAD_S, "capacity": room}
        return await generator.run(spec.model_copy(update=began))


def outcomes_table(rows: Sequence[Row], title: str) -> Table:
    """What became of the frames, by outcome; latencies are in ms from the intended time, and exact."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("outcome")
    for heading in ("frames", "share", *PERCENTILES, "max"):
        table.add_column(heading if heading in ("frames", "share") else f"{heading} ms", justify="right")
    for outcome in Outcome:
        of = [row for row in rows if row.outcome is outcome]
        if of or outcome in (Outcome.SUCCESS, Outcome.DROPPED):
            table.add_row(outcome, str(len(of)), _share(len(of), len(rows)), *_latencies(of))
    table.add_section()
    table.add_row("all", str(len(rows)), "", *_latencies(rows))
    return table


def account(audit: Audit) -> str:
    """Say in a few lines how well the load was generated."""
    late = audit.lateness_p99_ms > LATENESS_LIMIT_MS
    lines = [
        f"generator: {audit.sent} of {audit.arrivals} sent, {audit.dropped} dropped; "
        f"late by {audit.lateness_p50_ms:.1f} ms (p50), {audit.lateness_p99_ms:.1f} ms (p99); "
        f"{audit.cpu_s:.2f} s of CPU; hidden retries {'off' if audit.hidden_retries_off else 'POSSIBLE'}"
    ]
    if late:
        lines.append(f"generator late: over {LATENESS_LIMIT_MS:g} ms (p99) a bench would not count this load")
    if audit.dropped:
        lines.append(
            "dropped: more frames were in flight than there was room for; latencies leave out those that never left"
        )
    return "\n".join(lines)


def _latencies(rows: Sequence[Row]) -> list[str]:
    found = [row.latency_s * 1000 for row in rows if row.latency_s is not None]
    each = [percentile(found, q) for q in PERCENTILES.values()]
    return ["-" if value is None else f"{value:.1f}" for value in (*each, max(found, default=None))]


def _share(n: int, total: int) -> str:
    return f"{n / total:.1%}" if total else "-"

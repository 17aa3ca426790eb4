"""The harness inside a cluster, as its Job starts it: `python -m benchmarks.cluster.harness`.

Environment: WORLDS (namespaces by arm, JSON), RUN_ARCHIVE (a file), RESULTS (a folder), COLLECT_S, CONTROL_TOKEN.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TextIO, cast

from rich.console import Console

from benchmarks import machine
from benchmarks.bench import measure
from benchmarks.cluster.archive import unpack
from benchmarks.cluster.desk import Desk
from benchmarks.cluster.turns import Turns
from benchmarks.errors import UNPROVEN, WRONG
from benchmarks.mendable import MENDABLE, sentences
from benchmarks.results import Run
from benchmarks.signals import interruptible
from benchmarks.worlds import Up, all_are_up, until_idle
from k8s.cluster.api import Api
from k8s.cluster.control import VARIABLE
from k8s.cluster.job import PORT, RESULTS_S
from k8s.cluster.reach import Inside
from k8s.cluster.rest import rest
from k8s.cluster.target import ClusterTarget
from k8s.target import TargetError

LINE_WIDTH = 1000
"""Wide enough that a line stays one: whoever prints it at last breaks it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the Job is told by its environment."""

    worlds: Mapping[str, str]
    archive: Path
    results: Path
    collect_s: float
    token: str = field(repr=False)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Raises KeyError: the Job was not made by goaround."""
        return cls(
            worlds=json.loads(environment["WORLDS"]),
            archive=Path(environment["RUN_ARCHIVE"]),
            results=Path(environment["RESULTS"]),
            collect_s=float(environment["COLLECT_S"]),
            token=environment[VARIABLE],
        )


async def serve(settings: Settings, api: Api, port: int = PORT, log: TextIO | None = None) -> int:
    """Run the bench, answer whoever asks for it, and wait until the results are fetched; gives the exit code.

    Worlds rest when nobody has come for them within COLLECT_S, and RESULTS_S later it ends.
    What it says goes to `log` too, standard output if left out.
    """
    run = unpack(settings.archive.read_bytes(), settings.results)
    desk = Desk(run, settings.token, log or sys.stdout)
    console = Console(file=cast(TextIO, desk), width=LINE_WIDTH, highlight=False)
    async with desk.open(port):
        desk.over(*await _measured(run, settings, api, console))
        if not await desk.collected(settings.collect_s):
            console.print(
                f"nobody has fetched the results within {settings.collect_s:g} s: the worlds are put to rest, and the "
                f"results are kept for {RESULTS_S / 3600:g} h more"
            )
            # nobody else may ever come, and their pods would hold what they have asked for
            await asyncio.gather(*(_rest(api, world, console) for world in settings.worlds.values()))
            await desk.collected(RESULTS_S)
        return desk.code


async def _rest(api: Api, world: str, console: Console) -> None:
    try:
        await rest(api, world)
    except TargetError as error:
        console.print(f"world {world}: {error}", markup=False)


async def _measured(run: Run, settings: Settings, api: Api, console: Console) -> tuple[int, list[str]]:
    """The exit code, and what was wrong in sentences; a defect of ours is told with its traceback in the log."""
    seen = machine.describe()
    try:
        # only what the cluster itself does not say of where this pod runs
        run.measured_in({key: seen[key] for key in ("processor", "python")}, machine.versions())
        await measure(run, partial(found, settings, api, run), console)
    except MENDABLE as error:
        return WRONG, sentences(error)
    except Exception as error:
        console.print(traceback.format_exc(), markup=False)
        return WRONG, [f"the harness has failed: {type(error).__name__}: {error}"]
    return (UNPROVEN if run.unproven() else 0), []


@asynccontextmanager
async def found(settings: Settings, api: Api, run: Run, say: Callable[[str], None]) -> AsyncIterator[Up]:
    """The worlds that stand already, by arm; whoever made them ends them. Raises TargetError: one is not there."""
    target = ClusterTarget(api, reach=Inside())
    worlds = {arm: await target.world(name) for arm, name in settings.worlds.items()}
    if run.header.one_world_at_a_time:
        yield Up(worlds, Turns(api, worlds, say))
        return
    await until_idle(worlds.values())
    yield Up(worlds, all_are_up)


async def _until_terminated(settings: Settings, api: Api) -> int:
    with contextlib.suppress(asyncio.CancelledError):
        return await interruptible(serve(settings, api))
    return 128 + signal.SIGTERM


def main() -> None:
    """Run it; exit code as of `goaround bench`."""
    settings = Settings.read(os.environ)
    sys.exit(asyncio.run(_until_terminated(settings, Api.in_cluster())))


if __name__ == "__main__":
    main()

"""The conductor: one run after the other for a Locust process, which plays the load and shows what happens.

`python -m benchmarks.conductor [RESULTS]` takes JSON lines on stdin and answers on stdout, see docs/architecture.md.
Worlds are started when their mode is first asked for, and stay; all end when stdin closes. Each run is kept as any
other.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from benchmarks import order as orders
from benchmarks import results
from benchmarks.arm import Arm
from benchmarks.cell import ENTRANCE, Conduct
from benchmarks.errors import BadInput
from benchmarks.faults import FaultFailed
from benchmarks.live import live
from benchmarks.order import Order
from benchmarks.pods import Pods, PodUnreachable
from benchmarks.report import save
from benchmarks.results import Run
from benchmarks.worlds import Prepared, prepare, until_idle
from istio.envoy import NoEnvoy
from k8s.local.target import LocalTarget
from k8s.target import MeshOptions, Target, TargetError, World
from loadtests.audit import Audit
from loadtests.client import Progress, RunRefusedError, RunSpec
from loadtests.run import ALL, OWN

PROFILE = "quick"
LIVE_S = 1.0
NOT_INTERLEAVED = "one run in one arm, asked for in Locust: no other arm was measured beside it"
# What a user can cause and mend; anything else is a defect, and ends the conductor with its traceback.
MENDABLE = (BadInput, TargetError, NoEnvoy, PodUnreachable, FaultFailed, RunRefusedError)

T = TypeVar("T")
Say = Callable[[str, Any], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for: an order of one cell, and the pod at which all frames enter (None: every collector)."""

    order: Order
    entry: str | None


def wanted(fields: Mapping[str, str | None]) -> Wanted:
    """Read what a form says, text by text; what is empty is as the scenario has it.

    Raises:
        BadInput: with everything that is wrong, at once.

    """
    problems: list[str] = []

    def number(name: str, read: Callable[[str], T], wish: str) -> T | None:
        text = fields.get(name)
        try:
            return read(text) if text else None
        except ValueError:
            problems.append(f"{name}: {text!r} is not right, it should be {wish}")
            return None

    rate = number("rate", float, "a number of frames per second, or empty for the scenario's own")
    seed = number("seed", int, "a whole number, 0 or more")
    stretch = number("stretch", float, "a number, such as 3 for phases three times as long")
    if seed is not None and seed < 0:
        problems.append(f"seed: {seed} is not right, it should be a whole number, 0 or more")
    if stretch is not None and not 0.1 <= stretch <= 100:
        problems.append(f"stretch: {stretch:g} is not right, it should be between 0.1 and 100")
    pattern = fields.get("pattern") or OWN
    if pattern not in (OWN, "poisson", "constant"):
        problems.append(f"pattern: {pattern!r} is unknown; choose from: {OWN}, poisson, constant")
    try:
        found = orders.order(
            profile_name=PROFILE,
            arms=[fields.get("mode") or "library"],
            scenario_names=[fields.get("scenario") or "steady"],
            repetitions=1,
            rate=rate,
            seed=1 if seed is None else seed,
            policies="matched",
        )
    except BadInput as bad:
        raise BadInput([*problems, *bad.problems]) from None
    if problems:
        raise BadInput(problems)
    (scenario,) = found.scenarios
    if pattern != OWN:
        scenario = scenario.model_copy(update={"load": scenario.load.model_copy(update={"pattern": pattern})})
    entry = fields.get("entry") or ALL
    scenarios = (scenario.scaled(stretch or 1.0),)
    return Wanted(replace(found, profile="locust", scenarios=scenarios), None if entry == ALL else entry)


def require_entry(found: Wanted, prepared: Prepared) -> None:
    """Refuse an entry that is not among the pods at which such a load enters.

    Raises:
        BadInput: with those pods.

    """
    (scenario,) = found.order.scenarios
    (rendered,) = prepared.rendered.values()
    there = [
        f"{each['metadata']['name']}-{number}"
        for each in rendered.objects
        if each["kind"] == "Deployment"
        and each["spec"]["template"]["metadata"]["labels"]["app"] == ENTRANCE[scenario.load.what]
        for number in range(each["spec"]["replicas"])
    ]
    if found.entry and found.entry not in there:
        choices = ", ".join((ALL, *there))
        raise BadInput([f"entry: {found.entry!r} is not where {scenario.name} enters; choose from: {choices}"])


class Desk:
    """Where the conductor hands its loads to Locust, which plays them; a loadtests.client.Player."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._played: asyncio.Future[Audit] | None = None
        self.phases: list[dict[str, Any]] = []

    async def run(self, spec: RunSpec, on_progress: Callable[[Progress], None] | None = None) -> Audit:
        """See loadtests.client.Generator.run; Locust shows its progress itself."""
        self._played = asyncio.get_running_loop().create_future()
        self._say("run", {"spec": spec.model_dump(mode="json"), "phases": self.phases})
        return await self._played

    def answer(self, kind: str, what: Any) -> None:
        """Take what Locust says of the load in hand."""
        if self._played is None or self._played.done():
            return
        if kind == "done":
            self._played.set_result(Audit(**what))
        else:
            self._played.set_exception(RunRefusedError(str(what)))


class Conductor:
    """Runs what is asked for, one at a time, in worlds that hang on `stack`."""

    def __init__(
        self, http: aiohttp.ClientSession, target: Target, stack: AsyncExitStack, say: Say, into: Path
    ) -> None:
        self.desk = Desk(say)
        self._http, self._target, self._stack, self._say, self._into = http, target, stack, say, into
        self._worlds: dict[str, World] = {}
        self._starting = asyncio.Lock()

    def check(self, fields: Mapping[str, str | None]) -> None:
        """Say whether a run could be begun."""
        try:
            found = wanted(fields)
            prepared = self._prepared(found.order)
            orders.require_victims(found.order.scenarios, prepared.rendered)
            orders.require_effect(found.order, prepared.rendered)
            orders.require_support(self._target, found.order, prepared.rendered)
            require_entry(found, prepared)
        except MENDABLE as error:
            self._say("refused", _problems(error))
        else:
            self._say("accepted", True)

    async def warm(self, fields: Mapping[str, str | None]) -> None:
        """Start a world before it is needed."""
        with contextlib.suppress(*MENDABLE):  # whoever asks for a run in it is told
            order = wanted({"mode": fields.get("mode")}).order
            await self._world(order, self._prepared(order))

    async def order(self, fields: Mapping[str, str | None]) -> None:
        """Make a run, and say where it was kept, or why there is none."""
        try:
            found = wanted(fields)
            prepared = self._prepared(found.order)
            world = await self._world(found.order, prepared)
            run = orders.create(found.order, prepared.rendered, self._into)
            run.note(NOT_INTERLEAVED)
            if found.entry:
                run.note(f"every frame entered at {found.entry}")
            await self._cell(run, found, world)
        except MENDABLE as error:
            self._say("refused", _problems(error))

    async def _cell(self, run: Run, found: Wanted, world: World) -> None:
        (cell,) = run.plan
        scenario = run.scenarios[cell.scenario]
        self.desk.phases = [phase.model_dump() for phase in scenario.timeline()]
        self._say("say", f"{cell.arm}: the world is brought back to its first state")
        conduct = Conduct(self._http, self.desk, self._worlds, lambda _: None, found.entry)
        watching = asyncio.create_task(self._watch(world))
        try:
            record = run.save(cell, await conduct.run(cell, scenario, run.begin(cell)))
        except RunRefusedError:
            shutil.rmtree(run.folder)  # nothing was sent: there is nothing to keep
            raise
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        save(run)
        report = next(path for path in (run.folder / "report.html", run.folder / "report.md") if path.exists())
        kept = {"run": run.name, "arm": cell.arm, "scenario": cell.scenario, "void": list(record.void)}
        self._say("kept", {**kept, "report": str(report)})

    async def _watch(self, world: World) -> None:
        """Say once a second what happens on each edge."""
        pods = Pods(self._http, (await world.status()).pods)
        before = await world.proxy_stats()
        while True:
            # a pod that is being killed does not answer: the next second it does
            with contextlib.suppress(PodUnreachable, TargetError):
                counters, timelines, proxies = await asyncio.gather(
                    pods.counters(), pods.timelines(), world.proxy_stats()
                )
                self._say("state", live(pods.pods, counters, timelines, before, proxies))
            await asyncio.sleep(LIVE_S)

    def _prepared(self, order: Order) -> Prepared:
        mesh = MeshOptions(istio_version=order.istio_version)
        return prepare(self._target, order.arms, order.times, mesh, running=self._worlds)

    async def _world(self, order: Order, prepared: Prepared) -> World:
        (arm,) = order.arms
        async with self._starting:
            return await self._started(arm, order.seed, prepared)

    async def _started(self, arm: Arm, seed: int, prepared: Prepared) -> World:
        if arm.name not in self._worlds:
            self._say("say", f"{arm.name}: its world is started ({prepared.memory})")
            began = time.monotonic()
            name = f"locust-{os.getpid()}-{len(self._worlds)}-{arm.mode}"
            world = await self._target.up(name, prepared.rendered[arm.name], attached=True, seed=seed)
            self._stack.push_async_callback(world.down)
            await until_idle([world])
            self._say("say", f"{arm.name}: its world was ready and calm after {time.monotonic() - began:.1f} s")
            self._worlds[arm.name] = world
        return self._worlds[arm.name]


def _problems(error: Exception) -> list[str]:
    return list(map(str, getattr(error, "problems", None) or getattr(error, "errors", None) or [error]))


async def serve(say: Say, into: Path = results.FOLDER) -> None:
    """Take lines from stdin until it closes; a run in hand is then given up, and every world ended."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)))
        conductor = Conductor(http, LocalTarget(), stack, say, into)
        running: set[asyncio.Task[None]] = set()
        while line := await reader.readline():
            ((kind, what),) = json.loads(line).items()
            match kind:
                case "check":
                    conductor.check(what)
                case "order" | "warm":
                    task = asyncio.create_task(conductor.order(what) if kind == "order" else conductor.warm(what))
                    running.add(task)
                    task.add_done_callback(_raise)
                    task.add_done_callback(running.discard)
                case _:
                    conductor.desk.answer(kind, what)
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _raise(task: asyncio.Task[None]) -> None:
    """End the conductor for a defect: Locust then says that it is gone, and the traceback is on stderr."""
    if not task.cancelled() and task.exception() is not None:
        task.print_stack(file=sys.stderr)
        os._exit(1)


def main() -> None:
    """Serve Locust on stdin and stdout."""
    # whatever else prints must not get between the JSON lines: file descriptor 1 becomes stderr for everyone else
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(kind: str, what: Any) -> None:
        with contextlib.suppress(BrokenPipeError):  # the end of stdin says the same, and ends us
            out.write(json.dumps({kind: what}) + "\n")
            out.flush()

    asyncio.run(serve(say, Path(sys.argv[1]) if sys.argv[1:] else results.FOLDER))


if __name__ == "__main__":
    main()

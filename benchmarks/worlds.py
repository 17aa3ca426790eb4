"""The worlds of a bench: enough memory for all of them, started one after the other, and gone when it ends."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, replace

import psutil

from benchmarks.arm import Arm
from benchmarks.cell import IDLE_LIMIT
from benchmarks.errors import BadInput
from benchmarks.profile import PolicyTimes
from istio.call_log import Logged
from k8s.render import NAMESPACE, Rendered, render
from k8s.target import AS_INSTALLED, MeshOptions, Target, World

_CALL_LOG: Mapping[Logged, str] = {"none": "off", "failed": "kept", "all": "on"}
IDLE_SAMPLE_S = 1.0
IDLE_DEADLINE_S = 20.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """Worlds that can be started: what each arm's is made of, and the line that says what memory they need."""

    rendered: Mapping[str, Rendered]
    memory: str


async def all_are_up(_arm: str) -> None:
    """Nothing is to be done before a cell: every world is up from the first to the last."""


@dataclass(frozen=True, slots=True)
class Up:
    """Worlds that can be measured, by arm. `turn` is awaited before each cell: it brings up the world of that arm."""

    worlds: Mapping[str, World]
    turn: Callable[[str], Awaitable[None]] = all_are_up


Open = Callable[[Callable[[str], None]], AbstractAsyncContextManager[Up]]
"""Starts or finds worlds, and says so in lines."""


def prepare(
    target: Target,
    arms: Sequence[Arm],
    times: PolicyTimes | None,
    mesh: MeshOptions = AS_INSTALLED,
    namespace: str = NAMESPACE,
    running: Collection[str] = (),
    calls: Logged = "failed",
) -> Prepared:
    """Find out whether all worlds can run here, before anything is started or written.

    Those of the arms in `running` have their memory already. `calls`: which are kept, so that they can be traced; of
    those that failed, services hold all in memory until they are asked (CALL_LOG=kept).

    Raises:
        TargetError: something cannot be rendered, or cannot run on this target.
        BadInput: there is not enough memory.

    """
    rendered = {arm.name: rendered_for(arm, times, mesh, namespace, calls) for arm in arms}
    needs = {arm: target.need(each).memory for arm, each in rendered.items() if arm not in running}
    return Prepared(rendered, require_memory(needs, available_memory()))


def rendered_for(
    arm: Arm,
    times: PolicyTimes | None,
    mesh: MeshOptions = AS_INSTALLED,
    namespace: str = NAMESPACE,
    calls: Logged = "failed",
) -> Rendered:
    """What an arm's world is made of. Raises TargetError: something cannot be rendered."""
    overrides = asdict(times) if times else {}
    return render(
        arm.mode,
        arm.policies,
        {**overrides, "env": {"*": {"CALL_LOG": _CALL_LOG[calls]}}, "settings": dict(arm.settings)},
        replace(mesh, mtls=mesh.mtls and not arm.plaintext, call_log=calls),
        namespace,
    )


def gib(n: float) -> str:
    """Bytes as a person reads them."""
    return f"{n / 2**30:.1f} GiB"


def available_memory() -> int:
    """Bytes that new processes can have without swapping."""
    return int(psutil.virtual_memory().available)


def require_memory(needs: Mapping[str, int], available: int) -> str:
    """The line that says what the worlds will need.

    Raises:
        BadInput: it is more than there is.

    """
    total = sum(needs.values())
    parts = ", ".join(f"{arm} {gib(need)}" for arm, need in needs.items())
    line = f"memory: {gib(total)} needed ({parts}), {gib(available)} available"
    if total > available:
        raise BadInput([f"{line}; end other programs, or run fewer arms or scenarios with --arm and --scenario"])
    return line


async def until_idle(worlds: Iterable[World]) -> None:
    """Wait until no world uses more than an idle one may: a proxy is busy for a while after it is ready.

    After IDLE_DEADLINE_S the bench begins all the same; a cell beside a busy world is void, and says so.
    """
    each = list(worlds)
    deadline = time.monotonic() + IDLE_DEADLINE_S
    while time.monotonic() < deadline:
        before, began = await _cpu_s(each), time.monotonic()
        await asyncio.sleep(IDLE_SAMPLE_S)
        after, elapsed = await _cpu_s(each), time.monotonic() - began
        if all(now - then < IDLE_LIMIT * elapsed for then, now in zip(before, after, strict=True)):
            return


async def _cpu_s(worlds: Sequence[World]) -> list[float]:
    usages = await asyncio.gather(*(world.usage() for world in worlds))
    return [usage.app.cpu_s + usage.proxy.cpu_s for usage in usages]


@asynccontextmanager
async def running(target: Target, prepared: Prepared, seed: int, say: Callable[[str], None]) -> AsyncIterator[Up]:
    """All worlds, ready, by arm. They hang on this process: should it be killed, they end with it."""
    async with AsyncExitStack() as stack:
        worlds: dict[str, World] = {}
        for number, (arm, parts) in enumerate(prepared.rendered.items(), start=1):
            began = time.monotonic()
            world = await target.up(f"bench-{os.getpid()}-{number}-{parts.mode}", parts, attached=True, seed=seed)
            stack.push_async_callback(world.down)
            pods = len((await world.status()).pods)
            say(f"world {arm}: {pods} pods ready in {time.monotonic() - began:.1f} s")
            worlds[arm] = world
        await until_idle(worlds.values())
        yield Up(worlds)

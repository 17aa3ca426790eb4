"""The worlds of a bench: enough memory for all of them, started one after the other, and gone when it ends."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from benchmarks.arm import Arm
from benchmarks.errors import BadInput
from benchmarks.profile import PolicyTimes
from k8s.render import Rendered, render
from k8s.target import Target, World


def render_arms(arms: Sequence[Arm], times: PolicyTimes | None) -> dict[str, Rendered]:
    """What each arm's world is made of; raises what `k8s.render.render` raises."""
    overrides = {} if times is None else {"interval_s": times.interval_s, "base_ejection_s": times.base_ejection_s}
    return {arm.name: render(arm.mode, arm.policies, overrides) for arm in arms}


def gib(n: float) -> str:
    """Bytes as a person reads them."""
    return f"{n / 2**30:.1f} GiB"


def require_memory(needs: Mapping[str, int], available: int) -> str:
    """The line that says what the worlds will need.

    Raises:
        BadInput: it is more than there is.

    """
    total = sum(needs.values())
    parts = ", ".join(f"{arm} {gib(need)}" for arm, need in needs.items())
    line = f"memory: {gib(total)} needed ({parts}), {gib(available)} available"
    if total > available:
        raise BadInput([f"{line}; end other programs, or run fewer arms with --arm"])
    return line


@asynccontextmanager
async def running(
    target: Target, rendered: Mapping[str, Rendered], seed: int, say: Callable[[str], None]
) -> AsyncIterator[dict[str, World]]:
    """All worlds, ready, by arm. They hang on this process: should it be killed, they end with it."""
    async with AsyncExitStack() as stack:
        worlds = {}
        for number, (arm, parts) in enumerate(rendered.items(), start=1):
            began = time.monotonic()
            world = await target.up(f"bench-{os.getpid()}-{number}-{parts.mode}", parts, attached=True, seed=seed)
            stack.push_async_callback(world.down)
            pods = len((await world.status()).pods)
            say(f"world {arm}: {pods} pods ready in {time.monotonic() - began:.1f} s")
            worlds[arm] = world
        yield worlds

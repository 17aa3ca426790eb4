"""What the process behind a victim's admin port says of itself: since when it is there, and what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from benchmarks.faults.fault import FaultFailed, Victim


@dataclass(frozen=True, slots=True)
class Process:
    """`age_s`: seconds since it was started. `settings`: variables of the pod contract, as it has read them."""

    age_s: float
    settings: Mapping[str, Any]


async def process(http: aiohttp.ClientSession, pod: str, admin: str) -> Process:
    """Ask a pod at its admin port, HOST:PORT. Raises FaultFailed when it does not tell."""
    try:
        async with http.get(f"http://{admin}/process") as answer:
            answer.raise_for_status()
            body = await answer.json()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise FaultFailed(f"{pod} does not tell of its process at {admin}: {error}") from error
    return Process(float(body["age_s"]), body["settings"])


async def ended_after(
    http: aiohttp.ClientSession, victims: Sequence[Victim], began: float, clock: Callable[[], float]
) -> dict[str, float]:
    """Seconds from `began` until another process stood in the place of the one that was struck; only where one does.

    A fault that is in a process ends with it. Raises FaultFailed.
    """
    now = clock()
    told = await asyncio.gather(*(process(http, victim.pod, victim.admin) for victim in victims))
    lived = {victim.pod: now - one.age_s - began for victim, one in zip(victims, told, strict=True)}
    return {pod: round(seconds, 3) for pod, seconds in lived.items() if seconds > 0}

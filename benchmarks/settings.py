"""What a scenario's services are told besides their manifests, for the length of a cell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Literal

import aiohttp
import yaml
from pydantic import Field

from benchmarks.faults import FaultFailed, Service
from benchmarks.faults.process import process
from benchmarks.faults.whole import whole
from k8s.target import World

Variable = Literal["CPU_MS", "IDEMPOTENCY", "RESILIENCE_MODE", "SERVICE_TIME_MS", "WORKERS"]
"""Those of the pod contract (docs/architecture.md) that are a condition of an experiment."""
Settings = dict[Service, dict[Variable, Annotated[str, Field(min_length=1)]]]


@asynccontextmanager
async def told(world: World, http: aiohttp.ClientSession, settings: Settings, ttl_s: float) -> AsyncIterator[None]:
    """Start the pods of these services again with their variables, and at the end without them.

    After `ttl_s` seconds the world does the latter by itself. Raises TargetError when a pod does not come back, and
    FaultFailed when a process, before the block or after it, does not run with what it was told.
    """
    wanted: dict[str, dict[str, str]] = {
        service: {str(name): value for name, value in env.items()} for service, env in settings.items()
    }
    pods = [(pod.name, wanted[pod.service]) for pod in (await world.status()).pods if pod.service in wanted]
    try:
        await whole(world.restart(pod, env, ttl_s) for pod, env in pods)
        await _proven(world, http, wanted)
        yield
        await _proven(world, http, wanted)
    finally:
        await whole(world.restart(pod) for pod, _ in pods)


async def _proven(world: World, http: aiohttp.ClientSession, wanted: Mapping[str, Mapping[str, str]]) -> None:
    """Ask each process what it runs with. A value is what YAML makes of it: `off` is false, and `60` is 60.0."""
    pods = [pod for pod in (await world.status()).pods if pod.service in wanted]
    told = await asyncio.gather(*(process(http, pod.name, pod.admin) for pod in pods))
    wrong = [
        f"{pod.name} runs with {name}={one.settings[name]}, and was told {value}"
        for pod, one in zip(pods, told, strict=True)
        for name, value in wanted[pod.service].items()
        if one.settings[name] != yaml.safe_load(value)
    ]
    wrong += [f"{service} has no pod" for service in sorted(wanted.keys() - {pod.service for pod in pods})]
    if wrong:
        raise FaultFailed("; ".join(wrong))

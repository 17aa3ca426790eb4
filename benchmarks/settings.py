"""What a scenario's services are told besides their manifests, for the length of a cell."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Literal

from pydantic import Field

from benchmarks.faults import Service
from benchmarks.faults.whole import whole
from k8s.target import World

Variable = Literal["CPU_MS", "IDEMPOTENCY", "RESILIENCE_MODE", "SERVICE_TIME_MS", "WORKERS"]
"""Those of the pod contract (docs/architecture.md) that are a condition of an experiment."""
Settings = dict[Service, dict[Variable, Annotated[str, Field(min_length=1)]]]


@asynccontextmanager
async def told(world: World, settings: Settings, ttl_s: float) -> AsyncIterator[None]:
    """Start the pods of these services again with their variables, and at the end without them.

    After `ttl_s` seconds the world does the latter by itself. Raises TargetError when a pod does not come back.
    """
    wanted: dict[str, dict[str, str]] = {
        service: {str(name): value for name, value in env.items()} for service, env in settings.items()
    }
    pods = [(pod.name, wanted[pod.service]) for pod in (await world.status()).pods if pod.service in wanted]
    try:
        await whole(world.restart(pod, env, ttl_s) for pod, env in pods)
        yield
    finally:
        await whole(world.restart(pod) for pod, _ in pods)

"""A mesh of two replicas of one real service, which has a library, with real Envoys: small enough for one module."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.faults import Site, Victim
from k8s.local.client import LocalWorld
from k8s.local.target import LocalTarget
from k8s.target import AS_INSTALLED, Rendered
from tests.k8s.tiny import injected, service

SLOW = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "VirtualService",
    "metadata": {"name": "slow"},
    "spec": {
        "hosts": ["image-analysis"],
        "http": [{"route": [{"destination": {"host": "image-analysis"}}], "timeout": "7s"}],
    },
}

ENVIRONMENT = {
    "SERVICE_NAME": "image-analysis",
    "POD_NAME": "image-analysis",
    "FAULT_CONTROL": "on",
    "RESILIENCE_MODE": "library",
}


@dataclass
class SmallMesh:
    """The world, and a session for admin ports."""

    world: LocalWorld
    http: aiohttp.ClientSession

    async def site(self, ttl_s: float = 600) -> Site:
        """Where a fault strikes the first replica."""
        pod = (await self.world.status()).pods[0]
        return Site(self.world, self.http, [Victim(pod.name, pod.app, pod.admin)], "f1", 1, ttl_s)


@asynccontextmanager
async def running(state: Path) -> AsyncIterator[SmallMesh]:
    """Start it; whatever was started is ended on the way out."""
    policies = state / "policies.json"
    policies.write_text("{}")
    objects = [_deployment(POLICIES_FILE=str(policies)), service("image-analysis")]
    rendered = Rendered("both", None, objects, [SLOW], mesh=AS_INSTALLED)
    world = await LocalTarget(state).up("small-mesh", rendered, attached=True, seed=1)
    try:
        async with aiohttp.ClientSession() as http:
            yield SmallMesh(world, http)
    finally:
        await world.down()


def _deployment(**told: str) -> dict[str, Any]:
    made = injected("image-analysis")
    made["spec"]["replicas"] = 2
    (container,) = made["spec"]["template"]["spec"]["containers"]
    container["command"] = ["python", "-m", "services.image_analysis"]
    container["env"] += [{"name": name, "value": value} for name, value in {**ENVIRONMENT, **told}.items()]
    return made

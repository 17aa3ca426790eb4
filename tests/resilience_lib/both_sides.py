"""The real Envoy and the engine, each to be given the same Istio objects and the same scripts for its replicas."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from istio import library
from resilience_lib import (
    Address,
    EndpointPipeline,
    EndpointPolicy,
    Outcome,
)
from tests.istio import running
from tests.istio.running import Mesh, running_mesh
from tests.istio.world import compiled, destination_rule, objects, virtual_service
from tests.resilience_lib.replica import Replica, Step
from tests.resilience_lib.world import CLOSED, UNREACHABLE, now, run

PODS = {
    callee: {pod: (ip, 8080) for ip, pod in running.PODS.items() if pod.startswith(f"{callee}-")}
    for callee in ("alerts", "image-analysis")
}
Scripts = Mapping[str, Sequence[Step] | None]
"""What each replica does with the requests that reach it, one after the other; None: it refuses connections."""


@dataclass(frozen=True)
class Call:
    """What a caller saw, and which replicas its tries met, in order."""

    status: int
    met: tuple[str, ...]


@dataclass
class Envoy:
    """A running sidecar before scripted replicas."""

    runner: asyncio.Runner = field(repr=False)
    mesh: Mesh = field(repr=False)
    met: list[str]
    replicas: dict[str, Replica] = field(default_factory=dict, repr=False)

    def plays(self, callee: str, text: str, scripts: Scripts, calls: int, settle_s: float = 0.0) -> list[Call]:
        """Call `callee` one call after the other, from a state in which nobody is ejected.

        After each ejection wait for `settle_s`.
        """
        return self.runner.run(self._plays(callee, text, scripts, calls, settle_s))

    async def apply(self, text: str, scripts: Scripts) -> None:
        """Publish what `text` compiles to, as clusters that have seen nothing yet, and hand out the scripts."""
        # nobody listens on the first ports of a machine; to Envoy, two hosts of one address would be one
        addresses = {
            address: ("127.0.0.1", number)
            if name in scripts and scripts[name] is None
            else self.mesh.addresses[address]
            for pods in PODS.values()
            for number, (name, address) in enumerate(pods.items(), 1)
        }
        await self.mesh.sidecar.publish(compiled(text), {**self.mesh.addresses, **addresses})
        await self.mesh.sidecar.reset()
        for name, replica in self.replicas.items():
            replica.script = [*(scripts.get(name) or ())]
            replica.held = []

    async def call(self, callee: str) -> Call:
        """Make one call."""
        self.met.clear()
        status, _ = await self.mesh.get(callee)
        return Call(status, tuple(self.met))

    async def _plays(self, callee: str, text: str, scripts: Scripts, calls: int, settle_s: float) -> list[Call]:
        await self.apply(text, scripts)
        seen, ejections = [], (await self.mesh.edge(callee)).ejections
        for _ in range(calls):
            seen.append(await self.call(callee))
            before, ejections = ejections, (await self.mesh.edge(callee)).ejections
            if ejections > before:
                await asyncio.sleep(settle_s)
        return seen


async def running_envoy(stack: contextlib.AsyncExitStack, runner: asyncio.Runner, directory: Path) -> Envoy:
    envoy = Envoy(runner, await stack.enter_async_context(running_mesh(directory)), [])
    for pods in PODS.values():
        for name, address in pods.items():
            replica = envoy.replicas[name] = Replica(name, envoy.met)
            server = await asyncio.start_server(replica.serve, "127.0.0.1", 0)
            stack.callback(server.close)
            host, port = server.sockets[0].getsockname()
            envoy.mesh.addresses[address] = (host, port)
    return envoy


def istio_objects(callee: str, route: str, policy: str, balancer: str = "simple: ROUND_ROBIN") -> str:
    """Write a VirtualService with this beginning of a route, and a DestinationRule with these blocks."""
    service = virtual_service(callee, f"{{{route}route: [{{destination: {{host: {callee}}}}}]}}")
    return service + destination_rule(callee, f"trafficPolicy: {{{policy}loadBalancer: {{{balancer}}}}}")


def policy_of(text: str, callee: str) -> EndpointPolicy:
    """Derive the engine's policy from Istio objects, of which it must carry everything."""
    policies, left = library.endpoint_policies(objects(text), [callee])
    assert left == []
    return policies[callee]


class BeginningWith(Random):
    """Randomness with which ROUND_ROBIN begins its count with a number of our choice."""

    def __init__(self, first: int) -> None:
        super().__init__(1)
        self._first = first

    def getrandbits(self, k: int) -> int:
        return self._first


def engine_plays(policy: EndpointPolicy, scripts: Scripts, calls: int, first: int = 0) -> list[Call]:
    """Make the same calls by the engine; `first` is what ROUND_ROBIN's count begins with."""
    steps = {(name, 8080): None if script is None else [*script] for name, script in scripts.items()}

    async def main() -> list[Call]:
        met: list[str] = []
        pipeline = EndpointPipeline(policy, steps, clock=now, rng=BeginningWith(first))

        async def one_try(address: Address) -> Outcome[Any]:
            script = steps[address]
            if script is None:
                return UNREACHABLE
            met.append(address[0])
            step: Step = script.pop(0) if script else 200
            if step == "hang":
                await asyncio.sleep(3600)
            return CLOSED if isinstance(step, str) else Outcome(step)

        seen = []
        for _ in range(calls):
            met.clear()
            outcome = await pipeline.call(one_try)
            seen.append(Call(outcome.status, tuple(met)))
        return seen

    return run(main)

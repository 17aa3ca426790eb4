"""Concurrent calls to one replica, step by step: what is under way, what waits, and what is refused, on both sides.

After each step both sides come to rest before the next one, so what happens does not depend on who is faster.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Literal, NamedTuple

from resilience_lib import Address, EndpointPipeline, EndpointPolicy, Flag, Outcome
from tests.istio.running import eventually
from tests.resilience_lib.both_sides import Envoy, policy_of
from tests.resilience_lib.world import now, run

CALLEE, REPLICA = "alerts", "alerts-0"
PENDING = f"cluster.outbound|8080||{CALLEE}.airport.svc.cluster.local;.upstream_rq_pending_active"
LONGER_THAN_A_PAUSE = 1.0


class Answer(NamedTuple):
    """Answer a request that the replica holds: the `which`-th, counted round and round."""

    which: int
    status: int


Move = Literal["call"] | Answer


@dataclass(frozen=True)
class Traffic:
    """What came of it: whose tries reached the replica, in order, how calls ended, and how often a limit refused."""

    arrivals: tuple[str, ...]
    statuses: tuple[int, ...]
    refused: int
    retries_refused: int


def envoy_carries(envoy: Envoy, text: str, moves: Sequence[Move]) -> Traffic:
    """Make the moves through Envoy."""
    return envoy.runner.run(_through_envoy(envoy, text, moves))


async def _through_envoy(envoy: Envoy, text: str, moves: Sequence[Move]) -> Traffic:
    await envoy.apply(text, {REPLICA: ["hold"] * 1000})
    replica, mesh = envoy.replicas[REPLICA], envoy.mesh
    before = await mesh.edge(CALLEE)
    calls: list[asyncio.Task[tuple[int, str]]] = []
    connections = _connections(text)

    async def rests() -> bool:
        held = [one for one in replica.held if not one.answer.done()]
        waiting = (await mesh.sidecar.stats()).get(PENDING, 0)
        under_way = sum(not call.done() for call in calls)
        full = connections is not None and len(held) == connections
        return len(held) + waiting == under_way and (waiting == 0 or full)

    def call() -> None:
        calls.append(asyncio.create_task(mesh.get(CALLEE, path=f"/{len(calls)}")))

    async def move(one: Move) -> None:
        _make(one, call, [held.answer for held in replica.held if not held.answer.done()])
        await eventually(rests)

    for one in moves:
        await move(one)
    while any(not call.done() for call in calls):
        await move(Answer(0, 200))
    after = await mesh.edge(CALLEE)
    return Traffic(
        tuple(held.path for held in replica.held),
        tuple([call.result()[0] for call in calls]),
        after.overflows - before.overflows,
        after.retry_overflows - before.retry_overflows,
    )


def engine_carries(policy: EndpointPolicy, moves: Sequence[Move]) -> Traffic:
    """Make the moves through the engine."""

    async def main() -> Traffic:
        pipeline = EndpointPipeline(policy, [(REPLICA, 8080)], clock=now, rng=Random(1))
        arrivals: list[str] = []
        answers: list[asyncio.Future[int]] = []
        calls: list[asyncio.Task[Outcome[Any]]] = []

        async def one_try(name: str, _: Address) -> Outcome[Any]:
            arrivals.append(name)
            answers.append(asyncio.get_running_loop().create_future())
            return Outcome(await answers[-1])

        def call() -> None:
            calls.append(asyncio.create_task(pipeline.call(partial(one_try, str(len(calls))))))

        async def move(one: Move) -> None:
            _make(one, call, [answer for answer in answers if not answer.done()])
            await asyncio.sleep(LONGER_THAN_A_PAUSE)

        for one in moves:
            await move(one)
        while any(not call.done() for call in calls):
            await move(Answer(0, 200))
        outcomes = [call.result() for call in calls]
        overflows = [outcome for outcome in outcomes if outcome.flag is Flag.OVERFLOW]
        return Traffic(
            tuple(arrivals),
            tuple(outcome.status for outcome in outcomes),
            sum(outcome.final for outcome in overflows),
            sum(not outcome.final for outcome in overflows),
        )

    return run(main)


def _make(move: Move, call: Callable[[], None], held: Sequence[asyncio.Future[int]]) -> None:
    if move == "call":
        call()
    elif held:
        held[move.which % len(held)].set_result(move.status)


def _connections(text: str) -> int | None:
    limits = policy_of(text, CALLEE).limits
    return limits.connections if limits else None

"""The engine against the real Envoy: the same Istio objects, the same scripts for each replica, the same outcomes.

Envoy calls scripted replicas over sockets; the engine calls the same scripts in virtual time. Its policy is derived
from the Istio objects that Envoy's configuration is compiled from.

Two differences are known, and the scripts keep clear of them; both make Envoy slower than the engine to act on an
ejection, because Envoy's threads have to tell each other:

- its worker has the main thread eject. A retry of the call that ejected may leave before the word comes back, so
  either retries or ejections are on; the engine acts at once.
- changes of health that follow one another within a second reach the worker together, at the end of that second
  (Envoy's update_merge_window, which Istio leaves as it is). So either one host at most may be ejected, or the caller
  waits after each ejection; the engine acts at once.

`SCRIPTS=3000 pytest --timeout 0 tests/resilience_lib/test_against_envoy.py` is a long run.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from istio import library
from istio.objects import Objects
from resilience_lib import (
    Address,
    BalancerPolicy,
    BudgetPolicy,
    EndpointPipeline,
    EndpointPolicy,
    Outcome,
    OutlierPolicy,
)
from tests.istio import running
from tests.istio.running import Mesh, eventually, running_mesh
from tests.istio.world import compiled, destination_rule, objects, virtual_service
from tests.resilience_lib.replica import Replica, Step
from tests.resilience_lib.world import CLOSED, UNREACHABLE, now, run

NUMBER = int(os.environ.get("SCRIPTS", "50"))
# a script that disagrees is told as it is: to shrink it would take minutes of an Envoy's time
SCRIPTS = settings(max_examples=NUMBER, deadline=None, derandomize=True, phases=[Phase.generate])
FEW_SCRIPTS = settings(SCRIPTS, max_examples=max(1, NUMBER // 6))  # of those that take seconds each
PODS = {
    callee: {pod: (ip, 8080) for ip, pod in running.PODS.items() if pod.startswith(f"{callee}-")}
    for callee in ("alerts", "image-analysis")
}
PER_TRY, OVERALL = 0.25, 0.65
Scripts = Mapping[str, Sequence[Step] | None]
"""What each replica does with the requests that reach it, one after the other; None: it refuses connections."""
MERGE_WINDOW = 1.05  # Envoy's 1 s, and some


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


@pytest.fixture(scope="module")
def envoy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Envoy]:
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        try:
            yield runner.run(_running(stack, runner, tmp_path_factory.mktemp("envoy")))
        finally:
            runner.run(stack.aclose())


async def _running(stack: contextlib.AsyncExitStack, runner: asyncio.Runner, directory: Path) -> Envoy:
    envoy = Envoy(runner, await stack.enter_async_context(running_mesh(directory)), [])
    for pods in PODS.values():
        for name, address in pods.items():
            replica = envoy.replicas[name] = Replica(name, envoy.met)
            server = await asyncio.start_server(replica.serve, "127.0.0.1", 0)
            stack.callback(server.close)
            host, port = server.sockets[0].getsockname()
            envoy.mesh.addresses[address] = (host, port)
    return envoy


def policy_of(text: str, callee: str) -> EndpointPolicy:
    """Derive the engine's policy from Istio objects."""
    there = objects(text)
    edges, _ = library.policies(there, [callee])
    balancer = BalancerPolicy("ROUND_ROBIN")
    return EndpointPolicy.of(edges[callee], outlier_of(there), budget=budget_of(there), balancer=balancer)


def budget_of(there: Objects) -> BudgetPolicy | None:
    rules = [rule.spec.traffic_policy for rule in there.destination_rules]
    budget = next((rule.retry_budget for rule in rules if rule and rule.retry_budget), None)
    if budget is None:
        return None
    return BudgetPolicy(
        20 if budget.percent is None else budget.percent,
        3 if budget.min_retry_concurrency is None else budget.min_retry_concurrency,
    )


def outlier_of(there: Objects) -> OutlierPolicy | None:
    rules = [rule.spec.traffic_policy for rule in there.destination_rules]
    outlier = next((rule.outlier_detection for rule in rules if rule and rule.outlier_detection), None)
    if outlier is None:
        return None
    return OutlierPolicy(
        5 if outlier.consecutive_5xx_errors is None else outlier.consecutive_5xx_errors,
        outlier.consecutive_gateway_errors or 0,
        (outlier.consecutive_local_origin_failures or 5) if outlier.split_external_local_origin_errors else 0,
        outlier.interval_or_default.total_seconds(),
        outlier.base_ejection_or_default.total_seconds(),
        outlier.max_ejection_percent or 10,
        outlier.min_health_percent,
    )


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


words = st.lists(
    st.sampled_from(
        ["5xx", "gateway-error", "reset", "connect-failure", "retriable-4xx", "reset-before-request", "503", "404"]
    ),
    min_size=1,
    max_size=3,
    unique=True,
).map(",".join)
NO_RETRIES = "retries: {attempts: 0}, "
retrying = st.one_of(
    st.just(("", "")),
    st.just((NO_RETRIES, "")),
    st.builds("retries: {{attempts: {}, backoff: 1ms, retryOn: '{}'}}, ".format, st.integers(1, 4), words).map(
        lambda retries: (retries, "")
    ),
)


def ejecting(*percents: int) -> st.SearchStrategy[tuple[str, str]]:
    """Return policies that eject up to so many percent, for longer than a script takes, and retry nothing."""
    return st.builds(
        "outlierDetection: {{consecutive5xxErrors: {}, consecutiveGatewayErrors: {}, interval: 300s, "
        "baseEjectionTime: 300s, maxEjectionPercent: {}, minHealthPercent: {}, "
        "splitExternalLocalOriginErrors: {}}}, ".format,
        st.integers(0, 4),
        st.integers(0, 3),
        st.sampled_from(percents),
        st.sampled_from([0, 50]),
        st.sampled_from(["true", "false"]),
    ).map(lambda outlier: (NO_RETRIES, outlier))


steps: st.SearchStrategy[Step] = st.sampled_from([200, 200, 404, 409, 500, 502, 503, 503, 504, "reset"])


def istio_objects(callee: str, route: str, outlier: str) -> str:
    service = virtual_service(callee, f"{{{route}route: [{{destination: {{host: {callee}}}}}]}}")
    return service + destination_rule(callee, f"trafficPolicy: {{{outlier}loadBalancer: {{simple: ROUND_ROBIN}}}}")


def agree_before_one_host(envoy: Envoy, route: str, policy: str, script: list[Step], calls: int) -> None:
    text, scripts = istio_objects("alerts", route, policy), {"alerts-0": script}
    expected = envoy.plays("alerts", text, scripts, calls)
    assert engine_plays(policy_of(text, "alerts"), scripts, calls) == expected


def agree_before_three_hosts(
    envoy: Envoy, route: str, outlier: str, script: Sequence[Sequence[Step] | None], settle_s: float = 0.0
) -> None:
    text = istio_objects("image-analysis", route, outlier)
    scripts = dict(zip(PODS["image-analysis"], script, strict=True))
    expected = envoy.plays("image-analysis", text, scripts, 10, settle_s)
    policy = policy_of(text, "image-analysis")
    # Envoy begins its count at random, which is seen modulo 3, and modulo 2 once a replica is ejected
    assert expected in [engine_plays(policy, scripts, 10, first) for first in range(6)]


@SCRIPTS
@given(retrying | ejecting(34, 100), st.lists(steps, max_size=20))
def test_before_one_host_outcomes_and_attempts_are_exactly_envoys(
    envoy: Envoy, policy: tuple[str, str], script: list[Step]
) -> None:
    agree_before_one_host(envoy, *policy, script, 8)


@pytest.mark.parametrize("budget", ["percent: 100", "percent: 99", "percent: 0"])
@pytest.mark.parametrize("minimum", [0, 1])
@pytest.mark.parametrize("script", [[503, 200], ["reset", 200], [503, 503, 503], ["hang", 200]], ids=str)
def test_the_call_that_is_judged_is_counted_in_its_budget_as_under_envoy(
    envoy: Envoy, budget: str, minimum: int, script: list[Step]
) -> None:
    route = f"retries: {{attempts: 2, backoff: 1ms, perTryTimeout: {PER_TRY}s, retryOn: 5xx}}, "
    policy = f"retryBudget: {{{budget}, minRetryConcurrency: {minimum}}}, "
    agree_before_one_host(envoy, route, policy, script, 2)


hangs: st.SearchStrategy[list[Step]] = st.lists(st.sampled_from(["hang", 200, 503]), min_size=1, max_size=5)


@FEW_SCRIPTS
@given(st.integers(1, 3), words, st.booleans(), hangs)
def test_hanging_tries_are_cut_off_and_retried_as_under_envoy(
    envoy: Envoy, attempts: int, on: str, overall: bool, script: list[Step]
) -> None:
    limit = f"timeout: {OVERALL}s, " if overall else ""
    route = f"{limit}retries: {{attempts: {attempts}, backoff: 1ms, perTryTimeout: {PER_TRY}s, retryOn: '{on}'}}, "
    agree_before_one_host(envoy, route, "", script, 3)


@FEW_SCRIPTS
@given(ejecting(100), hangs)
def test_hanging_calls_count_against_their_host_as_under_envoy(
    envoy: Envoy, policy: tuple[str, str], script: list[Step]
) -> None:
    agree_before_one_host(envoy, f"timeout: {PER_TRY}s, {policy[0]}", policy[1], script, 5)


@SCRIPTS
@given(retrying | ejecting(34), st.lists(st.lists(steps, max_size=8), min_size=3, max_size=3))
def test_before_three_hosts_every_try_meets_the_one_that_it_meets_under_envoy(
    envoy: Envoy, policy: tuple[str, str], script: list[list[Step]]
) -> None:
    agree_before_three_hosts(envoy, *policy, script)


@SCRIPTS
@given(retrying | ejecting(34), st.lists(st.none() | st.lists(steps, max_size=6), min_size=3, max_size=3))
def test_hosts_that_refuse_connections_are_left_as_under_envoy(
    envoy: Envoy, policy: tuple[str, str], script: list[list[Step] | None]
) -> None:
    agree_before_three_hosts(envoy, *policy, script)


@FEW_SCRIPTS
@given(ejecting(67, 100), st.lists(st.lists(steps, max_size=8), min_size=3, max_size=3))
def test_several_ejections_leave_the_hosts_that_they_leave_under_envoy(
    envoy: Envoy, policy: tuple[str, str], script: list[list[Step]]
) -> None:
    agree_before_three_hosts(envoy, *policy, script, MERGE_WINDOW)


def test_ejections_end_within_one_sweep_of_envoys_and_grow_as_envoys_do(envoy: Envoy) -> None:
    interval, base = 0.3, 1.1  # longer than the window in which changes are merged
    times = f"interval: {interval}s, baseEjectionTime: {base}s"
    outlier = f"outlierDetection: {{consecutive5xxErrors: 1, {times}, maxEjectionPercent: 100}}, "
    text = istio_objects("alerts", NO_RETRIES, outlier)

    async def ejected(count: int) -> bool:
        return (await envoy.mesh.edge("alerts")).active_ejections == count

    async def ejections() -> list[float]:
        await envoy.apply(text, {"alerts-0": [503, 503]})
        lasted: list[float] = []
        while len(lasted) < 2:
            began = time.monotonic()
            assert (await envoy.call("alerts")).met == ("alerts-0",)  # the failure that ejects
            await eventually(lambda: ejected(1))
            await eventually(lambda: ejected(0))
            lasted.append(time.monotonic() - began)
        return lasted

    for number, lasted in enumerate(envoy.runner.run(ejections()), 1):
        assert base * number <= lasted <= base * number + interval + 0.3  # what timers and questions may add

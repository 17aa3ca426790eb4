"""What happened on each edge between two looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.watch.edge import edges, quantile
from benchmarks.watch.snapshot import Snapshot, durations
from k8s.target import KindUsage, Pod
from services.runtime.metrics import exposition
from services.runtime.settings import Settings
from services.runtime.telemetry import Telemetry


def pod(name: str) -> Pod:
    return Pod(name, name[0], "v1", "Running", True, 0, 1.0, "", "h:1", "h:1", "h:2", None, KindUsage(), None)


def seen(at_s: float, telemetries: Mapping[str, Telemetry], silent: Sequence[str] = ()) -> Snapshot:
    """Look at pods that count as the services do."""
    told = {name: one for name, one in telemetries.items() if name not in silent}
    return Snapshot(
        at_s,
        [pod(name) for name in told],
        {name: one.counters() for name, one in told.items()},
        {name: one.timeline.to_json() for name, one in told.items()},
        {},
        {name: durations(exposition(one).decode()) for name, one in told.items()},
        list(silent),
    )


@pytest.fixture
def world() -> dict[str, Telemetry]:
    return {name: Telemetry(Settings(service_name=name[0], pod_name=name)) for name in ("a-0", "a-1", "b-0")}


def call(world: Mapping[str, Telemetry], caller: str, status: int, seconds: float = 0.004) -> None:
    world[caller].logical("b")
    world[caller].outcome("b", status, None, seconds)
    world["b-0"].received("a")


def test_rates_and_success_are_those_of_the_window_and_not_of_the_whole_past(world: dict[str, Telemetry]) -> None:
    for _ in range(100):
        call(world, "a-0", 200)
    before = seen(10.0, world)
    for caller, status in (("a-0", 200), ("a-0", 503), ("a-1", 200), ("a-1", 200)):
        call(world, caller, status)
    world["a-0"].event("b", "retry")
    (edge,) = edges(before, seen(12.0, world))
    assert (edge.caller, edge.callee, edge.rate, edge.attempts, edge.success) == ("a", "b", 2.0, 2.0, 0.75)
    assert (edge.retries, edge.health) == (0.5, "failing")


def test_an_edge_that_rests_stays_and_is_idle(world: dict[str, Telemetry]) -> None:
    call(world, "a-0", 200)
    now = seen(1.0, world)
    (edge,) = edges(now, seen(2.0, world))
    assert (edge.rate, edge.success, edge.p99_ms, edge.health) == (0, None, None, "idle")


@pytest.mark.parametrize(("failed", "health"), [(0, "healthy"), (1, "degraded"), (199, "degraded"), (200, "failing")])
def test_an_edge_is_coloured_by_kialis_thresholds(failed: int, health: str, world: dict[str, Telemetry]) -> None:
    before = seen(1.0, world)
    for number in range(1000):
        call(world, "a-0", 503 if number < failed else 200)
    (edge,) = edges(before, seen(2.0, world))
    assert edge.health == health


def test_a_pod_that_began_again_counts_from_zero(world: dict[str, Telemetry]) -> None:
    for _ in range(5):
        call(world, "a-0", 503)
    before = seen(1.0, world)
    world["a-0"].reset()
    call(world, "a-0", 200)
    (edge,) = edges(before, seen(2.0, world))
    assert (edge.rate, edge.success) == (1.0, 1.0)


def test_a_pod_that_was_silent_adds_nothing_when_it_answers_again(world: dict[str, Telemetry]) -> None:
    for _ in range(50):
        call(world, "a-1", 503)
    (edge,) = edges(seen(1.0, world, silent=["a-1"]), seen(2.0, world))
    assert (edge.rate, edge.success) == (0, None)


@given(st.lists(st.floats(0.001, 9000), min_size=1, max_size=200), st.floats(0.01, 0.999))
def test_a_quantile_is_in_the_bucket_in_which_the_value_is(values: list[float], q: float) -> None:
    bounds = [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, float("inf")]
    buckets = {bound: float(sum(value <= bound for value in values)) for bound in bounds}
    found = quantile(buckets, q)
    assert found is not None
    ordered = sorted(values)
    true = next(value for index, value in enumerate(ordered, start=1) if index >= q * len(values))
    low = max((bound for bound in bounds if bound < true), default=0.0)
    high = min(bound for bound in bounds if bound >= true)
    assert low <= found <= high


def test_there_is_no_quantile_of_nothing() -> None:
    assert quantile({}, 0.99) is None
    assert quantile({1.0: 0, float("inf"): 0}, 0.99) is None

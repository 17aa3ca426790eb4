"""Faults: what they do, when they end, what they count, and how bad ones are refused."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.faults import BadFault, Cut, Faults, Stage, Strike
from services.runtime.faults.cpu_burn import SLICE_S, CpuBurn


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Tell it."""
        return self.now


def faults_with(*specs: dict[str, Any], clock: Clock | None = None, pod: str = "p-0") -> Faults:
    faults = Faults(pod, clock or Clock())
    for index, spec in enumerate(specs):
        faults.add({"id": f"f{index}", "ttl_s": 10, **spec})
    return faults


def statuses(faults: Faults, count: int) -> list[object]:
    return [faults.strike().before.end for _ in range(count)]


def test_an_abort_at_rate_one_strikes_every_request() -> None:
    faults = faults_with({"kind": "abort", "status": 503, "rate": 1})
    assert statuses(faults, 3) == [503] * 3
    assert faults.listing()["fired"] == {"f0": 3}


@given(st.floats(0.05, 1), st.integers(0, 2**32))
def test_an_abort_strikes_its_rate_of_requests(rate: float, seed: int) -> None:
    faults = faults_with({"kind": "abort", "status": 503, "rate": rate, "seed": seed})
    struck = sum(status == 503 for status in statuses(faults, 400))
    assert abs(struck / 400 - rate) < 5 * (rate * (1 - rate) / 400) ** 0.5 + 1e-9  # five standard errors
    assert faults.fired == {"f0": struck}


def test_the_same_seed_draws_the_same_and_replicas_draw_apart() -> None:
    spec = {"kind": "abort", "status": 503, "rate": 0.5, "seed": 7}
    drawn = [statuses(faults_with(spec, pod=pod), 40) for pod in ("p-0", "p-0", "p-1")]
    assert drawn[0] == drawn[1] != drawn[2]


def test_delays_add_up_and_the_first_abort_decides() -> None:
    faults = faults_with(
        {"kind": "delay", "delay_ms": 100, "rate": 1},
        {"kind": "abort", "status": 500, "rate": 1},
        {"kind": "delay", "delay_ms": 50, "rate": 1},
        {"kind": "abort", "status": 503, "rate": 1},
    )
    before = faults.strike().before
    assert before.end == 500
    assert before.delay_s == pytest.approx(0.15)


def test_fail_first_fails_the_first_and_is_over() -> None:
    faults = faults_with({"kind": "fail-first", "count": 2, "status": 503})
    assert statuses(faults, 4) == [503, 503, None, None]
    assert faults.listing() == {"faults": [], "fired": {"f0": 2}, "probed": {}}


def test_a_sequence_is_played_once_and_200_lets_through() -> None:
    faults = faults_with({"kind": "sequence", "statuses": [200, 503, 500]})
    assert statuses(faults, 5) == [None, 503, 500, None, None]
    assert faults.listing() == {"faults": [], "fired": {"f0": 2}, "probed": {}}


def test_a_fault_ends_with_its_ttl_and_its_count_remains() -> None:
    clock = Clock()
    faults = faults_with({"kind": "abort", "status": 503, "rate": 1, "ttl_s": 2}, clock=clock)
    clock.now += 1.5
    assert faults.strike() == Strike(Stage(end=503))
    assert faults.listing()["faults"][0]["expires_in_s"] == 0.5
    clock.now += 0.5
    assert faults.strike() == Strike()
    assert faults.listing() == {"faults": [], "fired": {"f0": 1}, "probed": {}}


async def test_an_id_is_free_again_once_its_fault_is_over() -> None:
    spec = {"kind": "abort", "status": 503, "rate": 1}
    faults = faults_with(spec)
    with pytest.raises(BadFault, match="is active"):
        faults.add({"id": "f0", "ttl_s": 1, **spec})
    assert await faults.remove("f0")
    assert not await faults.remove("f0")
    faults.add({"id": "f0", "ttl_s": 1, **spec})


def test_a_new_fault_has_acted_on_nobody_whatever_an_older_one_of_its_id_did() -> None:
    clock, spec = Clock(), {"id": "f0", "kind": "abort", "status": 503, "rate": 1, "ttl_s": 10}
    faults = faults_with(spec, clock=clock)
    faults.strike(probe="f0")
    clock.now += 10
    listed = faults.add(spec)
    assert listed["fired"] == 0
    assert (faults.fired, faults.probed) == ({"f0": 0}, {})


async def test_reset_forgets_what_fired() -> None:
    faults = faults_with({"kind": "abort", "status": 503, "rate": 1})
    faults.strike()
    await faults.reset()
    assert faults.listing() == {"faults": [], "fired": {}, "probed": {}}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ([], ["body"]),
        ({}, ["id", "ttl_s", "kind"]),
        ({"id": "a/b", "ttl_s": 0, "kind": "abort", "status": 200, "rate": 1.5}, ["id", "ttl_s", "status", "rate"]),
        ({"id": "a", "ttl_s": 1, "kind": "delay", "delay_ms": -1, "rate": True}, ["delay_ms", "rate"]),
        ({"id": "a", "ttl_s": 1, "kind": "fail-first", "count": 0.5, "status": "503"}, ["status", "count"]),
        ({"id": "a", "ttl_s": 1, "kind": "sequence", "statuses": [302]}, ["statuses"]),
        ({"id": "a", "ttl_s": 1, "kind": "burst", "status": 503, "rate": 1, "on_s": 0}, ["on_s", "off_s"]),
        (
            {"id": "a", "ttl_s": 1, "kind": "delay", "delay_ms": 1, "rate": 1, "distribution": "normal"},
            ["distribution"],
        ),
        (
            {"id": "a", "ttl_s": 1, "kind": "delay", "delay_ms": 1, "rate": 1, "distribution": "pareto", "shape": 1},
            ["shape"],
        ),
        ({"id": "a", "ttl_s": 1, "kind": "hang", "rate": 1, "when": "during", "caller": 5}, ["when", "caller"]),
        ({"id": "a", "ttl_s": 1, "kind": "slow-body", "bytes_per_s": 0, "rate": 1}, ["bytes_per_s"]),
        ({"id": "a", "ttl_s": 1, "kind": "truncated-body", "share": 1, "rate": 1}, ["share"]),
        ({"id": "a", "ttl_s": 1, "kind": "cpu-burn", "share": 2, "rate": 1}, ["share", "rate"]),
        ({"id": "a", "ttl_s": 1, "kind": "memory", "mib": 0.5}, ["mib"]),
        ({"id": "a", "ttl_s": 1, "kind": "refuse", "status": 503}, ["status"]),
        ({"id": "a", "ttl_s": 1, "kind": "abort", "status": 503, "rate": 1, "percent": 5}, ["percent"]),
        ({"id": "a", "ttl_s": 1, "kind": "abort", "status": 503, "rate": 1, "seed": "x"}, ["seed"]),
    ],
)
def test_every_bad_field_of_a_fault_is_named(body: object, fields: list[str]) -> None:
    with pytest.raises(BadFault) as refused:
        faults_with().add(body)
    assert sorted(error.split(":")[0] for error in refused.value.errors) == sorted(fields)


def test_an_announced_burst_says_in_whole_seconds_when_it_is_over() -> None:
    clock = Clock()
    burst = {"kind": "burst", "status": 503, "rate": 1, "on_s": 2.5, "off_s": 1}
    announced, silent = (faults_with({**burst, "announced": said}, clock=clock) for said in (True, False))
    for at, asked in ((0.0, 3), (1.0, 2), (2.4, 1), (2.6, None), (3.5, 3)):
        clock.now = 100 + at
        assert announced.strike().before.retry_after_s == asked
        assert silent.strike().before.retry_after_s is None


def test_bursts_come_and_go_by_the_clock() -> None:
    clock = Clock()
    faults = faults_with({"kind": "burst", "status": 503, "rate": 1, "on_s": 1, "off_s": 2}, clock=clock)
    seen = []
    for _ in range(6):
        seen += statuses(faults, 1)
        clock.now += 1
    assert seen == [503, None, None, 503, None, None]


@pytest.mark.parametrize(
    ("distribution", "shape"),
    [("fixed", 1.0), ("uniform", 0.5), ("exponential", 1.0), ("lognormal", 0.5), ("pareto", 9.0)],
)
@pytest.mark.parametrize("seed", range(3))
def test_every_distribution_has_the_delay_as_its_mean(distribution: str, shape: float, seed: int) -> None:
    spec = {"kind": "delay", "delay_ms": 100, "rate": 1, "distribution": distribution, "shape": shape, "seed": seed}
    faults = faults_with(spec)
    drawn = [faults.strike().before.delay_s for _ in range(2000)]
    assert sum(drawn) / len(drawn) == pytest.approx(0.1, rel=5 / 2000**0.5)  # five standard errors where sigma = mean
    assert (len(set(drawn)) == 1) == (distribution == "fixed")


def test_a_fault_may_strike_one_caller_alone_and_the_harness_as_if_it_were_that_caller() -> None:
    faults = faults_with({"kind": "abort", "status": 503, "rate": 1, "caller": "collector"})
    asked = [faults.strike("cpanel"), faults.strike("collector"), faults.strike("unknown", probe="f0")]
    assert [strike.before.end for strike in asked] == [None, 503, 503]
    assert (faults.fired, faults.probed) == ({"f0": 2}, {"f0": 1})


def test_what_acts_after_the_work_leaves_the_work_alone() -> None:
    faults = faults_with(
        {"kind": "delay", "delay_ms": 100, "rate": 1, "when": "after"}, {"kind": "reset", "rate": 1, "when": "after"}
    )
    assert faults.strike() == Strike(after=Stage(0.1, Cut.RESET))


async def test_a_fault_that_lasts_ends_at_its_time_though_nobody_asks() -> None:
    faults = faults_with({"kind": "hang", "rate": 1, "ttl_s": 0.02})
    over = faults.strike().before.over
    assert over is not None
    await asyncio.wait_for(over.wait(), 5)
    assert faults.listing()["faults"] == []


class Door:
    """A door that tells what was done to it."""

    def __init__(self) -> None:
        self.done: list[str] = []

    async def shut(self) -> None:
        self.done.append("shut")

    async def open(self) -> None:
        self.done.append("open")


async def test_refusing_shuts_the_door_until_it_is_over() -> None:
    door = Door()
    faults = Faults("p-0", Clock(), door)
    faults.add({"id": "r", "kind": "refuse", "ttl_s": 9})
    await until(lambda: faults.fired["r"] == 1)
    assert door.done == ["shut"]
    await faults.remove("r")
    assert door.done == ["shut", "open"]


async def test_burnt_cpu_is_this_process_own_and_ends_with_the_fault() -> None:
    faults = faults_with({"kind": "cpu-burn", "share": 1})
    before = time.process_time()
    await until(lambda: faults.fired["f0"] >= 2)
    assert time.process_time() - before >= 0.1
    await faults.clear()
    assert "cpu-burn" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("share", [0.2, 0.6])
async def test_a_share_of_a_core_is_burnt_in_each_slice_and_no_more(share: float) -> None:
    burnt: list[float] = []  # CPU seconds of the burning thread itself, which tells of each slice
    holding = asyncio.create_task(CpuBurn(share).hold(Door(), lambda: burnt.append(time.thread_time())))
    await until(lambda: len(burnt) >= 4)
    holding.cancel()
    await asyncio.wait([holding])
    slices = [after - before for before, after in pairwise(burnt)]
    assert all(share * SLICE_S <= one < (share + 0.2) * SLICE_S for one in slices)


async def test_memory_is_resident_while_it_is_held() -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    faults = faults_with({"kind": "memory", "mib": 64})
    await until(lambda: faults.fired["f0"] == 8)
    held = process.memory_info().rss - before
    await faults.clear()
    assert held >= 60 * 2**20 > process.memory_info().rss - before


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - a counter that another thread may turn
            await asyncio.sleep(0.001)

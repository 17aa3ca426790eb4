"""Faults that a real service commits on itself, as the harness sets, proves and removes them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from benchmarks.faults import FaultFailed, Victim, in_app, injected
from benchmarks.faults.in_app import Evidence, InApp
from services.runtime.faults.active import KINDS
from tests.services.processes import Pods, running

ABORT = {"status": 503, "rate": 1.0}


@pytest.fixture
async def pods(tmp_path: Path) -> AsyncIterator[Pods]:
    async with running(tmp_path) as found:
        await found.start("image_analysis", "image-analysis")
        yield found


def fault(
    pods: Pods, kind: str = "abort", parameters: dict[str, Any] | None = None, proven: Evidence = "probes"
) -> InApp:
    pod = pods.pods["image-analysis"]
    victim = Victim(pod.name, pod.app.removeprefix("http://"), pod.admin.removeprefix("http://"))
    return InApp(pods.http, "f1", kind, ABORT if parameters is None else parameters, [victim], 30, 1, proven)


async def status(pods: Pods) -> int:
    async with pods.http.get(f"{pods.pods['image-analysis'].app}/status") as answer:
        return answer.status


async def test_an_abort_acts_while_its_block_lasts_and_not_after(pods: Pods) -> None:
    async with injected(fault(pods)):
        assert await status(pods) == 503
    assert await status(pods) == 200


async def test_an_abort_is_proven_though_the_application_never_called_the_victim(pods: Pods) -> None:
    one = fault(pods)
    async with injected(one):
        pass
    assert (await one.proof()).objections() == []


async def test_a_rare_abort_is_called_until_it_strikes(pods: Pods) -> None:
    one = fault(pods, parameters={"status": 503, "rate": 0.05})
    async with injected(one):
        pass
    proof = await one.proof()
    assert (proof.fired, proof.probes) == ({"image-analysis": 1}, {"image-analysis": 1})


async def test_calls_of_the_application_are_told_from_those_of_the_harness(pods: Pods) -> None:
    one = fault(pods)
    async with injected(one):
        await status(pods)
        await status(pods)
    proof = await one.proof()
    assert proof.fired == {"image-analysis": 3}
    assert proof.probes == {"image-analysis": 1}


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("delay", {"delay_ms": 30.0, "rate": 1.0}),
        ("delay", {"delay_ms": 20.0, "rate": 1.0, "distribution": "exponential", "when": "after"}),
        ("hang", {"rate": 1.0}),
        ("hang", {"rate": 1.0, "caller": "collector"}),
        ("reset", {"rate": 0.5, "when": "after"}),
        ("slow-body", {"bytes_per_s": 1e4, "rate": 1.0}),
        ("truncated-body", {"share": 0.5, "rate": 1.0}),
        ("burst", {"status": 503, "rate": 1.0, "on_s": 5, "off_s": 1}),
    ],
)
async def test_what_strikes_calls_is_proven_by_one_of_ours_and_is_gone_after_its_block(
    pods: Pods, monkeypatch: pytest.MonkeyPatch, kind: str, parameters: dict[str, Any]
) -> None:
    monkeypatch.setattr(in_app, "PROBE_PATIENCE_S", 0.1)
    one = fault(pods, kind, parameters)
    async with injected(one):
        assert (await one.proof()).gone == {"image-analysis": False}
    proof = await one.proof()
    assert (proof.objections(), proof.probes) == ([], {"image-analysis": 1})
    assert await status(pods) == 200


@pytest.mark.parametrize(("kind", "parameters"), [("cpu-burn", {"share": 0.5}), ("memory", {"mib": 8}), ("refuse", {})])
async def test_a_condition_proves_itself_and_counts_no_calls(pods: Pods, kind: str, parameters: dict[str, Any]) -> None:
    one = fault(pods, kind, parameters, "itself")
    async with injected(one):
        async with asyncio.timeout(5):
            while not (await one.proof()).fired["image-analysis"]:
                pass
    proof = await one.proof()
    assert (proof.objections(), proof.probes) == ([], None)
    assert await status(pods) == 200


async def test_a_refusing_pod_is_refused_by_the_system_and_ends_kept_connections(pods: Pods) -> None:
    assert await status(pods) == 200
    async with injected(fault(pods, "refuse", {}, "itself")):
        with pytest.raises(aiohttp.ClientConnectionError):
            await status(pods)
        with pytest.raises(aiohttp.ClientConnectorError):
            await status(pods)
    assert await status(pods) == 200


async def test_a_fault_that_nothing_set_off_is_not_proven(pods: Pods) -> None:
    one = fault(pods, "fail-first", {"count": 3, "status": 500}, "calls")
    async with injected(one):
        pass
    assert (await one.proof()).objections() == ["fault not proven to fire on image-analysis"]


@pytest.mark.parametrize(
    ("kind", "parameters", "answered"),
    [
        ("fail-first", {"count": 2, "status": 500}, [500, 500, 200]),
        ("sequence", {"statuses": [503, 200, 500]}, [503, 200, 500, 200]),
    ],
)
async def test_a_script_is_proven_by_the_applications_own_calls_and_used_up_by_them(
    pods: Pods, kind: str, parameters: dict[str, Any], answered: list[int]
) -> None:
    one = fault(pods, kind, parameters, "calls")
    async with injected(one):
        assert [await status(pods) for _ in answered] == answered
    proof = await one.proof()
    assert (proof.objections(), proof.fired) == ([], {"image-analysis": 2})
    assert proof.probes == {"image-analysis": 0}


async def test_a_fault_that_is_still_there_is_not_proven_gone(pods: Pods) -> None:
    one = fault(pods)
    await one.inject()
    assert (await one.proof()).objections() == ["fault not proven gone from image-analysis"]


async def test_removing_a_fault_that_is_gone_already_is_no_error(pods: Pods) -> None:
    one = fault(pods)
    async with injected(one):
        await one.remove()


async def test_a_fault_that_the_pod_refuses_names_the_pod_and_its_reason(pods: Pods) -> None:
    with pytest.raises(FaultFailed, match=r"image-analysis refused the fault: 400 .*rate"):
        await fault(pods, parameters={"status": 503, "rate": 7}).inject()


async def test_a_victim_that_does_not_answer_is_an_error_of_the_fault(pods: Pods) -> None:
    one = fault(pods)
    await pods.pods["image-analysis"].end()
    with pytest.raises(FaultFailed, match="image-analysis"):
        await one.inject()
    with pytest.raises(FaultFailed, match="image-analysis"):
        await one.remove()


CANCELLED: list[tuple[str, dict[str, Any], Evidence]] = [
    ("abort", ABORT, "probes"),
    ("burst", {"status": 503, "rate": 1.0, "on_s": 1, "off_s": 1}, "probes"),
    ("cpu-burn", {"share": 0.1}, "itself"),
    ("delay", {"delay_ms": 5, "rate": 0.5}, "probes"),
    ("fail-first", {"count": 10, "status": 503}, "calls"),
    ("hang", {"rate": 1.0}, "probes"),
    ("memory", {"mib": 1}, "itself"),
    ("refuse", {}, "itself"),
    ("reset", {"rate": 1.0}, "probes"),
    ("sequence", {"statuses": [503, 200, 503]}, "calls"),
    ("slow-body", {"bytes_per_s": 1e5, "rate": 1.0}, "probes"),
    ("truncated-body", {"share": 0.5, "rate": 1.0}, "probes"),
]
TOGETHER = 50
"""Injections between two looks at what is left of them, which would last an hour."""


def test_every_kind_that_a_pod_knows_is_cancelled() -> None:
    assert [kind for kind, _, _ in CANCELLED] == sorted(KINDS)


async def test_a_thousand_injections_cancelled_at_random_points_leave_none_behind(
    pods: Pods, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_app, "PROBE_PATIENCE_S", 0.01)
    rng = random.Random(11)

    async def hold(one: InApp) -> None:
        async with injected(one):
            await asyncio.Event().wait()

    for number in range(1, 1001):
        one = replace(fault(pods, *CANCELLED[number % len(CANCELLED)]), id=f"f{number}", ttl_s=3600)
        task = asyncio.create_task(hold(one))
        await asyncio.sleep(rng.uniform(0, 0.006))
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        if number % TOGETHER == 0:
            told = await pods.json(f"{pods.pods['image-analysis'].admin}/faults")
            assert told["faults"] == []
    assert len(told["fired"]) > 500, "most were set before they were cancelled"
    assert await status(pods) == 200

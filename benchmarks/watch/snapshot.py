"""What a world has counted until now, from its pods' admin ports and its sidecars."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from k8s.target import Pod, World

ANSWER_S = 2.0
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
BUCKET = "istio_request_duration_milliseconds_bucket{"

Histogram = Mapping[float, float]
"""Upper bound in ms -> calls that took no longer (cumulative, as Prometheus has it)."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Counters since the pods' start; `at_s` is this machine's monotonic clock. `silent`: pods that did not answer.

    `durations`: of the calls that business code made, by caller's pod and callee.
    """

    at_s: float
    pods: Sequence[Pod]
    counters: Mapping[str, Mapping[str, Any]]
    timelines: Mapping[str, Mapping[str, Any]]
    proxies: Mapping[str, Mapping[str, int]]
    durations: Mapping[str, Mapping[str, Histogram]]
    silent: Sequence[str] = field(default=())


async def look(world: World, http: aiohttp.ClientSession) -> Snapshot:
    """Ask everybody at once. A pod that does not answer (it is dead, or frozen) is named, and waited for no longer.

    Raises TargetError when the world itself does not answer.
    """
    status, proxies = await asyncio.gather(world.status(), world.proxy_stats())
    answers = await asyncio.gather(*(_ask(http, pod) for pod in status.pods))
    told = {pod.name: answer for pod, answer in zip(status.pods, answers, strict=True) if answer is not None}
    return Snapshot(
        time.monotonic(),
        [pod for pod in status.pods if pod.name in told],
        {name: counters for name, (counters, _, _) in told.items()},
        {name: timeline for name, (_, timeline, _) in told.items()},
        proxies,
        {name: durations(metrics) for name, (_, _, metrics) in told.items()},
        [pod.name for pod in status.pods if pod.name not in told],
    )


async def _ask(http: aiohttp.ClientSession, pod: Pod) -> tuple[dict[str, Any], dict[str, Any], str] | None:
    async def get(what: str) -> str:
        async with http.get(f"http://{pod.admin}/{what}") as answer:
            answer.raise_for_status()
            return await answer.text()

    try:
        async with asyncio.timeout(ANSWER_S):
            counters, timeline, metrics = await asyncio.gather(get("counters"), get("timeline"), get("metrics"))
    except (aiohttp.ClientError, TimeoutError):
        return None
    return json.loads(counters), json.loads(timeline), metrics


def durations(metrics: str) -> dict[str, dict[float, float]]:
    """Read the histograms of the caller's side, by callee, from Prometheus' text; statuses are added up."""
    found: defaultdict[str, defaultdict[float, float]] = defaultdict(lambda: defaultdict(float))
    for line in metrics.splitlines():
        if line.startswith(BUCKET) and 'reporter="source"' in line:
            labels = dict(_LABEL.findall(line))
            found[labels["destination_service_name"]][float(labels["le"])] += float(line.rpartition(" ")[2])
    return {callee: dict(buckets) for callee, buckets in found.items()}

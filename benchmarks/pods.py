"""The harness's side of a pod's admin port: counters, stored frames, reset (see docs/architecture.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from k8s.target import Pod

STORES = ("section-1", "section-2", "alerts")


class PodUnreachable(RuntimeError):
    """A pod's admin port gave no usable answer; the message names the pod."""


@dataclass(frozen=True, slots=True)
class Pods:
    """The pods of one world, as they were listed when the cell began."""

    http: aiohttp.ClientSession
    pods: Sequence[Pod]

    def of(self, service: str) -> list[Pod]:
        """The replicas of a service, by name."""
        return sorted((pod for pod in self.pods if pod.service == service), key=lambda pod: pod.name)

    async def counters(self) -> dict[str, dict[str, Any]]:
        """`GET /counters` of each pod, by pod name."""
        return await self._all("counters", self.pods)

    async def timelines(self) -> dict[str, dict[str, Any]]:
        """`GET /timeline` of each pod, by pod name."""
        return await self._all("timeline", self.pods)

    async def stored(self) -> dict[str, dict[str, dict[str, int]]]:
        """What each store holds: {service: {frame id: {"records", "persons"}}}."""
        stores = [pod for pod in self.pods if pod.service in STORES]
        answers = await self._all("stored", stores)
        return {pod.service: answers[pod.name].get("frames", {}) for pod in stores}

    async def faults(self) -> dict[str, list[str]]:
        """The ids of the faults that each pod still has, by pod name."""
        answers = await self._all("faults", self.pods)
        return {pod: [fault["id"] for fault in answer["faults"]] for pod, answer in answers.items()}

    async def calls(self, request_ids: Sequence[str]) -> list[dict[str, Any]]:
        """What the pods still hold of the calls of these requests (`POST /calls`), in no order."""
        answers = await asyncio.gather(*(self._calls(pod, request_ids) for pod in self.pods))
        return [record for records in answers for record in records]

    async def reset(self, seed: int) -> list[str]:
        """Reset every pod; returns the names of those that refused because requests are in flight."""
        answers = await asyncio.gather(*(self._reset(pod, seed) for pod in self.pods))
        return [pod.name for pod, done in zip(self.pods, answers, strict=True) if not done]

    async def _reset(self, pod: Pod, seed: int) -> bool:
        try:
            async with self.http.post(f"http://{pod.admin}/reset", json={"seed": seed}) as answer:
                if answer.status not in (200, 409):
                    raise PodUnreachable(f"{pod.name}: reset answered {answer.status}: {await answer.text()}")
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError) as error:
            raise PodUnreachable(f"{pod.name}: no answer from its admin port {pod.admin}: {error}") from error

    async def _calls(self, pod: Pod, request_ids: Sequence[str]) -> list[dict[str, Any]]:
        try:
            async with self.http.post(f"http://{pod.admin}/calls", json={"request_ids": list(request_ids)}) as answer:
                answer.raise_for_status()
                body: dict[str, list[dict[str, Any]]] = await answer.json()
                return body["calls"]
        except (aiohttp.ClientError, TimeoutError) as error:
            raise PodUnreachable(f"{pod.name}: no answer from its admin port {pod.admin}: {error}") from error

    async def _all(self, what: str, pods: Sequence[Pod]) -> dict[str, dict[str, Any]]:
        answers = await asyncio.gather(*(self._get(pod, what) for pod in pods))
        return {pod.name: answer for pod, answer in zip(pods, answers, strict=True)}

    async def _get(self, pod: Pod, what: str) -> dict[str, Any]:
        try:
            async with self.http.get(f"http://{pod.admin}/{what}") as answer:
                answer.raise_for_status()
                body: dict[str, Any] = await answer.json()
                return body
        except (aiohttp.ClientError, TimeoutError) as error:
            raise PodUnreachable(f"{pod.name}: no answer from its admin port {pod.admin}: {error}") from error


def in_flight(counters: Mapping[str, Mapping[str, Any]]) -> int:
    """Requests that the application is still working on, over all pods."""
    return sum(int(c["in_flight"]) for c in counters.values())

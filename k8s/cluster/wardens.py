"""The wardens of a world's pods, asked over HTTP with the world's token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from k8s.cluster.control import WARDEN, WARDEN_PORT
from k8s.cluster.reach import Reach
from k8s.cluster.readiness import containers
from k8s.target import KindUsage, TargetError, Usage

PATIENCE = aiohttp.ClientTimeout(total=10)


@dataclass(frozen=True, slots=True)
class Answers:
    """What each warden said, by pod, and why others said nothing."""

    said: Mapping[str, str]
    silent: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Told:
    """What a warden tells of its pod: what the containers have used, and whose processes stand still.

    `began`: since when it keeps its ledger, in seconds since 1970; one that is started again has forgotten.
    """

    usage: Usage
    frozen: tuple[str, ...] = ()
    began: float = 0.0


UNTOLD = Told(Usage())
"""Of a pod that nobody tells anything of."""


@dataclass(frozen=True, slots=True)
class Wardens:
    """The wardens of the pods of a namespace. Pods are as the API server lists them; `headers` have the token."""

    namespace: str
    reach: Reach
    headers: Mapping[str, str]

    def address(self, pod: Mapping[str, Any]) -> str:
        """Where a pod's warden is reached."""
        return self.reach.address(self.namespace, pod["metadata"]["name"], pod["status"]["podIP"], WARDEN_PORT)

    async def ask(self, pods: Iterable[Mapping[str, Any]], path: str, **query: str) -> Answers:
        """GET a path of each warden that has started."""
        asked = [one for one in pods if watched(one)]
        async with self._session() as session:
            found = await asyncio.gather(*(self._ask(session, one, path, query) for one in asked))
        both = list(zip((one["metadata"]["name"] for one in asked), found, strict=True))
        return Answers(
            said={pod: text for pod, (text, _) in both if text is not None},
            silent={pod: why for pod, (text, why) in both if text is None},
        )

    async def order(self, pod: Mapping[str, Any], what: str, **fields: object) -> None:
        """Tell a pod's warden to do something. Raises TargetError: it does not answer, or it refuses."""
        name = pod["metadata"]["name"]
        if not watched(pod):
            raise TargetError(f"the warden of {name} does not run")
        try:
            async with (
                self._session() as session,
                session.post(f"http://{self.address(pod)}/{what}", json=fields) as answer,
            ):
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TargetError(f"the warden of {name} does not answer: {_line(error)}") from error
        if answer.status != 200:
            raise TargetError(f"{name}: {what}: {_objection(answer.status, text)}")

    async def _ask(
        self, session: aiohttp.ClientSession, pod: Mapping[str, Any], path: str, query: Mapping[str, str]
    ) -> tuple[str | None, str]:
        """What a warden answers, or why there is no answer."""
        try:
            async with session.get(f"http://{self.address(pod)}/{path}", params=query) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            return None, _line(error)
        return (text, "") if answer.status == 200 else (None, _objection(answer.status, text))

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(headers=self.headers, timeout=PATIENCE)


def read_usage(text: str) -> Told:
    """Read what a warden says of its pod."""
    said = json.loads(text)
    proxy = said["proxy"]
    usage = Usage(KindUsage(**said["app"]), KindUsage(**proxy) if proxy else KindUsage())
    return Told(usage, tuple(said["frozen"]), float(said.get("began", 0.0)))


def read_frozen(text: str) -> Told:
    """Read what a warden says when it is asked no more than who stands still."""
    return Told(Usage(), tuple(json.loads(text)["frozen"]))


def watched(pod: Mapping[str, Any]) -> bool:
    """Whether a pod has a warden that has started, and is not ending."""
    running = any(one["name"] == WARDEN and one.get("started") for one in containers(pod))
    return running and not pod["metadata"].get("deletionTimestamp")


def _objection(status: int, text: str) -> str:
    """What a warden has against a request, in its own words."""
    try:
        return "; ".join(map(str, json.loads(text)["errors"]))
    except (ValueError, KeyError, TypeError):
        return f"{status} {' '.join(text.split())[:200]}"


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__

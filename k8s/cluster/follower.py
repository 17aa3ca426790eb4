"""A bench's Job as the user's machine sees it: what it says, what it has written, and why it is over."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

from k8s.cluster.api import Api, ApiError, folder
from k8s.cluster.control import BENCH, HEADER
from k8s.cluster.job import NAME, PORT
from k8s.cluster.operated import POLL_S, READY_S, Say, quiet
from k8s.cluster.readiness import has_ended, is_ready, passes, reason
from k8s.target import Document, TargetError

PATIENCE_S = 60.0
"""How long the API server, or the pod behind it, may be out of reach."""
AGAIN = (404, 408, 429)
"""Answers below 500 that say nothing for good: no such pod (yet), too slow, too many at once."""
LAST_LINES = 2
BENCH_PODS = ",".join(f"{name}={value}" for name, value in BENCH.items())


@dataclass(frozen=True, slots=True)
class News:
    """What a Job has said since it was asked last, and where it is.

    `files` is the digest of the list of its files, which changes when there is a new one. `code`: the bench's exit code
    once it is over; `errors`: what ended it, in sentences.
    """

    lines: tuple[str, ...]
    files: str
    code: int | None = None
    errors: tuple[str, ...] = ()


class Ended(TargetError):
    """The Job's pod has ended, is gone, or will never start, whatever it was asked for."""


class Follower:
    """Follows the Job in a namespace, with the token that it knows. Whatever was missed is told when it is asked again.

    Every method raises TargetError: the Job is not there any more, or is out of reach for too long.
    """

    def __init__(self, api: Api, namespace: str, token: str, say: Say = quiet) -> None:
        self._api, self._namespace, self._token, self._say = api, namespace, token, say
        self._seen, self._pod = 0, ""

    async def alive(self) -> bool:
        """Whether there is a Job whose pod has not ended."""
        pod = await self._found()
        return pod is not None and ended(pod) is None

    async def started(self, within_s: float = READY_S) -> None:
        """Wait until the Job can be asked, as long as a world is waited for: both may have an image to pull.

        Raises TargetError saying why it cannot.
        """
        deadline, told = time.monotonic() + within_s, ""
        while True:
            pod, events = await self._found(), await asyncio.to_thread(self._events)
            if pod is not None:
                await self._refuse(pod)
                if is_ready(pod):
                    return
            why, fatal = (reason(pod, events) or ("it is starting", False)) if pod else self._unmade(events)
            if fatal or time.monotonic() > deadline:
                late = "" if fatal else f" after {within_s:g} s"
                refusal = Ended if fatal else TargetError
                raise refusal(f"the bench's Job has not started{late}: {why}")
            if why != told and not why.startswith("Readiness probe failed"):  # it goes without saying
                self._say(f"the bench's Job: {why}")
                told = why
            await asyncio.sleep(POLL_S)

    async def news(self) -> News:
        """Wait some seconds at most for something new, and tell it."""
        said = json.loads(await self._asked("news", after=str(self._seen)))
        self._seen += len(said["lines"])
        return News(tuple(said["lines"]), said["files"], said["code"], tuple(said["errors"]))

    async def file(self, name: str) -> bytes:
        """Read one of the files of the run's folder."""
        return await self._asked(f"files/{name}")

    async def collected(self) -> None:
        """Tell the Job that everything is fetched, so that it ends."""
        await self._asked("collected", method="POST")

    async def _asked(self, what: str, method: str = "GET", **query: str) -> bytes:
        """Ask the Job through the API server, and again while either is out of reach; a refusal is final."""
        deadline, told = time.monotonic() + PATIENCE_S, False
        path = f"{folder('v1', 'Pod', self._namespace)}/{self._pod}:{PORT}/proxy/{what}"
        headers = {HEADER: self._token}
        while True:
            try:
                return await asyncio.to_thread(lambda: self._api.content(path, method=method, headers=headers, **query))
            except TargetError as error:
                refused = isinstance(error, ApiError) and error.status < 500 and error.status not in AGAIN
                if refused or time.monotonic() > deadline:
                    raise
                if not told:
                    self._say(f"{error}; trying again for {PATIENCE_S:g} s")
                    told = True
            await self._refuse_ended()
            await asyncio.sleep(POLL_S)

    async def _found(self) -> Document | None:
        """The Job's pod, of which there is one; None when it is gone or not made yet."""
        found = await asyncio.to_thread(
            lambda: self._api.get(folder("v1", "Pod", self._namespace), labelSelector=BENCH_PODS)
        )
        pod = next(iter(found["items"]), None)
        if pod is not None:
            self._pod = str(pod["metadata"]["name"])
        return pod

    def _events(self) -> list[Document]:
        return list(self._api.get(folder("v1", "Event", self._namespace))["items"])

    def _unmade(self, events: list[Document]) -> tuple[str, bool]:
        """Why the Job has no pod: its controller says so where it was refused one."""
        said = [" ".join(str(one.get("message", "")).split()) for one in events if one.get("reason") == "FailedCreate"]
        refused = [one for one in said if not passes(one)]
        return (refused or said or ["it has no pod yet"])[-1], bool(refused)

    async def _refuse_ended(self) -> None:
        """Raise Ended, with the last lines of its log, for a pod that has ended or is gone."""
        try:
            pod = await self._found()
        except TargetError:
            return  # out of reach, which is another matter
        if pod is None:
            why = await asyncio.to_thread(self._failed)
            raise Ended(f"the bench's Job {why or 'is gone: somebody has removed it'}")
        await self._refuse(pod)

    def _failed(self) -> str:
        """How the Job was ended, whose pod its controller takes away; empty where it was not, or may not be seen."""
        try:
            one = self._api.get(f"{folder('batch/v1', 'Job', self._namespace)}/{NAME}")
        except TargetError:
            return ""
        for each in (one.get("status") or {}).get("conditions") or ():
            if each.get("type") == "Failed" and each.get("status") == "True":
                return f"was ended: {each.get('reason')}, {each.get('message', '')}".rstrip(", ")
        return ""

    async def _refuse(self, pod: Document) -> None:
        why = ended(pod)
        if why is None:
            return
        path = f"{folder('v1', 'Pod', self._namespace)}/{self._pod}/log"
        try:
            text = await asyncio.to_thread(lambda: self._api.text(path, container=NAME, tailLines=str(LAST_LINES)))
        except TargetError:
            text = ""
        last = "; ".join(line.strip() for line in text.splitlines() if line.strip())
        raise Ended(f"the bench's Job has ended: {why}{f'; it said last: {last}' if last else ''}")


def ended(pod: Document) -> str | None:
    """How a Job's pod has ended, in words; None while it has not."""
    status: dict[str, Any] = pod.get("status") or {}
    if not has_ended(pod):
        return None
    for one in status.get("containerStatuses") or ():
        if stopped := (one.get("state") or {}).get("terminated"):
            return f"{stopped.get('reason') or 'Error'}, exit code {stopped.get('exitCode', '?')}"
    return str(status.get("message") or status.get("reason") or status["phase"])

"""A running application and the way into it, as the demonstrations use them."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.demos.moved import moved, moved_name
from benchmarks.demos.stage import Stage
from istio import policies
from istio.objects.document import read_files
from k8s.target import Beginning, Document, Pod, World
from loadtests.frames import frame_of
from loadtests.schedule import Arrival

MANIFESTS = Path(policies.FOLDER).parent / "demos"
NAMESPACE = "default"
"""Where the objects of the demonstrations say that the application is; they are moved to where it is."""
FAULT_TTL_S = 300.0
"""A fault that a killed demonstration left behind ends by itself after so long."""
ANSWER_S = 60.0
FOLLOWS_S, POLL_S = 60.0, 0.2
Say = Callable[[str], None]


def documents(name: str) -> list[Document]:
    """Return the Istio objects of a demonstration."""
    return [dict(one.data) for one in read_files([MANIFESTS / f"{name}.yaml"])]


def key(one: Document) -> tuple[str, str]:
    """What tells the objects of one namespace apart."""
    return one["kind"], one["metadata"]["name"]


def alike(one: Document, other: Document) -> bool:
    """Whether two objects say the same; versions of the API may differ."""
    return key(one) == key(other) and one.get("spec") == other.get("spec")


def places(pods: Iterable[Pod]) -> dict[str, str]:
    """Call each pod by its deployment and its place among the replicas, in the order of their names.

    Pods of a cluster have names that nobody can know beforehand; of a local world, these are the names.
    """
    called: dict[str, str] = {}
    numbers: Counter[str] = Counter()
    for pod in sorted(pods, key=lambda one: one.name):
        called[pod.name] = f"{pod.deployment}-{numbers[pod.deployment]}"
        numbers[pod.deployment] += 1
    return called


def cluster(counter: str, service: str, subset: str = "v1") -> str:
    """Name one of Envoy's counters for the calls to a service, as it is where the objects are at home."""
    return f"cluster.outbound|8080|{subset}|{service}.{NAMESPACE}.svc.cluster.local;.{counter}"


@dataclass(slots=True)
class Airport:
    """The application on a stage. `http` asks from outside, `control` speaks to admin ports; `say` prints a line.

    Pods are called by their place (`places`).
    """

    stage: Stage
    http: aiohttp.ClientSession
    control: aiohttp.ClientSession
    say: Say
    _frames: int = field(default=0, init=False)

    @property
    def world(self) -> World:
        """The world that is shown."""
        return self.stage.world

    @property
    def beginning(self) -> Beginning:
        """What the world was when it started."""
        return self.stage.beginning

    @property
    def meshed(self) -> bool:
        """Whether there are sidecars, and so Istio objects and Envoy's counters."""
        return self.world.mode == "mesh"

    # --- what acts

    async def apply(self, *names: str) -> None:
        """Apply the objects of demonstrations, and say which."""
        for name in names:
            await self.put(self.objects(name), f"istio/manifests/demos/{name}.yaml")

    def objects(self, name: str) -> list[Document]:
        """Return the Istio objects of a demonstration, for the namespace of this application."""
        return moved(documents(name), self.beginning.namespace)

    async def put(self, objects: Sequence[Document], source: str) -> None:
        """Apply objects, wait until every proxy follows them, and say which and from where."""
        await self.world.apply(objects)
        await self.stage.followed()
        self.say(f"applied {', '.join(' '.join(key(one)) for one in objects)} ({source})")

    async def remove(self, objects: Sequence[Document]) -> None:
        """Delete objects, and wait until no proxy follows them any more."""
        await self.world.delete(objects)
        await self.stage.followed()

    async def reset_objects(self) -> None:
        """Return to the Istio objects that the world began with."""
        first = self.beginning.istio
        now, kept = await self.world.get(), {key(one) for one in first}
        added = [one for one in now if key(one) not in kept]
        back = [one for one in first if not any(alike(one, other) for other in now)]
        if added:
            await self.world.delete(added)
            self.say(f"deleted {', '.join(' '.join(key(one)) for one in added)}")
        if back:
            await self.world.apply(back)
            self.say(f"restored {', '.join(' '.join(key(one)) for one in back)}")
        if added or back:
            await self.stage.followed()

    async def scale(self, replicas: Mapping[str, int]) -> None:
        """Give each deployment named its replicas, and every other one those that it began with."""
        wanted = {**self.beginning.replicas, **replicas}
        now = Counter(pod.deployment for pod in (await self.world.status()).pods)
        others = {deployment: number for deployment, number in wanted.items() if now[deployment] != number}
        for deployment, number in others.items():
            await self.world.scale(deployment, number)
            self.say(f"scaled {deployment} from {now[deployment]} to {number}")
        if others:
            await self.stage.followed()

    async def probe(self, deployment: str, probes: Mapping[str, Any]) -> None:
        """Give a deployment other probes, or those of its manifest; returns when everybody knows its new pods."""
        await self.world.probe(deployment, probes)
        await self.stage.followed()

    async def reset(self, replicas: Mapping[str, int] | None = None) -> None:
        """Bring back the first state: objects, probes, replicas (but for those named); no fault, ejection or stream."""
        if self.meshed:
            await self.reset_objects()
        await self.scale(replicas or {})
        await self.stage.mend()
        pods = (await self.world.status()).pods
        called = places(pods)
        await asyncio.gather(*(self._mend(pod, called[pod.name]) for pod in pods))
        if self.meshed and await self.counted("outlier_detection.ejections_active"):
            await self.world.reset_mesh()
            await self.stage.followed()
            self.say("ejections forgotten")

    async def fault(self, service: str, kind: str, **fields: object) -> None:
        """Have every replica of a service commit a fault on itself, until the next reset."""
        pods = (await self.world.status()).pods
        called = places(pods)
        struck = [pod for pod in pods if pod.service == service]
        for pod in struck:
            await self.strike(pod, kind, **fields)
        told = " ".join(f"{name}={value}" for name, value in fields.items())
        self.say(f"injected {kind} {told} into {', '.join(called[pod.name] for pod in struck)}")

    async def strike(self, pod: Pod, kind: str, **fields: object) -> None:
        """Have one pod commit a fault on itself."""
        body = {"id": f"demo-{kind}", "kind": kind, "ttl_s": FAULT_TTL_S, "seed": 1, **fields}
        async with self.control.post(f"http://{pod.admin}/faults", json=body) as answer:
            answer.raise_for_status()

    async def toggle(self, pod: str) -> None:
        """Make a collector's or a control panel's `/status` faulty, or whole again."""
        found = await self.pod(pod)
        async with self.http.get(f"http://{found.app}/fault") as answer:
            answer.raise_for_status()
            said = await answer.text()
        self.say(f"toggled /fault on {pod}: {said.replace(found.name, pod)}")

    # --- what looks

    async def ask(self, path: str, **headers: str) -> tuple[int, str]:
        """Ask once by the way in; returns the status (0 when nobody answered) and the text."""
        try:
            url, carried = f"http://{self.stage.way_in}{path}", {**self.stage.headers, **headers}
            async with self.http.get(url, headers=carried) as answer:
                return answer.status, await answer.text()
        except aiohttp.ClientConnectionError:
            return 0, ""

    async def ask_often(self, path: str, times: int, at_once: int = 1) -> Counter[int]:
        """Count the statuses of many answers."""
        return Counter(status for status, _ in await self._answers(path, times, at_once))

    async def ask_until(self, path: str, right: Callable[[int], bool]) -> int:
        """Ask until a status is right, for FOLLOWS_S at most; returns the last status."""
        status = (await self.ask(path))[0]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FOLLOWS_S):
                while not right(status):
                    await asyncio.sleep(POLL_S)
                    status = (await self.ask(path))[0]
        return status

    async def who(self, times: int, path: str = "/status", at_once: int = 1) -> Counter[str]:
        """Count which pods gave the answers; what was no 200 counts under its status."""
        answers = await self._answers(path, times, at_once)
        called = await self._places()
        told = (text.rpartition(" - ")[2] if status == 200 else str(status) for status, text in answers)
        return Counter(called.get(pod, pod) for pod in told)

    async def _answers(self, path: str, times: int, callers: int) -> list[tuple[int, str]]:
        """Ask `times` times; each of `callers` asks again when it has its answer."""
        found: list[tuple[int, str]] = []
        left = iter(range(times))

        async def caller() -> None:
            for _ in left:
                found.append(await self.ask(path))

        await asyncio.gather(*(caller() for _ in range(callers)))
        return found

    async def titles(self, times: int, **headers: str) -> Counter[str]:
        """Count the dashboards that were shown, by their heading."""
        found: Counter[str] = Counter()
        for _ in range(times):
            heading = re.search("<h1>(.*?)</h1>", (await self.ask("/", **headers))[1])
            found[heading[1] if heading else "no heading"] += 1
        return found

    async def send(self) -> int:
        """Send a frame to a collector by a new connection; returns the status, 0 when nobody answered."""
        entry = next(pod.entry for pod in (await self.world.status()).pods if pod.service == "collector")
        self._frames += 1
        frame = frame_of(Arrival(self._frames, 0.0, entry, self._frames, 1), 1)
        try:
            async with (
                aiohttp.ClientSession() as http,
                http.post(f"http://{entry}/frame", json=frame.to_json()) as answer,
            ):
                return answer.status
        except aiohttp.ClientConnectionError:
            return 0

    async def send_until(self, right: Callable[[int], bool]) -> int:
        """Send frames until a status is right, for FOLLOWS_S at most; returns the last status.

        A connection from before a policy may carry a frame past it, until the proxy drains it.
        """
        status = await self.send()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FOLLOWS_S):
                while not right(status):
                    await asyncio.sleep(POLL_S)
                    status = await self.send()
        return status

    async def pod(self, place: str) -> Pod:
        """Find a pod by its place."""
        pods = (await self.world.status()).pods
        called = places(pods)
        return next(pod for pod in pods if called[pod.name] == place)

    async def ready(self, deployment: str) -> list[str]:
        """Name the ready pods of a deployment, by their places."""
        pods = (await self.world.status()).pods
        called = places(pods)
        return sorted(called[pod.name] for pod in pods if pod.deployment == deployment and pod.ready)

    async def counted(self, name: str, place: str | None = None) -> int:
        """Add up one of Envoy's counters over all proxies, or take one proxy's; by the end of its name."""
        stats = {**await self.world.proxy_stats(), **await self.stage.gateway_stats()}
        called = await self._places() if place else {}
        wanted = moved_name(name, self.beginning.namespace)
        return sum(
            value
            for proxy, flat in stats.items()
            if place in (None, called.get(proxy, proxy))
            for one, value in flat.items()
            if one.endswith(wanted)
        )

    async def client_counters(self, service: str, callee: str) -> dict[str, Counter[str]]:
        """Add up what the clients of a service counted on the way to a callee: `events`, and `outcomes` by flag."""
        found: dict[str, Counter[str]] = {"events": Counter(), "outcomes": Counter()}
        for pod in (await self.world.status()).pods:
            if pod.service == service:
                async with self.control.get(f"http://{pod.admin}/counters") as answer:
                    counted = await answer.json()
                for part, sums in found.items():
                    sums.update(counted[part].get(callee, {}))
        return found

    async def _places(self) -> dict[str, str]:
        return places((await self.world.status()).pods)

    async def _mend(self, pod: Pod, place: str) -> None:
        async with self.control.delete(f"http://{pod.admin}/faults") as answer:
            answer.raise_for_status()
        if pod.service in ("collector", "cpanel"):
            async with self.http.get(f"http://{pod.app}/status") as answer:
                faulty = answer.status != 200
            if faulty:
                await self.toggle(place)
        elif pod.service.startswith("camera-agent"):
            async with self.http.post(f"http://{pod.app}/stream?toggle=off") as answer:
                answer.raise_for_status()

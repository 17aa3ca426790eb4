"""A running application and the way into it, as the demonstrations use them."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from istio import policies
from istio.objects.document import read_files
from k8s.local.client import LocalWorld
from k8s.target import Document, Pod
from loadtests.frames import frame_of
from loadtests.schedule import Arrival

MANIFESTS = Path(policies.FOLDER).parent / "demos"
NAMESPACE = "default"
"""Where the objects of the demonstrations say that the application is."""
FAULT_TTL_S = 300.0
"""A fault that a killed demonstration left behind ends by itself after so long."""
ANSWER_S = 60.0
Say = Callable[[str], None]


def documents(name: str) -> list[Document]:
    """Return the Istio objects of a demonstration."""
    return [dict(one.data) for one in read_files([MANIFESTS / f"{name}.yaml"])]


def key(one: Document) -> tuple[str, str]:
    """What tells the objects of one namespace apart."""
    return one["kind"], one["metadata"]["name"]


def cluster(counter: str, service: str, subset: str = "v1") -> str:
    """Name one of Envoy's counters for the calls to a service."""
    return f"cluster.outbound|8080|{subset}|{service}.{NAMESPACE}.svc.cluster.local;.{counter}"


@dataclass(slots=True)
class Airport:
    """`way_in` (HOST:PORT) is the gateway, or the control panel where there is none. `say` takes lines to print."""

    world: LocalWorld
    http: aiohttp.ClientSession
    way_in: str
    say: Say
    namespace: str = NAMESPACE
    _frames: int = field(default=0, init=False)

    @property
    def meshed(self) -> bool:
        """Whether there are sidecars, and so Istio objects and Envoy's counters."""
        return self.world.mode == "mesh"

    # --- what acts

    async def apply(self, *names: str) -> None:
        """Apply the objects of demonstrations, and say which."""
        for name in names:
            await self.put(documents(name), f"istio/manifests/demos/{name}.yaml")

    async def put(self, objects: Sequence[Document], source: str) -> None:
        """Apply objects, and say which and from where."""
        await self.world.apply(objects)
        self.say(f"applied {', '.join(' '.join(key(one)) for one in objects)} ({source})")

    async def reset_objects(self) -> None:
        """Return to the Istio objects that the world began with."""
        first = self.world.beginning().istio
        now, kept = await self.world.get(), {key(one) for one in first}
        if added := [one for one in now if key(one) not in kept]:
            await self.world.delete(added)
            self.say(f"deleted {', '.join(' '.join(key(one)) for one in added)}")
        if back := [one for one in first if one not in now]:
            await self.world.apply(back)
            self.say(f"restored {', '.join(' '.join(key(one)) for one in back)}")

    async def scale(self, replicas: Mapping[str, int]) -> None:
        """Give each deployment named its replicas, and every other one those that it began with."""
        wanted = {**self.world.beginning().replicas, **replicas}
        now = Counter(pod.deployment for pod in (await self.world.status()).pods)
        for deployment, number in wanted.items():
            if now[deployment] != number:
                await self.world.scale(deployment, number)
                self.say(f"scaled {deployment} from {now[deployment]} to {number}")

    async def reset(self, replicas: Mapping[str, int] | None = None) -> None:
        """Bring back the first state: objects, probes, replicas (but for those named); no fault, ejection or stream."""
        if self.meshed:
            await self.reset_objects()
        await self.scale(replicas or {})
        for deployment in self.world.beginning().replicas:
            await self.world.probe(deployment, {})
        pods = (await self.world.status()).pods
        await asyncio.gather(*(self._mend(pod) for pod in pods))
        if self.meshed and await self.counted("outlier_detection.ejections_active"):
            await self.world.reset_mesh()
            self.say("ejections forgotten")

    async def fault(self, service: str, kind: str, **fields: object) -> None:
        """Have every replica of a service commit a fault on itself, until the next reset."""
        pods = [pod for pod in (await self.world.status()).pods if pod.service == service]
        for pod in pods:
            await self.strike(pod, kind, **fields)
        told = " ".join(f"{name}={value}" for name, value in fields.items())
        self.say(f"injected {kind} {told} into {', '.join(pod.name for pod in pods)}")

    async def strike(self, pod: Pod, kind: str, **fields: object) -> None:
        """Have one pod commit a fault on itself."""
        body = {"id": f"demo-{kind}", "kind": kind, "ttl_s": FAULT_TTL_S, "seed": 1, **fields}
        async with self.http.post(f"http://{pod.admin}/faults", json=body) as answer:
            answer.raise_for_status()

    async def toggle(self, pod: str) -> None:
        """Make a collector's or a control panel's `/status` faulty, or whole again."""
        found = await self.pod(pod)
        async with self.http.get(f"http://{found.app}/fault") as answer:
            answer.raise_for_status()
            self.say(f"toggled /fault on {pod}: {await answer.text()}")

    # --- what looks

    async def ask(self, path: str, **headers: str) -> tuple[int, str]:
        """Ask once by the way in; returns the status (0 when nobody answered) and the text."""
        try:
            async with self.http.get(f"http://{self.way_in}{path}", headers=headers) as answer:
                return answer.status, await answer.text()
        except aiohttp.ClientConnectionError:
            return 0, ""

    async def ask_often(self, path: str, times: int, at_once: int = 1) -> Counter[int]:
        """Count the statuses of many answers."""
        return Counter(status for status, _ in await self._answers(path, times, at_once))

    async def who(self, times: int, path: str = "/status", at_once: int = 1) -> Counter[str]:
        """Count which pods gave the answers; what was no 200 counts under its status."""
        answers = await self._answers(path, times, at_once)
        return Counter(text.rpartition(" - ")[2] if status == 200 else str(status) for status, text in answers)

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

    async def pod(self, name: str) -> Pod:
        """Find a pod by its name."""
        return next(pod for pod in (await self.world.status()).pods if pod.name == name)

    async def ready(self, deployment: str) -> list[str]:
        """Name the ready pods of a deployment."""
        return [pod.name for pod in (await self.world.status()).pods if pod.deployment == deployment and pod.ready]

    async def counted(self, name: str, pod: str | None = None) -> int:
        """Add up one of Envoy's counters over all proxies, or take one proxy's; by the end of its name."""
        stats = await self.world.proxy_stats()
        return sum(
            value
            for each, flat in stats.items()
            if pod in (None, each)
            for one, value in flat.items()
            if one.endswith(name)
        )

    async def client_counters(self, service: str, callee: str) -> dict[str, Counter[str]]:
        """Add up what the clients of a service counted on the way to a callee: `events`, and `outcomes` by flag."""
        found: dict[str, Counter[str]] = {"events": Counter(), "outcomes": Counter()}
        for pod in (await self.world.status()).pods:
            if pod.service == service:
                async with self.http.get(f"http://{pod.admin}/counters") as answer:
                    counted = await answer.json()
                for part, sums in found.items():
                    sums.update(counted[part].get(callee, {}))
        return found

    async def _mend(self, pod: Pod) -> None:
        async with self.http.delete(f"http://{pod.admin}/faults") as answer:
            answer.raise_for_status()
        if pod.service in ("collector", "cpanel"):
            async with self.http.get(f"http://{pod.app}/status") as answer:
                faulty = answer.status != 200
            if faulty:
                await self.toggle(pod.name)
        elif pod.service.startswith("camera-agent"):
            async with self.http.post(f"http://{pod.app}/stream?toggle=off") as answer:
                answer.raise_for_status()

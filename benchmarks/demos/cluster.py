"""A world of a cluster as a stage: entered at the cluster's ingress gateway, watched and struck through the relay."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from benchmarks.demos.demo import Demo
from benchmarks.demos.stage import Outside, Stats
from benchmarks.errors import BadInput
from istio.admin import parse_stats
from istio.exposition import cluster_stats
from k8s.cluster import barrier, ingress, outside
from k8s.cluster.api import Api
from k8s.cluster.control import APP_PORT
from k8s.cluster.job import of_a_bench
from k8s.cluster.lent import lent
from k8s.cluster.relay import Relay
from k8s.cluster.target import ClusterTarget
from k8s.cluster.world import ClusterWorld, Say
from k8s.render import render
from k8s.target import Beginning, MeshOptions, Pod, Rendered, TargetError

ANSWER_S = 10.0
GATEWAY = "istio-ingressgateway-{}"
"""How a gateway's pods are called, as in a local world."""
COUNTERS = r"^cluster\.outbound\|.*\.(upstream_rq_(total|retry|timeout|completed|\d+)|membership_(healthy|total))$"
"""What the demonstrations ask of a gateway; its whole page may have megabytes."""
KNOWS_S, POLL_S = 60.0, 0.5
UP = "goaround up --target cluster --mode mesh"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster while a command uses it: `relay` is open, and `target` reaches pods by it."""

    api: Api
    relay: Relay
    target: ClusterTarget
    gateway: str | None


@asynccontextmanager
async def opened(context: str | None, gateway: str | None, say: Say) -> AsyncIterator[Cluster]:
    """Open the way to the pods of a cluster. `gateway`: HOST:PORT where its ingress gateway is reached, if known."""
    api = Api(context)
    async with Relay(api.access()) as relay:
        yield Cluster(api, relay, ClusterTarget(api, say=say, reach=relay), gateway)


def mesh(name: str) -> Rendered:
    """What the demonstrations run on: a mesh world with the objects of the edge, in its own namespace."""
    return render("mesh", mesh=MeshOptions(gateway=True), namespace=name)


async def usable(cluster: Cluster) -> list[str]:
    """Names of the running worlds, without those that benches have made: what we break there is in their figures."""
    return [name for name in await cluster.target.worlds() if not of_a_bench(name)]


async def find(cluster: Cluster, name: str | None) -> ClusterWorld:
    """Return the running mesh world that the demonstrations can use.

    Raises BadInput: there is none, or there are several and no name is given.
    """
    names = [name] if name else await usable(cluster)
    worlds = [await cluster.target.world(each) for each in names]
    fit = [world for world in worlds if world.mode == "mesh"]
    if not fit:
        others = "; ".join(f"{world.name} is a {world.mode} world" for world in worlds)
        found = f" ({others})" if others else ""
        raise BadInput([f"no mesh world runs in this cluster{found}; start one with: {UP}"])
    if len(fit) > 1:
        raise BadInput([f"several worlds run: choose one with --name: {', '.join(world.name for world in fit)}"])
    return fit[0]


@dataclass(slots=True)
class ClusterStage:
    """A mesh world of a cluster, and the cluster's gateway in front of it."""

    world: ClusterWorld
    beginning: Beginning
    way_in: str
    headers: Mapping[str, str]
    countless: str
    """Why the gateway's counters cannot be seen; empty when they can."""
    _cluster: Cluster
    _ingress: ingress.Ingress
    _http: aiohttp.ClientSession

    async def followed(self) -> None:
        """Wait until every sidecar and the gateway have seen a barrier, and know all pods that are ready."""
        gateways = [one["metadata"]["name"] for one in await self.world.get() if one["kind"] == "Gateway"]
        one = barrier.barrier(self.beginning.namespace, APP_PORT, gateways[0] if gateways else None)
        pods = (await self.world.status()).pods
        async with lent(self._cluster.api, one.objects):
            await barrier.passed_by(one, pods, self.world.headers, self.way_in if gateways else None)
        await self._know_the_ready()

    async def mend(self) -> None:
        """Have what was changed undone, and pods replaced whose next restart would be held back."""
        before = [pod.name for pod in (await self.world.status()).pods]
        await self.world.mend()
        if before != [pod.name for pod in (await self.world.status()).pods]:
            await self.followed()

    async def gateway_stats(self) -> Stats:
        """Ask the gateway's pods for their pages of metrics."""
        return {} if self.countless else await _gateway_stats(self._cluster, self._ingress, self._http)

    def outside(self) -> AbstractAsyncContextManager[Outside]:
        """Start a pod without a sidecar."""
        return self._serving()

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[Outside]:
        namespace = self.beginning.namespace
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/cpanel-v1"
        deployment = await asyncio.to_thread(self._cluster.api.get, path)
        image = str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])
        async with outside.serving(self._cluster.api, namespace, image) as server:
            yield server

    def lacks(self, demo: Demo) -> str:
        """Why a demonstration cannot be shown here; empty when it can."""
        return self.countless if demo.asks_the_gateway else ""

    async def _know_the_ready(self) -> None:
        """Wait until every proxy has as many endpoints of each service as pods of it are ready.

        They come by the cluster's controllers, which are told of a pod after us.
        """
        late: list[str] = []
        try:
            async with asyncio.timeout(KNOWS_S):
                while late := await self._not_up_to_date():  # noqa: ASYNC110 - proxies tell nobody
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise TargetError(
                f"after {KNOWS_S:g} s these do not know which pods are ready: {', '.join(late)}"
            ) from None

    async def _not_up_to_date(self) -> list[str]:
        pods = (await self.world.status()).pods
        ready = Counter(pod.service for pod in pods if pod.ready)
        told, silent = await self._memberships(pods)
        stats = {**told, **await self.gateway_stats()}
        wanted = {
            f"cluster.outbound|{APP_PORT}||{service}.{self.beginning.namespace}.svc.cluster.local;.membership_total": n
            for service, n in ready.items()
        }
        late = [proxy for proxy, flat in stats.items() if any(flat.get(name, n) != n for name, n in wanted.items())]
        return [*late, *silent]

    async def _memberships(self, pods: tuple[Pod, ...]) -> tuple[Stats, list[str]]:
        """How many endpoints each sidecar has, by its cluster; and whose sidecar does not answer now, with the reason.

        A pod may have been started again since it was listed, so that is nothing to give up for.
        """
        asked = [pod for pod in pods if pod.proxy_admin is not None and pod.ready]
        told = await asyncio.gather(*(self._membership(pod) for pod in asked))
        both = [(pod.name, said) for pod, said in zip(asked, told, strict=True)]
        stats = {name: said for name, said in both if not isinstance(said, str)}
        return stats, [f"{name} (does not answer: {said})" for name, said in both if isinstance(said, str)]

    async def _membership(self, pod: Pod) -> dict[str, int] | str:
        url = f"http://{pod.proxy_admin}/stats?filter=membership_total"
        try:
            async with self._http.get(url, headers=self.world.headers) as answer:
                answer.raise_for_status()
                return parse_stats(await answer.text())
        except (aiohttp.ClientError, TimeoutError) as error:
            return " ".join(str(error).split()) or f"nothing within {ANSWER_S:g} s"


@asynccontextmanager
async def staged(cluster: Cluster, world: ClusterWorld) -> AsyncIterator[ClusterStage]:
    """Enter a world at the cluster's gateway.

    By `--gateway`, else by the address of its Service that answers from here, else through the API server.

    Raises TargetError: there is no gateway, or the address that was given does not answer.
    """
    found = await asyncio.to_thread(ingress.find, cluster.api)
    way_in = cluster.gateway or await ingress.reachable(found.outside)
    if way_in is None:
        pod, ip = found.pods[0]
        way_in = cluster.relay.address(found.namespace, pod, ip, found.port)
    beginning = await world.beginning()
    # what was interrupted may have left the gateway without the object by which it listens
    there = {one["metadata"]["name"] for one in await world.get() if one["kind"] == "Gateway"}
    if lost := [one for one in beginning.istio if one["kind"] == "Gateway" and one["metadata"]["name"] not in there]:
        await world.apply(lost)
    if there and cluster.gateway is not None and await ingress.reachable([cluster.gateway]) is None:
        raise TargetError(f"--gateway {cluster.gateway}: no Envoy answers there")
    hosts = [host for one in beginning.istio if one["kind"] == "Gateway" for host in _hosts(one)]
    if not hosts:
        raise BadInput([f"world {world.name} has no Gateway (it was started with --no-gateway); start one with: {UP}"])
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S)) as http:
        stage = ClusterStage(world, beginning, way_in, asked_for(hosts), "", cluster, found, http)
        if lost:
            await stage.followed()
        # an Envoy makes up a cluster's counters when it is first called: an idle gateway would seem to have none
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with http.get(f"http://{way_in}/status", headers=stage.headers):
                pass
        stage.countless = await _countless(cluster, found, http)
        yield stage


async def _countless(cluster: Cluster, found: ingress.Ingress, http: aiohttp.ClientSession) -> str:
    """Why the gateway does not tell what it counts towards each service; empty when it does."""
    try:
        stats = await _gateway_stats(cluster, found, http)
    except TargetError as error:
        return f"it is proven by the ingress gateway's counters, and {error}"
    if any(name.endswith(";.upstream_rq_total") for flat in stats.values() for name in flat):
        return ""
    return (
        "it is proven by what the ingress gateway counts towards each service, and this cluster's counts no such "
        "thing (its proxyStatsMatcher leaves it out)"
    )


async def _gateway_stats(cluster: Cluster, found: ingress.Ingress, http: aiohttp.ClientSession) -> Stats:
    async def page(pod: str, ip: str) -> str:
        address = cluster.relay.address(found.namespace, pod, ip, ingress.METRICS)
        try:
            async with http.get(f"http://{address}/stats/prometheus", params={"filter": COUNTERS}) as answer:
                answer.raise_for_status()
                return await answer.text()
        except aiohttp.ClientResponseError as error:
            raise TargetError(f"its pod {pod} does not show them: {error.message}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TargetError(f"its pod {pod} does not show them: {error}") from error

    pages = await asyncio.gather(*(page(pod, ip) for pod, ip in found.pods))
    return {GATEWAY.format(number): cluster_stats(each) for number, each in enumerate(pages)}


def _hosts(gateway: Mapping[str, Any]) -> list[str]:
    return [str(host) for server in gateway["spec"]["servers"] for host in server["hosts"]]


def asked_for(hosts: list[str]) -> dict[str, str]:
    """The header by which a Gateway lets calls in: none where it takes any host."""
    named = [host.rpartition("/")[2] for host in hosts]
    if "*" in named:
        return {}
    return {"Host": named[0].replace("*", "airport", 1)}

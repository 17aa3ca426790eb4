"""Two real Envoys, the collector's before the alerts', with one application behind the second."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from istio.call_log import Logged
from istio.compile import ProxyConfig, compile_proxy
from istio.discovery import DiscoveryServer
from istio.objects import Document, read
from istio.registry import TLS_LABEL, Proxy, Registry
from istio.security import Authority
from istio.sidecar import Sidecar, SidecarPorts
from tests.istio.running import eventually, process
from tests.istio.world import GOLDEN, objects
from tests.ports import free_ports

CLUSTER = "cluster.outbound|8080||alerts.airport.svc.cluster.local;"
CERTIFICATE = "x-forwarded-client-cert"


def _injected(document: Document) -> Document:
    """A pod as the injector leaves it."""
    if document.kind != "Pod":
        return document
    metadata: dict[str, Any] = document.data["metadata"]
    labels = {**metadata.get("labels", {}), TLS_LABEL: "istio"}
    return Document({**document.data, "metadata": {**metadata, "labels": labels}})


REGISTRY = Registry.from_kubernetes([_injected(one) for one in read((GOLDEN / "world.yaml").read_text(), "world.yaml")])
COLLECTOR, ALERTS = (REGISTRY.proxy(pod, "airport") for pod in ("collector-0", "alerts-0"))


class Forger(Authority):
    """Has the world's root, as everybody has, and another key."""

    def __init__(self, world: Authority) -> None:
        super().__init__()
        self._world = world

    @property
    def root(self) -> str:
        return self._world.root


@dataclass
class Pair:
    """The two sidecars, and calls through the first or straight at the second."""

    caller: Sidecar
    callee: Sidecar
    outbound: int
    inbound: int
    addresses: dict[tuple[str, int], tuple[str, int]]
    admin: dict[str, int]  # the port of each pod's Envoy
    http: aiohttp.ClientSession
    seen: list[str | None] = field(default_factory=list)  # of each request: the certificate that the proxy vouched for
    statuses: list[int] = field(default_factory=list)  # what the application answers next; 200 when it is empty

    def configuration(self, text: str, proxy: Proxy) -> ProxyConfig:
        return compile_proxy(REGISTRY, objects(text), proxy, mtls=True)

    async def apply(self, text: str) -> None:
        """Publish what these objects compile to, to both."""
        await asyncio.gather(
            self.caller.publish(self.configuration(text, COLLECTOR), self.addresses),
            self.callee.publish(self.configuration(text, ALERTS), self.addresses),
        )

    async def call(self, **headers: str) -> int:
        """Call the alerts through both sidecars; returns the status."""
        return await self.ask(headers=headers)

    async def call_in_plaintext(self) -> int:
        """Call the alerts' sidecar as one without a sidecar does; returns the status."""
        return await self.ask(plain=True)

    async def ask(
        self, method: str = "GET", path: str = "/", headers: Mapping[str, str] | None = None, *, plain: bool = False
    ) -> int:
        """Make any request, through both sidecars or in plaintext at the second; returns the status."""
        url = f"http://127.0.0.1:{self.inbound if plain else self.outbound}{path}"
        async with self.http.request(method, url, headers={"Host": "alerts", **(headers or {})}) as answer:
            return answer.status

    async def metrics(self, sidecar: Sidecar) -> str:
        """Read the page that a Prometheus scrapes."""
        url = f"http://127.0.0.1:{self.admin[sidecar.proxy.name]}/stats/prometheus?usedonly"
        async with self.http.get(url) as answer:
            return await answer.text()

    async def handshakes(self) -> int:
        """Count the caller's handshakes with the alerts."""
        return (await self.caller.stats()).get(f"{CLUSTER}.ssl.handshake", 0)


@contextlib.asynccontextmanager
async def running_pair(
    directory: Path,
    text: str = "",
    *,
    forged: bool = False,
    callee_account: str = "alerts",
    telemetry: bool = False,
    call_log: Logged = "none",
) -> AsyncIterator[Pair]:
    """Run both; the caller's certificate may be ``forged``, and the callee may run under another account."""
    authority = Authority()
    seen: list[str | None] = []
    statuses: list[int] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        seen.append(request.headers.get(CERTIFICATE))
        return web.Response(status=statuses.pop(0) if statuses else 200)

    async with contextlib.AsyncExitStack() as stack:
        runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        app = runner.addresses[0][1]
        sockets = stack.enter_context(tempfile.TemporaryDirectory())
        server = await stack.enter_async_context(DiscoveryServer(Path(sockets) / "s"))
        out, unused_in, admin, unused_out, into, other_admin = free_ports(6)
        addresses = {
            (one.ip, one.port): ("127.0.0.1", into)
            for service in REGISTRY.services
            for endpoints in service.endpoints.values()
            for one in endpoints
        }
        here = SidecarPorts(admin, {8080: out}, {8080: unused_in}, {8080: app})
        there = SidecarPorts(other_admin, {8080: unused_out}, {8080: into}, {8080: app})
        callee = Proxy(ALERTS.name, ALERTS.namespace, ALERTS.labels, callee_account)
        pair = Pair(
            Sidecar(
                directory / "caller",
                COLLECTOR,
                here,
                server,
                Forger(authority) if forged else authority,
                telemetry=telemetry,
                call_log=call_log,
            ),
            Sidecar(directory / "callee", callee, there, server, authority, telemetry=telemetry, call_log=call_log),
            out,
            into,
            addresses,
            {COLLECTOR.name: admin, ALERTS.name: other_admin},
            await stack.enter_async_context(
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True, limit=0))
            ),
            seen,
            statuses,
        )
        for sidecar, proxy in ((pair.caller, COLLECTOR), (pair.callee, ALERTS)):
            log = directory / f"{proxy.name}.log" if call_log != "none" else None
            stack.enter_context(process(sidecar.prepare(pair.configuration(text, proxy), addresses), log))
        await eventually(pair.caller.ready)
        await eventually(pair.callee.ready)
        yield pair

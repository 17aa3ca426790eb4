"""One real Envoy as the collector's sidecar, before small upstreams of this process."""

import asyncio
import contextlib
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web

from istio import stats
from istio.discovery import DiscoveryServer
from istio.sidecar import Sidecar, SidecarPorts
from istio.stats import EdgeStats
from tests.istio.world import COLLECTOR, REGISTRY, compiled
from tests.ports import free_ports

Address = tuple[str, int]
PODS = {
    one.ip: one.pod for service in REGISTRY.services for endpoints in service.endpoints.values() for one in endpoints
}


@dataclass
class Upstream:
    """A pod's application: answers ``script``'s statuses first and ``status`` then, when ``gate`` is open."""

    status: int = 200
    script: list[int] = field(default_factory=list)
    received: int = 0
    held: int = 0  # how many requests, from now on, wait for the gate
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Count a request and answer it with the host that it was sent to."""
        self.received += 1
        if self.held:
            self.held -= 1
            await self.gate.wait()
        return web.Response(status=self.script.pop(0) if self.script else self.status, text=request.host)


@dataclass
class Mesh:
    """The sidecar, its upstreams by pod name, and requests through it."""

    sidecar: Sidecar
    ports: SidecarPorts
    upstreams: dict[str, Upstream]
    addresses: dict[Address, Address]
    http: aiohttp.ClientSession
    envoy: subprocess.Popen[bytes] | None = None

    async def apply(self, text: str) -> None:
        """Publish what these objects compile to."""
        await self.sidecar.publish(compiled(text), self.addresses)

    async def get(
        self, host: str, port: int | None = None, path: str = "/", headers: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """Return status and body; a fresh connection each time, so that nothing is kept by the client."""
        url = f"http://127.0.0.1:{port or self.ports.outbound[8080]}{path}"
        async with self.http.get(url, headers={"Host": host, **(headers or {})}) as answer:
            return answer.status, await answer.text()

    async def edge(self, callee: str) -> EdgeStats:
        """Read what the sidecar counted towards a callee."""
        return stats.edges(await self.sidecar.stats()).get(callee, EdgeStats())

    def received(self, prefix: str) -> int:
        """Sum what the pods of this name received."""
        return sum(one.received for name, one in self.upstreams.items() if name.startswith(prefix))


async def eventually(check: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a condition that Envoy's counters report."""
    async with asyncio.timeout(10):
        while not await check():  # noqa: ASYNC110 - Envoy's counters can only be asked
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def running_mesh(
    directory: Path, text: str = "", *, start: bool = True, service_ports: Sequence[int] = (8080,)
) -> AsyncIterator[Mesh]:
    """Serve an upstream per pod and run the collector's sidecar with these objects, for callers of these ports."""
    upstreams = {pod: Upstream() for pod in PODS.values()}
    addresses: dict[Address, Address] = {}
    async with contextlib.AsyncExitStack() as stack:
        for ip, pod in PODS.items():
            server = web.Server(upstreams[pod].answer)
            runner = web.ServerRunner(server, shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            address: Address = runner.addresses[0]
            addresses[ip, 8080] = address
        admin, inbound, *outbound = free_ports(2 + len(service_ports))
        app = addresses["10.0.1.1", 8080][1]
        ports = SidecarPorts(admin, dict(zip(service_ports, outbound, strict=True)), {8080: inbound}, {8080: app})
        # A socket's path holds about 100 characters; a test's own folder may be longer.
        sockets = stack.enter_context(tempfile.TemporaryDirectory())
        discovery = await stack.enter_async_context(DiscoveryServer(Path(sockets) / "s"))
        sidecar = Sidecar(directory, COLLECTOR, ports, discovery)
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        mesh = Mesh(sidecar, ports, upstreams, addresses, http)
        command = sidecar.prepare(compiled(text), addresses)
        if start:
            mesh.envoy = stack.enter_context(process(command))
            await eventually(sidecar.ready)
        yield mesh


@contextlib.contextmanager
def process(command: list[str], output: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command, with its standard output in a file, and end it."""
    with contextlib.ExitStack() as stack:
        stdout = stack.enter_context(output.open("ab")) if output else None
        running = stack.enter_context(subprocess.Popen(command, stdout=stdout))  # noqa: S603 - the sidecar's own command
        try:
            yield running
        finally:
            running.terminate()

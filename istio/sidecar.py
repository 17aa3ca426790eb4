"""The real Envoy beside one pod: prepared, updated live in a safe order, and asked what it counted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from istio.admin import Admin, Unreachable
from istio.bootstrap import bootstrap
from istio.call_log import Logged, log_calls
from istio.compile.proxy import ProxyConfig
from istio.compile.tls import identity
from istio.discovery import DiscoveryServer
from istio.ejections import Ejection, read_ejections
from istio.envoy import binary
from istio.localise import LOOPBACK, Address, LocalAddresses, localise
from istio.registry import Proxy
from istio.security import Authority, secrets
from istio.telemetry import instrument

# Asked more often, fifteen sidecars keep the supervisor too busy to answer what they wait for.
_POLL_S = 0.05
_PATIENCE_S = 10.0
# As Istio's agent runs it (pkg/envoy/proxy.go): a connection that an old listener accepted is closed with its next
# answer, so a change of what may come in is in effect after at most one more request on it.
_DRAIN = ["--drain-strategy", "immediate", "--drain-time-s", "45"]
LOG_FLUSH_MS = 250  # Envoy's own is 10 s: too late to say why something was refused


class Rejected(RuntimeError):
    """Envoy refused a configuration; the message is Envoy's."""


@dataclass(frozen=True, slots=True)
class SidecarPorts:
    """Local ports of a sidecar: its administration, and by service or target port its listeners and the application."""

    admin: int
    outbound: Mapping[int, int]
    inbound: Mapping[int, int]
    app: Mapping[int, int]


class Sidecar:
    """One Envoy's configuration and administration. The process itself belongs to whoever runs ``prepare``'s command.

    With an ``authority``, Envoy is given the certificate of its pod's identity; with ``telemetry``, it counts requests
    under Istio's names; ``call_log`` says for which requests and tries it writes a line to its standard output. Envoy's
    own log is ``envoy.log`` in the directory.
    """

    def __init__(
        self,
        directory: Path,
        proxy: Proxy,
        ports: SidecarPorts,
        server: DiscoveryServer,
        authority: Authority | None = None,
        *,
        telemetry: bool = False,
        call_log: Logged = "none",
    ):
        self._directory, self._authority = directory.absolute(), authority
        self._telemetry, self._call_log = telemetry, call_log
        self._proxy, self._ports, self._server = proxy, ports, server
        self._resources = server.resources(f"{proxy.name}.{proxy.namespace}")
        self._admin = Admin(LOOPBACK, ports.admin)
        self._published: ProxyConfig | None = None
        self._life = 0
        self._turn = asyncio.Lock()

    @property
    def proxy(self) -> Proxy:
        """Whose it is."""
        return self._proxy

    @property
    def log(self) -> Path:
        """Where Envoy writes its log."""
        return self._directory / "envoy.log"

    @property
    def _ejections(self) -> Path:
        return self._directory / "ejections.log"

    def ejections(self) -> list[Ejection]:
        """When this Envoy ejected a host and let it return, of outbound clusters, oldest first."""
        return read_ejections(self._ejections)

    def prepare(self, config: ProxyConfig, addresses: Mapping[Address, Address]) -> list[str]:
        """Write the bootstrap and set what the server will answer; gives back the command that runs Envoy.

        ``addresses``: (pod IP, target port) -> where that pod's inbound listener is on this machine.

        Raises:
            NoEnvoy: there is none for this platform.
            Unplaced: an endpoint at a port that a pod of this machine does not have.

        """
        command = [str(binary())]
        local = self._local(config, addresses)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._resources.clear()
        self._write_secrets()
        self._write_all(local)
        self._published = local
        start = self._directory / "bootstrap.json"
        start.write_text(json.dumps(bootstrap(self._proxy, self._ports.admin, self._server, self._ejections)))
        # Without hot restart there is no shared memory, so any number of Envoys run side by side.
        return [
            *command, "-c", str(start), "--concurrency", "1", "--disable-hot-restart",
            "--log-level", "warning", "--component-log-level", "misc:error", "--log-path", str(self.log),
            "--file-flush-interval-msec", str(LOG_FLUSH_MS), *_DRAIN,
        ]  # fmt: skip

    async def publish(self, config: ProxyConfig, addresses: Mapping[Address, Address]) -> None:
        """Give a running Envoy a new configuration; returns when Envoy has taken all of it.

        In this order, so that nothing ever refers to what is not there yet: endpoints and clusters (the old ones stay),
        then routes and listeners, then the old clusters go.

        Raises:
            Rejected: with Envoy's words; Envoy keeps what it had of the refused part.
            Unreachable: Envoy does not run, and will start with this configuration; or it stands still, and is told
                all of it when it goes on.
            Unplaced: as ``prepare``.
            TimeoutError: Envoy has not taken the configuration in time.

        """
        async with self._turn:
            await self._publish(self._local(config, addresses))

    async def reset(self) -> None:
        """Drop what Envoy has learnt of other services' hosts: ejections and connections.

        Every outbound cluster is replaced by an equal one, as if its DestinationRule had been deleted and applied
        again; requests under way are finished. Rewriting an identical cluster would keep its ejections.

        Raises:
            RuntimeError: nothing was prepared yet.
            Rejected, Unreachable, TimeoutError: as ``publish``.

        """
        async with self._turn:
            if self._published is None:
                raise RuntimeError("reset comes after prepare")
            self._life += 1
            await self._publish(self._reborn(self._published))

    async def rotate(self, *, expired: bool = False) -> None:
        """Give Envoy a new certificate and key; returns when it has taken them. Connections that stand stay.

        `expired`: one whose time is over; Envoy takes it, and it is for its peers to refuse it.

        Raises:
            Rejected, Unreachable, TimeoutError: as ``publish``.

        """
        async with self._turn:
            mark = self._mark()
            written = self._write_secrets(expired=expired)
            await self._resources.announce()
            seen = await self._admin.discovery()
            # Where nothing speaks TLS, Envoy has asked for no secret.
            awaited = {name: version for name, version in written.items() if name in seen.versions}
            await self._taken(awaited, seen.rejections, mark)

    async def ready(self) -> bool:
        """Whether Envoy runs and has its whole configuration."""
        return await self._admin.ready()

    async def stats(self) -> dict[str, int]:
        """Envoy's counters and gauges by flat name; what was never touched is left out and means 0.

        Raises:
            Unreachable: Envoy does not run.

        """
        return await self._admin.stats()

    def _local(self, config: ProxyConfig, pods: Mapping[Address, Address]) -> ProxyConfig:
        ports = self._ports
        if self._telemetry:
            config = instrument(config, self._proxy)
        config = log_calls(config, self._proxy, self._call_log)
        return self._reborn(localise(config, LocalAddresses(ports.outbound, ports.inbound, ports.app, pods)))

    def _reborn(self, config: ProxyConfig) -> ProxyConfig:
        """Return the same clusters in another life: a number in the metadata is what makes Envoy build them anew."""
        if not self._life:
            return config
        return replace(config, clusters={name: self._with_life(one) for name, one in config.clusters.items()})

    def _with_life(self, cluster: Mapping[str, Any]) -> Mapping[str, Any]:
        if cluster["type"] != "EDS":
            return cluster
        known = cluster.get("metadata", {}).get("filter_metadata", {})
        return {**cluster, "metadata": {"filter_metadata": {**known, "goaround": {"life": self._life}}}}

    async def _publish(self, config: ProxyConfig) -> None:
        try:
            await self._publish_in_order(config)
        except Unreachable:
            self._write_all(config)
            await self._resources.announce()
            raise

    async def _publish_in_order(self, config: ProxyConfig) -> None:
        before = self._published
        old = {} if before is None else {k: v for k, v in before.clusters.items() if k not in config.clusters}
        self._published = config
        mark = self._mark()
        rejections = (await self._admin.discovery()).rejections
        awaited = self._write_endpoints(config)
        both = [*config.clusters.values(), *old.values()]
        awaited |= self._named("cluster_manager.cds", self._resources.write("clusters", both))
        await self._taken(awaited, rejections, mark)
        awaited = self._write_routes(config)
        awaited |= self._named("listener_manager.lds", self._resources.write("listeners", config.listeners.values()))
        await self._taken(awaited, rejections, mark)
        if old:
            awaited = self._named("cluster_manager.cds", self._resources.write("clusters", config.clusters.values()))
            await self._taken(awaited, rejections, mark)
            for name in old:
                self._resources.remove("endpoints", name)

    def _mark(self) -> int:
        """How long Envoy's log is: what it says of an update stands after this."""
        return self.log.stat().st_size if self.log.exists() else 0

    def _write_all(self, config: ProxyConfig) -> None:
        self._write_endpoints(config)
        self._write_routes(config)
        self._resources.write("clusters", config.clusters.values())
        self._resources.write("listeners", config.listeners.values())

    def _write_endpoints(self, config: ProxyConfig) -> dict[str, str]:
        awaited: dict[str, str] = {}
        for name, assignment in config.endpoints.items():
            version = self._resources.write("endpoints", [assignment], name)
            awaited |= self._named(f"cluster.{config.clusters[name]['alt_stat_name']}", version)
        return awaited

    def _write_secrets(self, *, expired: bool = False) -> dict[str, str]:
        """A certificate that was never used before, and the root."""
        awaited: dict[str, str] = {}
        if self._authority is not None:
            who = identity(self._proxy.namespace, self._proxy.service_account)
            own = self._authority.issue(who, expired=expired)
            for name, secret in secrets(own, self._authority.root).items():
                awaited |= self._named(f"sds.{name}", self._resources.write("secrets", [secret], name))
        return awaited

    def _write_routes(self, config: ProxyConfig) -> dict[str, str]:
        """Routes that a listener here reads."""
        awaited: dict[str, str] = {}
        for listener in config.listeners.values():
            for chain in listener["filter_chains"]:
                for one in chain["filters"]:
                    manager = one["typed_config"]
                    if "rds" not in manager:
                        continue
                    name = manager["rds"]["route_config_name"]
                    version = self._resources.write("routes", [config.routes[name]], name)
                    awaited |= self._named(f"http.{manager['stat_prefix']}.rds.{name}", version)
        return awaited

    @staticmethod
    def _named(subscription: str, version: str | None) -> dict[str, str]:
        return {f"{subscription}.version_text": version} if version else {}

    async def _taken(self, awaited: Mapping[str, str], rejections: int, mark: int) -> None:
        """Wait until every subscription reports the version that was written for it."""
        if not awaited:
            return
        missing = sorted(awaited)
        await self._resources.announce()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while True:
                    seen = await self._admin.discovery()
                    missing = sorted(name for name, version in awaited.items() if seen.versions.get(name) != version)
                    if not missing and not seen.warming:
                        return
                    if seen.rejections > rejections:
                        raise Rejected(await self._words_since(mark))
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            what = ", ".join(missing) or "all of its clusters and listeners (some are warming)"
            raise TimeoutError(f"after {_PATIENCE_S:g} s Envoy has not taken {what}") from None

    async def _words_since(self, mark: int) -> str:
        """Find what Envoy's log says of a refusal; the log reaches its file a little later than the counter moves."""
        for _ in range(int(4 * LOG_FLUSH_MS / 1000 / _POLL_S)):
            with self.log.open("rb") as log:
                log.seek(mark)
                lines = log.read().decode(errors="replace").splitlines()
            for number, line in enumerate(lines):
                if "rejected" in line:
                    return "\n".join(lines[number:])
            await asyncio.sleep(_POLL_S)
        return f"Envoy refused the configuration; see {self.log}"

"""Scripted clients, and one service behind its real gate, without a network between services."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from services.airport.messages import Frame
from services.airport.photo import encoded
from services.runtime.admin import Admin
from services.runtime.app import call_log
from services.runtime.clients import Reply, ServiceClient
from services.runtime.faults import Faults
from services.runtime.pod import Application, Build, Pod
from services.runtime.probes import Phase, Probes
from services.runtime.server import Gate, make_app
from services.runtime.settings import Settings, read_settings
from services.runtime.telemetry import Telemetry

NOON = "2026-01-31T12:00:00+00:00"
Http = TestClient[web.Request, web.Application]


def frame(seed: int = 1, **fields: Any) -> Frame:
    """Make a frame whose photo follows from `seed`."""
    values = {"id": f"f-{seed}", "timestamp": NOON, "section": 1, "event": "entry", "image": encoded(seed)}
    return Frame(**{**values, **fields})


def settings_of(tmp_path: Path, service: str = "collector", **env: str) -> Settings:
    """Make the settings of a pod named SERVICE-0, storing in `tmp_path`, whose calls cost nothing."""
    quick = {"SERVICE_TIME_MS": "0", "CPU_MS": "0", "STORE_DIR": str(tmp_path)}
    return read_settings({"SERVICE_NAME": service, "POD_NAME": f"{service}-0", **quick, **env})


def reply(status: int = 200, body: object = None, flag: str | None = None) -> Reply:
    """Make a reply with a JSON body."""
    return Reply(status, b"" if body is None else json.dumps(body).encode(), flag, 1)


@dataclass
class ScriptedClient:
    """Answers with `replies` in turn, the last for ever; keeps what it was asked. `gate` holds its answers back."""

    replies: list[Reply] = field(default_factory=lambda: [reply()])
    asked: list[tuple[str, str, Any, dict[str, str]]] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def request(
        self, method: str, path: str, *, json: object | None = None, params: Mapping[str, str] | None = None
    ) -> Reply:
        """Answer the next reply."""
        self.asked.append((method, path, json, dict(params or {})))
        if self.gate is not None:
            await self.gate.wait()
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    async def get(self, path: str, *, params: Mapping[str, str] | None = None) -> Reply:
        """GET."""
        return await self.request("GET", path, params=params)

    async def post(self, path: str, *, json: object | None = None, params: Mapping[str, str] | None = None) -> Reply:
        """POST."""
        return await self.request("POST", path, json=json, params=params)


class ScriptedClients(Mapping[str, ServiceClient]):
    """A scripted client for every name."""

    def __init__(self, **replies: Reply | list[Reply]) -> None:
        self.made: dict[str, ScriptedClient] = {}
        for name, given in replies.items():
            self.made[name.replace("_", "-")] = ScriptedClient(given if isinstance(given, list) else [given])

    def __getitem__(self, name: str) -> ScriptedClient:
        return self.made.setdefault(name, ScriptedClient())

    def __iter__(self) -> Iterator[str]:
        return iter(self.made)

    def __len__(self) -> int:
        return len(self.made)


@dataclass
class Served:
    """A service in this process: its app and admin ports, and what the runtime holds."""

    http: Http
    admin: Http
    clients: ScriptedClients
    faults: Faults
    telemetry: Telemetry
    probes: Probes
    dropped: list[int]


@asynccontextmanager
async def serving(
    build: Build, settings: Settings, clients: ScriptedClients | None = None, faults: Faults | None = None
) -> AsyncIterator[Served]:
    """Serve one service as the runtime does, with scripted clients."""
    clients = clients or ScriptedClients()
    telemetry, probes, dropped = Telemetry(settings), Probes(), list[int]()
    faults = faults or Faults(settings.pod_name)
    application: Application = build(Pod(settings, clients))

    async def drop(seed: int) -> None:
        dropped.append(seed)

    calls = call_log(settings)
    app = make_app(application, Gate(telemetry, faults, probes, calls=calls), probes)
    admin = Admin(telemetry, faults, application, drop, calls).make_app(
        fault_control=settings.fault_control, token=settings.control_token
    )
    probes.phase = Phase.READY
    async with TestClient(TestServer(app)) as http, TestClient(TestServer(admin)) as admin_http:
        yield Served(http, admin_http, clients, faults, telemetry, probes, dropped)
    await application.stop()
    await application.close()

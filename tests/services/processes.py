"""Real pods: one process for each, on free ports of this machine, finding each other through a discovery file."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.ports import free_ports

ROOT = Path(__file__).parents[2]


@dataclass
class Process:
    """One running pod."""

    name: str
    app: str
    admin: str
    process: asyncio.subprocess.Process

    async def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 15)


@dataclass
class Pods:
    """The pods of one test, and their discovery file."""

    directory: Path
    http: aiohttp.ClientSession
    pods: dict[str, Process] = field(default_factory=dict)
    services: dict[str, list[tuple[str, int]]] = field(default_factory=dict)

    async def start(self, module: str, service: str, **env: str) -> Process:
        """Start `services.MODULE` as `service`, and return once it is ready and can be found."""
        port, admin = free_ports(2)
        store = self.directory / service
        store.mkdir(exist_ok=True)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            f"services.{module}",
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "SERVICE_NAME": service,
                "POD_NAME": f"{service}-0",
                "HOST": "127.0.0.1",
                "PORT": str(port),
                "ADMIN_PORT": str(admin),
                "FAULT_CONTROL": "on",
                "STORE_DIR": str(store),
                "DISCOVERY_FILE": str(self.discovery),
                **env,
            },
        )
        pod = Process(service, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{admin}", process)
        self.pods[service] = pod
        self.services.setdefault(f"{service}:8080", []).append(("127.0.0.1", port))
        self._publish()
        await self._ready(pod)
        return pod

    async def json(self, url: str) -> Any:
        """GET a URL."""
        async with self.http.get(url) as response:
            return await response.json()

    @property
    def discovery(self) -> Path:
        """Where names resolve to."""
        return self.directory / "discovery.json"

    def _publish(self) -> None:
        fresh = self.directory / "discovery.new"
        fresh.write_text(json.dumps({"services": self.services}))
        fresh.rename(self.discovery)

    async def _ready(self, pod: Process) -> None:
        async with asyncio.timeout(15):
            while True:
                assert pod.process.returncode is None, f"{pod.name} ended with {pod.process.returncode}"
                try:
                    async with self.http.get(f"{pod.app}/readyz") as response:
                        if response.status == 200:
                            return
                except aiohttp.ClientConnectionError:
                    pass
                await asyncio.sleep(0.03)


@asynccontextmanager
async def running(directory: Path) -> AsyncIterator[Pods]:
    """Give an empty set of pods; whatever was started is ended on the way out."""
    async with aiohttp.ClientSession() as http:
        pods = Pods(directory, http)
        pods._publish()
        try:
            yield pods
        finally:
            for pod in pods.pods.values():
                await pod.end(signal.SIGKILL)

"""The local target: worlds as processes of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import psutil

from istio.envoy import NoEnvoy, binary
from k8s.local import manifests, record
from k8s.local.client import LocalWorld
from k8s.local.process import ROOT
from k8s.local.supervisor import FAILED, Spec
from k8s.render import LIBRARIES, unchangeable
from k8s.target import OF_SIDECARS, Ability, Need, Rendered, TargetError
from k8s.uninterrupted import to_its_end

# Resident bytes, measured idle with some room: an application 40 MiB, an Envoy 69 MiB and 5 MiB for it in the
# supervisor, a supervisor 53 MiB.
MIB = 2**20
APP, PROXY, SUPERVISOR = 42 * MIB, 75 * MIB, 55 * MIB
START_S = 20.0
POLL_S = 0.02


class LocalTarget:
    """Worlds of this checkout; their state is in `state`/worlds/NAME. `base_port` is for tests and the curious."""

    def __init__(self, state: Path = ROOT / ".goaround", base_port: int | None = None) -> None:
        self._worlds, self._base_port = state / "worlds", base_port

    def need(self, rendered: Rendered) -> Need:
        """Resident memory of a world once it is ready; raises TargetError for manifests that cannot run here."""
        deployments = manifests.read(rendered.objects).deployments.values()
        pods = sum(one.spec.replicas for one in deployments)
        proxies = sum(one.spec.replicas for one in deployments if one.injected)
        if proxies:
            try:
                binary()
            except NoEnvoy as missing:
                raise TargetError(str(missing)) from missing
        proxies += bool(rendered.mesh and rendered.mesh.gateway)
        return Need(pods, SUPERVISOR + pods * APP + proxies * PROXY)

    def supports(self, ability: Ability, rendered: Rendered) -> str:
        """Why a world made of this could not do that; empty when it can. Processes here are always ours to signal."""
        if ability in OF_SIDECARS and rendered.mesh is None:
            return f"mode {rendered.mode} has no sidecars"
        if ability is Ability.LIBRARY and rendered.mode not in LIBRARIES:
            return f"mode {rendered.mode} has no library that could be missing"
        if ability is Ability.POLICIES:
            return unchangeable(rendered)
        if ability is Ability.CERTIFICATES and rendered.mesh and not rendered.mesh.mtls:
            return "its sidecars speak plaintext to each other, and have no certificate that could expire"
        return ""

    async def up(self, name: str, rendered: Rendered, *, attached: bool, seed: int) -> LocalWorld:
        """Start a world and wait until every pod is ready.

        Raises TargetError: bad or taken name, manifests, memory, ports, no Envoy, pods that do not start.
        """
        self._refuse(name, rendered)
        starting = asyncio.ensure_future(self._started(self._worlds / name, name, rendered, attached, seed))
        try:
            world = await to_its_end(starting)
            await world.wait_ready()
        except BaseException:
            if starting.exception() is None:
                await to_its_end(starting.result().down())
            raise
        return world

    async def world(self, name: str) -> LocalWorld:
        """Find a running world; raises TargetError with the choices."""
        running = self._running()
        if name not in running:
            raise TargetError(f"no world {name!r} runs; there are: {', '.join(running) or 'none'}")
        return LocalWorld(self._worlds / name, running[name])

    async def worlds(self) -> list[str]:
        """Names of the running worlds."""
        return list(self._running())

    async def staying(self) -> list[str]:
        """Names of the running worlds that only `down` ends: an attached one ends with the process that started it."""
        return [name for name, one in self._running().items() if not one.attached]

    def _running(self) -> dict[str, record.WorldRecord]:
        if not self._worlds.is_dir():
            return {}
        found = {path.name: record.read(path) for path in sorted(self._worlds.iterdir()) if path.is_dir()}
        return {name: one for name, one in found.items() if one}

    def _refuse(self, name: str, rendered: Rendered) -> None:
        errors = []
        if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,60}[a-z0-9])?", name):
            errors.append(f"world name {name!r}: use a to z, 0 to 9, '.' and '-'")
        elif name in self._running():
            errors.append(f"a world {name!r} runs already: end it first, or choose another name")
        need, available = self.need(rendered).memory, psutil.virtual_memory().available
        if need > available:
            errors.append(f"memory: {need // MIB} MiB needed, {available // MIB} MiB available; end other programs")
        if errors:
            raise TargetError(errors)

    async def _started(self, directory: Path, name: str, rendered: Rendered, attached: bool, seed: int) -> LocalWorld:
        """Start a supervisor, and wait until it can be asked."""
        try:
            process = await asyncio.to_thread(self._start, directory, name, rendered, attached, seed)
        except OSError as error:
            raise TargetError(f"{self._worlds}: {error.strerror or error}") from error
        return LocalWorld(directory, await _supervisor(directory, process), process)

    def _start(
        self, directory: Path, name: str, rendered: Rendered, attached: bool, seed: int
    ) -> subprocess.Popen[bytes]:
        """Sweep, then start a supervisor; its record exists before another client may sweep."""
        spec = Spec(
            name,
            rendered.mode,
            seed,
            self._base_port,
            rendered.objects,
            rendered.istio,
            rendered.notes,
            asdict(rendered.mesh) if rendered.mesh else None,
        )
        with record.alone(self._worlds):
            record.sweep(self._worlds)
            directory.mkdir(parents=True)
            (directory / record.SPEC).write_text(json.dumps(asdict(spec)))
            command = [sys.executable, "-m", "k8s.local.supervisor", str(directory.absolute())]
            with (directory / "supervisor.log").open("ab") as log:
                process = subprocess.Popen(  # noqa: S603 - our own module
                    [*command, "--attached"] if attached else command,
                    stdin=subprocess.PIPE if attached else subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=ROOT,
                    start_new_session=True,
                )
            own = record.ProcessId.of(process.pid)
            record.WorldRecord(name, rendered.mode, own, "", 0, attached).write(directory)
        return process


async def _supervisor(directory: Path, process: subprocess.Popen[bytes]) -> record.WorldRecord:
    """Wait until a supervisor has written where its socket is; raises TargetError with what it said when it failed."""
    try:
        async with asyncio.timeout(START_S):
            while process.poll() is None:
                found = record.read(directory)
                if found and found.socket:
                    return found
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        pass
    except BaseException:
        _end(process)
        raise
    _end(process)
    with contextlib.suppress(OSError, ValueError):
        raise TargetError(json.loads((directory / FAILED).read_text()))
    log = (directory / "supervisor.log").read_text(errors="replace").splitlines()[-5:]
    raise TargetError("\n  ".join(["the world's supervisor did not start:", *log]))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    if process.stdin:
        process.stdin.close()

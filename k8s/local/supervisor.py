"""One process per world: it owns the pods, answers on a unix socket, and takes every pod with it when it ends.

`python -m k8s.local.supervisor DIRECTORY [--attached]`: reads DIRECTORY/spec.json, writes DIRECTORY/world.json.
Attached, it lives as long as the pipe on its standard input.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from istio.discovery import DiscoveryServer
from istio.security import Authority
from k8s.local import logs, manifests, record
from k8s.local.api import Api
from k8s.local.ports import claim
from k8s.local.process import Process
from k8s.local.workloads import Workloads
from k8s.target import MeshOptions, TargetError

FAILED = "failed.json"
# When whoever held the pipe is gone, nobody waits for an orderly end.
ABANDONED_GRACE_S = 2.0


@dataclass(frozen=True, slots=True)
class Spec:
    """What a supervisor is told to run."""

    name: str
    mode: str
    seed: int
    base_port: int | None
    objects: Sequence[Mapping[str, Any]]
    istio: Sequence[Mapping[str, Any]]
    notes: Sequence[str]
    mesh: Mapping[str, Any] | None


async def supervise(directory: Path, spec: Spec, *, attached: bool) -> None:
    """Run a world until `down`, SIGTERM or, attached, the end of the pipe."""
    down, abandoned = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, down.set)
    if attached:
        loop.add_reader(sys.stdin.fileno(), _read_pipe, loop, abandoned)
    read = manifests.read(spec.objects)
    names = [f"{name}-{i}" for name, one in read.deployments.items() for i in range(one.spec.replicas)]
    block = claim(names, spec.base_port)

    def spawned(process: Process) -> None:
        record.note_process(directory, record.ProcessId(process.pid, process.create_time))

    # A socket's path holds about 100 characters; the state folder's may be longer.
    sockets = Path(tempfile.mkdtemp(prefix=record.SOCKETS))
    socket = sockets / record.SOCKET
    server = DiscoveryServer(sockets / record.DISCOVERY_SOCKET)
    options = MeshOptions(**spec.mesh or {})
    authority = Authority() if spec.mesh and options.mtls else None
    workloads = Workloads(read, block, directory / "pods", server, spec.seed, spawned, options, authority)
    api = Api(workloads, spec.name, spec.mode, [*read.notes, *spec.notes], down)
    runner = web.AppRunner(api.application(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    bounding = asyncio.create_task(logs.bound(directory / "pods"))
    try:
        await web.UnixSite(runner, str(socket)).start()
        await server.start()
        workloads.start(spec.istio)
        own = record.ProcessId.of(os.getpid())
        record.WorldRecord(spec.name, spec.mode, own, str(socket), block.base, attached).write(directory)
        ends = [asyncio.create_task(event.wait()) for event in (down, abandoned)]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        bounding.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ABANDONED_GRACE_S if abandoned.is_set() else None):
                await workloads.stop()
        await server.close()
        await runner.cleanup()
        shutil.rmtree(sockets, ignore_errors=True)


def _read_pipe(loop: asyncio.AbstractEventLoop, abandoned: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        loop.remove_reader(sys.stdin.fileno())
        abandoned.set()


def main() -> int:
    """Run one supervisor; what was wrong before the world stood is in DIRECTORY/failed.json."""
    parser = argparse.ArgumentParser(prog="k8s.local.supervisor")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--attached", action="store_true")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    spec = Spec(**json.loads((arguments.directory / record.SPEC).read_text()))
    try:
        asyncio.run(supervise(arguments.directory, spec, attached=arguments.attached))
    except TargetError as error:
        (arguments.directory / FAILED).write_text(json.dumps(error.errors))
        return 2
    finally:
        _kill_rest(arguments.directory)
    return 0


def _kill_rest(directory: Path) -> None:
    """Kill what did not end in time; only Linux does that by itself."""
    for process in record.processes(directory):
        if found := process.find():
            os.killpg(found.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())

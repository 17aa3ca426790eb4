"""The processes of a pod, played by children of this one: real processes in a /proc that shows no others."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from k8s.cluster.warden.processes import Kind, Process, Processes

IDLE = "import time; time.sleep(600)"


class Children:
    """Starts processes and shows them, by links into the real /proc; ends them all at the end."""

    def __init__(self, folder: Path) -> None:
        self.proc = folder / "proc"
        self.proc.mkdir()
        self._sleep = folder / "envoy"
        self._sleep.symlink_to("/bin/sleep")
        self._started: list[subprocess.Popen[bytes]] = []
        self.processes = Processes(self.proc)

    def __enter__(self) -> Children:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._started:
            with contextlib.suppress(ProcessLookupError):
                one.kill()
            one.wait()
            if one.stdout:
                one.stdout.close()

    def application(self, code: str = IDLE, module: str = "services.momentum") -> subprocess.Popen[bytes]:
        """A Python that says it runs a module of services, and runs this code."""
        return self._start([sys.executable, "-c", code, "-m", module])

    def envoy(self) -> subprocess.Popen[bytes]:
        """A program called envoy."""
        return self._start([str(self._sleep), "600"])

    def stranger(self) -> subprocess.Popen[bytes]:
        """A program that is neither."""
        return self._start(["/bin/sleep", "600"])

    def show(self, pid: int) -> None:
        """Let a process be seen."""
        (self.proc / str(pid)).symlink_to(f"/proc/{pid}")

    def state(self, pid: int) -> str:
        """What the system says of a process: R, S, T, Z, ..."""
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]

    def one(self, kind: Kind) -> Process:
        """The only process of a kind."""
        [found] = [one for one in self.processes.now().values() if one.kind == kind]
        return found

    def _start(self, argv: list[str]) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(argv, stdout=subprocess.PIPE)  # noqa: S603 - of this file
        self._started.append(process)
        self.show(process.pid)
        until(lambda: Path(f"/proc/{process.pid}/cmdline").read_bytes().startswith(argv[0].encode()))
        return process


def until(what: Callable[[], bool]) -> None:
    """Ask until it is so; the test's own time limit ends what never comes."""
    while not what():
        pass

"""A child process that dies with its parent, and whose CPU time is still known after its end."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from k8s.target import KindUsage

ROOT = Path(__file__).parents[2]
"""The checkout: every process starts there."""
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Process:
    """One running program in a process group of its own. Made and used on one event loop's thread."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path, log: Path) -> None:
        """Start it, with output appended to `log`; raises OSError when the program cannot be run."""
        with log.open("ab") as output:
            self._popen = subprocess.Popen(  # noqa: S603 - the command comes from manifests that were validated
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=cwd,
                process_group=0,
                preexec_fn=die_with_parent(os.getpid()),
            )
        self.pid = self._popen.pid
        self._psutil = psutil.Process(self.pid)
        self.create_time = self._psutil.create_time()
        self._spent = 0.0
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[int] = loop.create_future()
        # One blocked thread per child is the one way that tells a child's own CPU time on Linux and macOS alike.
        threading.Thread(target=self._wait, args=(loop,), daemon=True, name=f"wait-{self.pid}").start()

    @property
    def running(self) -> bool:
        """Whether it has not been reaped yet."""
        return not self.exited.done()

    @property
    def stopped(self) -> bool:
        """Whether the system has stopped it (SIGSTOP) and not let it go on."""
        with contextlib.suppress(psutil.Error):
            return self.running and self._psutil.status() == psutil.STATUS_STOPPED
        return False

    def signal(self, number: signal.Signals) -> None:
        """Signal the whole process group; nothing happens when it has ended."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    async def stop(self, grace_s: float) -> None:
        """SIGTERM, and SIGKILL after `grace_s` seconds."""
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)
        await asyncio.wait([self.exited], timeout=grace_s)
        self.signal(signal.SIGKILL)
        await asyncio.wait([self.exited])

    def usage(self, *, pss: bool = True) -> KindUsage:
        """CPU seconds so far and, while it runs, its memory; `pss` costs a walk through its mappings."""
        if self.running:
            with contextlib.suppress(psutil.Error):
                cpu, rss = self._psutil.cpu_times(), self._psutil.memory_info().rss
                return KindUsage(cpu.user + cpu.system, rss, self._pss() if pss else None)
        return KindUsage(self._spent)

    def _pss(self) -> int | None:
        try:
            return int(self._psutil.memory_full_info().pss)
        except (psutil.Error, AttributeError):  # AttributeError: a system that has no such number
            return None

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        _, status, used = os.wait4(self.pid, 0)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(self._ended, os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime)

    def _ended(self, code: int, cpu_s: float) -> None:
        self._spent = cpu_s
        self._popen.returncode = code
        if not self.exited.done():
            self.exited.set_result(code)


def die_with_parent(parent: int) -> Callable[[], None] | None:
    """On Linux, what the child runs before the program: the kernel kills it when its parent ends."""
    if _libc is None:
        return None
    prctl = _libc.prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent ended before the kernel was asked
            os._exit(1)

    return ask

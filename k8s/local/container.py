"""One container: a process that is started again when it ends, with a kubelet's back-off, shortened."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable
from pathlib import Path

from k8s.local.probes import Checks, watch
from k8s.local.process import Process
from k8s.target import KindUsage, TargetError

# Seconds before the 1st, 2nd, ... restart in a row. A kubelet waits 0, 10, 20, 40, ... 300 s and forgets after 10 min:
# an experiment of seconds needs the same shape in seconds.
BACKOFF_S = (0.0, 1.0, 2.0, 4.0, 8.0)
FORGET_AFTER_S = 5.0
LOG_LINES = 5
_log = logging.getLogger(__name__)


class Container:
    """Runs until `stop`; `changed` is called whenever readiness, the phase or the reason may have changed."""

    def __init__(
        self, name: str, start: Callable[[], Process], checks: Checks, log: Path, changed: Callable[[], None]
    ) -> None:
        self.name, self.log = name, log
        self.ready, self.reason, self.restarts, self.waiting = False, "not started yet", 0, False
        self._start, self._checks, self._changed = start, checks, changed
        self._last_end = ""
        self._process: Process | None = None
        self._ended = KindUsage()
        self._held_until = 0.0
        self._thaw: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether it has a process now."""
        return self._process is not None and self._process.running

    @property
    def frozen(self) -> bool:
        """Whether the system says that its process is stopped."""
        return self._process is not None and self._process.stopped

    @property
    def why(self) -> str:
        """Say why it is not ready, with how its last life ended; empty when it is ready."""
        if self.ready or not self._last_end or self.reason == self._last_end:
            return self.reason
        return f"{self._last_end}\n  now {self.reason}"

    def run(self) -> None:
        """Start, and start again after every end."""
        self._task = asyncio.create_task(self._run(), name=f"container {self.log}")

    def kill(self, hold_s: float = 0) -> None:
        """SIGKILL; the restart waits at least `hold_s` seconds. Raises TargetError when nothing runs."""
        process = self._running()
        self._held_until = asyncio.get_running_loop().time() + hold_s
        process.signal(signal.SIGKILL)

    def freeze(self, ttl_s: float) -> None:
        """SIGSTOP, and SIGCONT after `ttl_s` seconds. Raises TargetError when nothing runs."""
        process = self._running()
        if self._thaw:
            self._thaw.cancel()
        process.signal(signal.SIGSTOP)
        self._thaw = asyncio.get_running_loop().call_later(ttl_s, process.signal, signal.SIGCONT)

    def thaw(self) -> None:
        """SIGCONT now; nothing happens when nothing is frozen."""
        if self._thaw:
            self._thaw.cancel()
            self._thaw = None
        if self._process:
            self._process.signal(signal.SIGCONT)

    def again(self) -> None:
        """Start once more after `stop`."""
        self.restarts += 1
        self.run()

    def probe(self, checks: Checks) -> None:
        """Ask in another way, from its next life on."""
        self._checks = checks

    async def stop(self, grace_s: float) -> None:
        """End it for good: SIGTERM, SIGKILL after `grace_s` seconds."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._set("terminating")
        if self._process and self._process.running:
            await self._process.stop(grace_s)

    def usage(self, *, pss: bool = True) -> KindUsage:
        """Its CPU seconds, all processes it ever had included, and the memory of the one that runs."""
        if self._process is None:
            return self._ended
        now = self._process.usage(pss=pss)
        return KindUsage(self._ended.cpu_s + now.cpu_s, now.rss, now.pss)

    def _running(self) -> Process:
        if self._process is None or not self._process.running:
            raise TargetError(f"container {self.name} does not run: {self.reason}")
        return self._process

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        in_a_row = 0
        while True:
            self.waiting = False
            began = loop.time()
            why = await self._live()
            if loop.time() - began > FORGET_AFTER_S:
                in_a_row = 0
            pause = BACKOFF_S[min(in_a_row, len(BACKOFF_S) - 1)]
            in_a_row += 1
            self.waiting = in_a_row > 1
            self._last_end = why
            self._set(why)
            await asyncio.sleep(max(pause, self._held_until - loop.time()))
            self.restarts += 1

    async def _live(self) -> str:
        """One life, from start to end; returns why it ended."""
        self._ended = KindUsage(self.usage(pss=False).cpu_s)
        self._process = None
        try:
            process = self._process = self._start()
        except (OSError, TargetError) as error:
            return f"cannot start: {error}"
        except Exception as error:  # a defect, of the compiler for one: it must end the wait for this pod, and be seen
            _log.exception("container %s cannot start", self.name)
            return f"cannot start: {error!r}"
        probing = asyncio.create_task(watch(self._checks, self._set, self._restart))
        try:
            code = await asyncio.shield(process.exited)
        finally:
            probing.cancel()
            await asyncio.wait([probing])
        return f"{_ending(code)}{self._last_words()}"

    def _restart(self, why: str) -> None:
        with self.log.open("a") as log:
            log.write(f"killed by its probe: {why}\n")
        if self._process:
            self._process.signal(signal.SIGKILL)

    def _set(self, reason: str) -> None:
        if reason == self.reason and self.ready == (not reason):
            return
        self.reason, self.ready = reason, not reason
        self._changed()

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
            return "".join(f"\n  {line}" for line in lines)
        return ""


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"

"""Processes that are killed, held down, stopped, and let go on again: at the latest when their time is over."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterable

from k8s.cluster.warden.ledger import Ledger
from k8s.cluster.warden.processes import KINDS, Kind, Process, Processes

LOOK_S = 0.02
"""How often a new process is looked for while a container is held down: Python needs ten times as long to listen."""
LOOK_AGAIN_S = 0.2
"""How often after the first: another one comes only when the kubelet has lost patience with it."""


class Refused(Exception):
    """A signal could not be sent; the text says why."""


class Signals:
    """The signals of one pod. Made and used on one event loop; every time limit is kept here, whoever asked for it."""

    def __init__(self, processes: Processes, ledger: Ledger) -> None:
        self._processes, self._ledger = processes, ledger
        self._frozen: dict[Kind, asyncio.TimerHandle] = {}
        self._held: dict[Kind, asyncio.Task[None]] = {}

    def kill(self, kind: Kind, ttl_s: float) -> int:
        """SIGKILL all processes of a kind, and return how many; raises Refused.

        The kubelet starts the container again. For `ttl_s` seconds after the kill a process that is new is stopped as
        soon as it appears, so that it is down for that long; then it goes on to start. A kubelet whose startup probe
        has failed too often meanwhile kills it, and starts another, which is stopped as well.
        """
        now = self._note()
        victims = [one for one in now.values() if one.kind == kind]
        self._send(signal.SIGKILL, kind, victims)
        self._end(kind)
        if ttl_s > 0:
            until = asyncio.get_running_loop().time() + ttl_s
            task = asyncio.create_task(self._hold(kind, {one.id for one in victims}, until), name=f"hold {kind}")
            self._held[kind] = task
        return len(victims)

    def freeze(self, kind: Kind, ttl_s: float) -> int:
        """SIGSTOP all processes of a kind for `ttl_s` seconds, and return how many; raises Refused."""
        victims = [one for one in self._note().values() if one.kind == kind]
        self._send(signal.SIGSTOP, kind, victims)
        self._end(kind)
        self._frozen[kind] = asyncio.get_running_loop().call_later(ttl_s, self.thaw, kind)
        return len(victims)

    def thaw(self, kind: Kind) -> int:
        """Let every stopped process of a kind go on, one that was held down included; returns how many there were."""
        self._end(kind)
        stopped = [one for one in self._processes.now().values() if one.kind == kind and one.stopped]
        for one in stopped:
            _signal(one, signal.SIGCONT)
        return len(stopped)

    def thaw_all(self) -> None:
        """Let everybody go on: at the end, and at the start, when a warden before this one has left somebody."""
        for kind in KINDS:
            with contextlib.suppress(PermissionError):
                self.thaw(kind)

    def frozen(self) -> list[Kind]:
        """The kinds of which a main process stands still, as the system says it."""
        stopped = {one.kind for one in self._processes.now().values() if one.main and one.stopped}
        return [kind for kind in KINDS if kind in stopped]

    def _end(self, kind: Kind) -> None:
        """Forget the time limits of a kind: what is done now replaces what was done before.

        Only after it was done, as what is refused replaces nothing. Processes that were held down are now its own.
        """
        if timer := self._frozen.pop(kind, None):
            timer.cancel()
        if task := self._held.pop(kind, None):
            task.cancel()

    def _note(self) -> dict[int, Process]:
        now = self._processes.now()
        self._ledger.note(now)
        return now

    def _send(self, number: signal.Signals, kind: Kind, victims: Iterable[Process]) -> None:
        main = [one for one in victims if one.main]
        if not main:
            raise Refused(f"no process of {kind} runs")
        try:
            for one in [*main, *(one for one in victims if not one.main)]:
                _signal(one, number)
        except PermissionError as error:
            raise Refused(f"the processes of {kind} are another user's: they cannot be signalled") from error

    async def _hold(self, kind: Kind, before: set[tuple[int, int]], until: float) -> None:
        loop, stopped = asyncio.get_running_loop(), dict[tuple[int, int], Process]()
        try:
            while (left := until - loop.time()) > 0:
                for one in self._processes.now().values():
                    if one.kind == kind and one.id not in before and one.id not in stopped:
                        _signal(one, signal.SIGSTOP)
                        stopped[one.id] = one
                await asyncio.sleep(min(left, LOOK_AGAIN_S if stopped else LOOK_S))
        except asyncio.CancelledError:
            stopped.clear()  # whoever cancels has taken over, and may have stopped them just now
            raise
        finally:
            for one in stopped.values():
                _signal(one, signal.SIGCONT)


def _signal(one: Process, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended meanwhile."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(one.pid, number)

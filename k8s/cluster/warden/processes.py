"""The processes of a pod, as /proc shows them to a container that shares the pod's process namespace."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

Kind = Literal["app", "proxy"]
KINDS: tuple[Kind, ...] = ("app", "proxy")
PROXIES = frozenset({"envoy", "pilot-agent"})
SERVICES = "services."
PROBES = frozenset({"services.healthy"})
"""Modules of the application that a kubelet may run beside it, for a moment."""
STOPPED, GONE = frozenset("Tt"), frozenset("ZX")
"""The states of a process that stands still, and of one that has ended and is not waited for yet."""
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
# Fields of /proc/PID/stat behind the command's name, which may itself hold blanks and brackets; man 5 proc.
_STATE, _PARENT, _CPU, _CHILDREN, _STARTED = 0, 1, (11, 12), (13, 14), 19


@dataclass(frozen=True, slots=True)
class Process:
    """One process. CPU seconds: its own, and those of children that ended and that it has waited for.

    `started` is in clock ticks after the boot; with the pid, it names a process for good. `main`: it is the program
    that its container was made for, and no child or probe.
    """

    pid: int
    started: int
    parent: int
    kind: Kind
    main: bool
    stopped: bool
    cpu_s: float
    children_s: float

    @property
    def id(self) -> tuple[int, int]:
        """What tells it from a later process of the same number."""
        return self.pid, self.started


@dataclass(frozen=True, slots=True)
class _Found:
    pid: int
    state: str
    parent: int
    started: int
    cpu_s: float
    children_s: float


class Processes:
    """Looks at /proc. Whoever is neither the application nor its sidecar is left out: pause, the warden, and others.

    The application's are those of our own user that run a module of `services`; the sidecar's are Envoy and
    pilot-agent; children are what their parents are. `proc` is for tests.
    """

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc, self._uid, self._own = proc, os.getuid(), os.getpid()
        self._known: dict[tuple[int, int], tuple[Kind, bool]] = {}

    def now(self) -> dict[int, Process]:
        """All processes of the application and the sidecar, by pid."""
        found = {one.pid: one for one in map(self._read, self._pids()) if one}
        told = {pid: self._told(one) for pid, one in found.items()}
        self._known = {(pid, found[pid].started): kind for pid, kind in told.items() if kind}
        made = {}
        for pid, one in found.items():
            above = next((told[each] for each in _ancestors(found, one.parent) if told[each]), None)
            if own := told[pid] or above:
                kind, program = own
                main = program and above is None and one.state not in GONE
                stopped = one.state in STOPPED
                made[pid] = Process(pid, one.started, one.parent, kind, main, stopped, one.cpu_s, one.children_s)
        return made

    def memory(self, some: Iterable[Process]) -> tuple[int, int | None]:
        """Resident and proportional bytes of some processes; the latter None where one's may not be read.

        The kernel shows how pages are shared only to the user whose process it is.
        """
        resident, proportional = 0, 0
        readable = True
        for one in some:
            try:
                resident += int((self._proc / str(one.pid) / "statm").read_text().split()[1]) * _PAGE
                proportional += _pss((self._proc / str(one.pid) / "smaps_rollup").read_text())
            except PermissionError:
                readable = False
            except (OSError, ValueError, IndexError):
                continue  # it has ended meanwhile
        return resident, proportional if readable else None

    def _pids(self) -> list[int]:
        pids = (int(one.name) for one in self._proc.iterdir() if one.name.isdecimal())
        return [pid for pid in pids if pid != self._own]

    def _read(self, pid: int) -> _Found | None:
        """What /proc says of a process; None when it has ended meanwhile."""
        try:
            fields = (self._proc / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        own, children = (sum(int(fields[at]) for at in both) / _TICKS for both in (_CPU, _CHILDREN))
        return _Found(pid, fields[_STATE], int(fields[_PARENT]), int(fields[_STARTED]), own, children)

    def _told(self, one: _Found) -> tuple[Kind, bool] | None:
        """Its kind by its own command, and whether it may be a main process; None when its command says nothing.

        What is known stays so, as one that has ended and is not waited for yet shows no command. What is not is read
        again each time: a runtime's own program becomes the container's under the same number.
        """
        known = self._known.get((one.pid, one.started))
        if known:
            return known
        try:
            command = (self._proc / str(one.pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
            user = (self._proc / str(one.pid)).stat().st_uid
        except OSError:
            return None
        return _by_command(command, ours=user == self._uid)


def _by_command(command: Sequence[str], *, ours: bool) -> tuple[Kind, bool] | None:
    if command[0].rpartition("/")[2] in PROXIES:
        return "proxy", True
    modules = [name for flag, name in pairwise(command) if flag == "-m"]
    if ours and modules and modules[0].startswith(SERVICES):
        return "app", modules[0] not in PROBES
    return None


def _ancestors(found: Mapping[int, _Found], pid: int) -> Iterable[int]:
    seen: set[int] = set()
    while pid in found and pid not in seen:
        seen.add(pid)
        yield pid
        pid = found[pid].parent


def _pss(rollup: str) -> int:
    """The proportional bytes that /proc/PID/smaps_rollup tells."""
    return next((int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:")), 0)

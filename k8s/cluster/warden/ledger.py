"""CPU seconds of the application and of the sidecar, of processes that are gone as well."""

from __future__ import annotations

import time
from collections.abc import Mapping

from k8s.cluster.warden.processes import KINDS, Kind, Process


class Ledger:
    """Adds up what is noted of processes; what it tells never goes down, whatever ends or is started again.

    /proc forgets a process as soon as it is waited for. What it has used is known up to the last note, so the time
    between that and its death is missed; `note` before a signal misses nothing. A process that lives between two notes
    only is missed, unless its parent is one of ours, whose account it then goes to.

    A ledger that is made anew knows the processes that still run, and nothing of those that are gone: `began`, the
    seconds since 1970 when it was made, tells it from the one before.
    """

    def __init__(self) -> None:
        self.began = time.time()
        self._noted: Mapping[int, Process] = {}
        self._gone: dict[Kind, float] = dict.fromkeys(KINDS, 0.0)
        self._told: dict[Kind, float] = dict.fromkeys(KINDS, 0.0)
        self.seen: set[Kind] = set()

    def note(self, now: Mapping[int, Process]) -> None:
        """Take down the processes that there are now, and so who has gone."""
        alive = {one.id for one in now.values()}
        for one in self._noted.values():
            if one.id not in alive and not self._handed_on(one, now):
                self._gone[one.kind] += one.cpu_s + one.children_s
        self._noted = now
        self.seen.update(one.kind for one in now.values())
        for kind in KINDS:
            running = sum(one.cpu_s + one.children_s for one in now.values() if one.kind == kind)
            self._told[kind] = max(self._told[kind], self._gone[kind] + running)

    def cpu_s(self, kind: Kind) -> float:
        """CPU seconds of a kind since the pod began, as far as they were noted."""
        return round(self._told[kind], 3)

    def _handed_on(self, one: Process, now: Mapping[int, Process]) -> bool:
        """Whether its time stands in its parent's account, as that of a child which was waited for."""
        before, after = self._noted.get(one.parent), now.get(one.parent)
        return before is not None and after is not None and before.id == after.id

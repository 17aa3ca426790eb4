"""What there is to see while a test runs: the load by second, the phases, the edges, and what has been kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from loadtests.rows import Outcome, Row
from loadtests.run import RunSpec


class Board:
    """The state of the test in hand, and the runs of this process that were kept, newest first."""

    def __init__(self) -> None:
        self.phases: Sequence[Mapping[str, Any]] = ()
        self.edges: Sequence[Mapping[str, Any]] = ()
        self.kept: list[Mapping[str, Any]] = []
        self.status = "nothing runs: choose a mode and a scenario, and press Start"
        self._spec: RunSpec | None = None
        self._rows: Callable[[], Sequence[Row]] = tuple

    def begin(self) -> None:
        """Show nothing of the test before any more, but for what was kept."""
        self.phases, self.edges, self._spec, self._rows = (), (), None, tuple
        self.say("beginning")

    def say(self, status: str) -> None:
        """Say in a line what happens."""
        self.status = status

    def load(self, spec: RunSpec, phases: Sequence[Mapping[str, Any]]) -> None:
        """Show a load; each phase has a `name`, a `start` and an `end` in seconds since t = 0."""
        self._spec, self.phases = spec, phases
        self.say("under load")

    def watch(self, rows: Callable[[], Sequence[Row]]) -> None:
        """Show the rows that `rows` gives whenever it is asked."""
        self._rows = rows

    def show(self, edges: Sequence[Mapping[str, Any]]) -> None:
        """Show what happens on each edge."""
        self.edges = edges

    def keep(self, run: Mapping[str, Any]) -> None:
        """Show a run that was kept: `run`, `arm`, `scenario`, `void`, and the path of its `report`."""
        self.kept.insert(0, run)
        self.say(f"kept as {run['run']}" + (", void: " + "; ".join(run["void"]) if run["void"] else ""))

    def state(self) -> dict[str, Any]:
        """Give everything, as JSON can say it."""
        spec = self._spec
        now = None if spec is None else time.monotonic() - spec.start_monotonic
        return {
            "status": self.status,
            "now": now if spec and now is not None and now < spec.duration_s else None,
            "duration": spec.duration_s if spec else None,
            "phases": list(self.phases),
            "seconds": seconds(self._rows()),
            "kept": [{name: run[name] for name in ("run", "arm", "scenario", "void")} for run in self.kept],
        }


def seconds(rows: Sequence[Row]) -> list[dict[str, int]]:
    """Count arrivals by the second for which they were intended: `good`, `stale`, `failed` and `dropped`."""
    found: list[dict[str, int]] = []
    for row in rows:
        while len(found) <= row.at:
            found.append({"good": 0, "stale": 0, "failed": 0, "dropped": 0})
        known = {Outcome.SUCCESS: "good", Outcome.FALLBACK: "stale", Outcome.DROPPED: "dropped"}
        found[int(row.at)][known.get(row.outcome, "failed")] += 1
    return found

"""How long a bench will take, said before it starts."""

from __future__ import annotations

from itertools import pairwise

from benchmarks.results import Run

CELL_S = 1.3
"""What a cell takes beside its load (reset, lead, settling, reading what was counted): 0.9 s on two quiet cores, the
mean of 60 cells; 1.3 s on two busy ones, the median of 38."""
WORLD_S = 4.0
"""A world until all its pods are ready: 3 to 5 s on two cores."""
IN_A_CLUSTER_CELL_S, IN_A_CLUSTER_WORLD_S = 3.0, 45.0
"""The same two in a cluster, where a world starts by containers, probes and injection."""


def estimate_s(run: Run) -> float:
    """Seconds for what is missing of a run, if no cell is void: a void one is run once more, and comes on top."""
    missing = run.missing()
    if not missing:
        return 0.0
    afar = run.header.environment.get("target") == "cluster"
    cell_s, world_s = (IN_A_CLUSTER_CELL_S, IN_A_CLUSTER_WORLD_S) if afar else (CELL_S, WORLD_S)
    loads = sum(run.scenarios[cell.scenario].duration_s for cell in missing)
    starts = len(run.header.arms)
    if run.header.one_world_at_a_time:
        # they take turns: a world starts again for each row of its cells
        starts += 1 + sum(one.arm != next_one.arm for one, next_one in pairwise(missing))
    return loads + cell_s * len(missing) + world_s * starts


def sentence(run: Run) -> str:
    """`time: about 9 min for 60 cells and 3 worlds; cells that come out void are run once more, on top of it`."""
    at_most = "at most " if run.header.until_narrow else ""
    cells, worlds = len(run.missing()), len(run.header.arms)
    return (
        f"time: {at_most}about {spoken(estimate_s(run))} for {cells} cell{'s'[: cells != 1]} and "
        f"{worlds} world{'s'[: worlds != 1]}; cells that come out void are run once more, on top of it"
    )


def spoken(seconds: float) -> str:
    """A time as a person would say it: `40 s`, `9 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{max(10, round(seconds, -1)):.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(round(minutes, -1), 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"

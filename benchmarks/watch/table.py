"""The edges of a world as a table for the terminal."""

from __future__ import annotations

from rich import box
from rich.table import Table

from benchmarks.watch.watcher import WINDOW_S, View

STYLES = {"idle": "dim", "healthy": "green", "degraded": "yellow", "failing": "red"}


def edges_table(view: View) -> Table:
    """Draw one row for each edge; an edge's colour is Kiali's."""
    table = Table(
        title=f"world {view.world}, mode {view.mode}: the last {WINDOW_S:g} s, per second",
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("edge", no_wrap=True)
    for heading in ("calls", "success", "p99 ms", "attempts", "retries", "timeouts", "refused", "ejected"):
        table.add_column(heading, justify="right")
    table.add_column("breakers")
    for edge in view.edges:
        table.add_row(
            f"{edge.caller}->{edge.callee}",
            f"{edge.rate:.1f}",
            "-" if edge.success is None else f"{edge.success:.1%}",
            "-" if edge.p99_ms is None else f"{edge.p99_ms:.0f}",
            *(f"{n:.1f}" for n in (edge.attempts, edge.retries, edge.timeouts, edge.rejects)),
            str(edge.ejected),
            edge.breakers or "-",
            style=STYLES[edge.health],
        )
    words = [] if view.edges else ["no service has called another yet: switch a camera on, or goaround load"]
    if view.silent:
        words.append(f"no answer from: {', '.join(view.silent)}")
    table.caption = "\n".join(words) or None
    return table

"""Exposure: how often the application itself met the fault, and whether the fault lasted as long as it was meant to.

Without a sidecar a caller keeps its connections, and with them the replicas behind them, as it does behind kube-proxy.
None of the few may lead to the one faulted replica. And a process that does not answer its liveness probe is started
again by its kubelet, without the fault. Such a cell is a result, not a failure: but a reader must know.
Source: Arlat et al., "Fault Injection for Dependability Validation", IEEE TSE 1990: the activations of the faults that
were injected are measured apart. Unit: calls, and cells.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.record import Record


def met(record: Record) -> int | None:
    """Calls of the application that the fault acted on, the harness's own taken off; None for a fault on no calls."""
    if record.fault is None or record.fault.get("probes") is None:
        return None
    fired, probes = record.fault["fired"], record.fault["probes"]
    return int(sum(fired.values()) - sum(probes.values()))


def exposed(records: Iterable[Record]) -> tuple[int, int] | None:
    """In how many cells the application met the fault, of how many with a fault; None where no cell has one."""
    counts = [n for record in records if (n := met(record)) is not None]
    return (sum(n > 0 for n in counts), len(counts)) if counts else None


def cut_short(record: Record) -> float | None:
    """Seconds of the fault until the first victim's process was ended by somebody else; None where all lived on."""
    return min((record.fault or {}).get("cut_short", {}).values(), default=None)

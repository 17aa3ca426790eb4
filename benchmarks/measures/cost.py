"""Cost: CPU and memory per 1000 successes, application and proxies apart, of a whole cell or of one phase.

Source: Istio, "Performance and Scalability", states cost per 1000 requests/s; here per success.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.measures.measure import ALL, Measure, seconds, within
from loadtests.rows import Outcome, Row

if TYPE_CHECKING:
    from benchmarks.record import Record
    from benchmarks.scenario import Scenario, Window

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """Of the applications, or of the proxies. MiB resident and proportional (None where the system has no PSS).

    Memory is one reading, at the end of the cell or the phase: neither a mean nor a peak.
    """

    cpu_s_per_1000: float
    rss_mib: float
    pss_mib: float | None
    mib_s_per_1000: float


def cost(rows: Sequence[Row], record: Record, of: str, window: Window = "all") -> Cost | None:
    """What `of` ("app" or "proxy") cost; None without a single success or without usage in the record.

    CPU: seconds / successes * 1000. Memory: MiB at the end * seconds of the window / successes * 1000, as if that had
    been held all the time; of PSS where there is PSS (pages shared by many copies count once), else of RSS. `all` is
    the whole cell: usage is read before and after the load, so that the successes of the warm-up pay for it too. A
    phase has the CPU that was spent between its ends, each of which is read a little before (by as long as a reading
    takes): what a fault holds is in its own phase, and the work of taking it away is in the one after.
    """
    usages = record.usage if window == ALL else record.phase_usage.get(window)
    counted = rows if window == ALL else within(rows, record, window)
    successes = sum(row.outcome is Outcome.SUCCESS for row in counted)
    if not successes or usages is None:
        return None
    usage = usages.app if of == "app" else usages.proxy
    held = usage.rss if usage.pss is None else usage.pss
    length = sum(phase.end - phase.start for phase in record.phases) if window == ALL else seconds(record, window)
    return Cost(
        cpu_s_per_1000=usage.cpu_s / successes * 1000,
        rss_mib=usage.rss / MIB,
        pss_mib=None if usage.pss is None else usage.pss / MIB,
        mib_s_per_1000=held / MIB * length / successes * 1000,
    )


def cpu(rows: Sequence[Row], record: Record, scenario: Scenario, window: Window) -> float | None:
    """CPU seconds per 1000 successes, application and proxies together."""
    app, proxy = cost(rows, record, "app", window), cost(rows, record, "proxy", window)
    return app.cpu_s_per_1000 + proxy.cpu_s_per_1000 if app and proxy else None


def memory(rows: Sequence[Row], record: Record, scenario: Scenario, window: Window) -> float | None:
    """MiB-seconds per 1000 successes, application and proxies together."""
    app, proxy = cost(rows, record, "app", window), cost(rows, record, "proxy", window)
    return app.mib_s_per_1000 + proxy.mib_s_per_1000 if app and proxy else None


CPU = Measure("cpu", "CPU per 1000 successes", "CPU-s per 1000", "lower", "ratio", cpu)
MEMORY = Measure("memory", "memory per 1000 successes", "MiB-s per 1000", "lower", "ratio", memory)

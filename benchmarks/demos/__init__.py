"""The demonstrations of the airport demo, in its order: each does one thing, and proves it."""

from __future__ import annotations

from benchmarks.demos import (
    balancing,
    breaking,
    cameras,
    deployment,
    faults,
    outlier,
    probes,
    retries,
    routing,
    security,
    timeouts,
)
from benchmarks.demos.demo import Demo

DEMOS: dict[str, Demo] = {
    demo.name: demo
    for group in (
        deployment.DEMOS,
        cameras.DEMOS,
        routing.DEMOS,
        balancing.DEMOS,
        faults.DEMOS,
        timeouts.DEMOS,
        retries.DEMOS,
        breaking.DEMOS,
        outlier.DEMOS,
        probes.DEMOS,
        security.DEMOS,
        routing.MIRROR,
        security.EGRESS,
        deployment.RESETS,
    )
    for demo in group
}

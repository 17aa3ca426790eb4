"""When things happened in a cell, on the clock of its load: from the pods' notes and the sidecars' ejection logs."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.edges import OUTSIDE
from benchmarks.record import Moment, Timeline
from istio.ejections import Ejection
from k8s.target import Pod


def wall_to_monotonic() -> float:
    """What to add to seconds since 1970 for seconds on this machine's CLOCK_MONOTONIC, now."""
    return time.monotonic() - time.time()


def timeline(
    pods: Iterable[Pod],
    notes: Iterable[Mapping[str, Mapping[str, Any]]],
    ejections: Mapping[str, Iterable[Ejection]],
    start: float,
    end: float,
    offset: float,
) -> Timeline:
    """Everything between `start` and `end` (CLOCK_MONOTONIC), in seconds since `start`.

    `notes`: pods' timelines, by pod, on CLOCK_MONOTONIC, and those of pods before they were killed;
    `offset`: see `wall_to_monotonic`.
    """
    service = {pod.name: pod.service for pod in pods}
    moments: list[Moment] = []
    received: defaultdict[str, defaultdict[float, int]] = defaultdict(lambda: defaultdict(int))
    for pod, noted in (one for each in notes for one in each.items()):
        moments += [
            Moment(at=at - start, pod=pod, edge=f"{service[pod]}->{callee}", kind=kind)
            for at, callee, kind in noted["events"]
        ]
        for caller, bins in noted["received"].items():
            for at, n in bins:
                if caller != OUTSIDE and start <= at < end:
                    received[f"{caller}->{service[pod]}"][round(at - start, 2)] += n
    for pod, found in ejections.items():
        moments += [
            Moment(at=one.at + offset - start, pod=pod, edge=f"{service[pod]}->{one.callee}", kind=one.kind)
            for one in found
        ]
    return Timeline(
        moments=tuple(
            sorted((one for one in moments if 0 <= one.at < end - start), key=lambda one: (one.at, one.pod, one.edge))
        ),
        received={edge: tuple(sorted(bins.items())) for edge, bins in sorted(received.items())},
    )

"""Runs that were never run: deterministic folders in the harness's own format, with effects that a test plants."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.arm import TWIN
from benchmarks.plan import Cell, plan
from benchmarks.record import ArmHeader
from benchmarks.results import Run, create_run
from benchmarks.scenario import Scenario, load_scenario
from loadtests.rows import Outcome, Row, RowsFile

MIB = 1024 * 1024


@dataclass(frozen=True)
class Effect:
    """What an arm is like: its availability and latency (median, ms) in the fault phase, and what its policies did."""

    availability: float = 1.0
    latency_ms: float = 20.0
    cpu_s: float = 1.5
    proxy_cpu_s: float = 0.0
    events: Mapping[str, int] = field(default_factory=dict)


EFFECTS: Mapping[str, Effect] = {
    "none": Effect(availability=0.70),
    "library": Effect(availability=0.92, events={"retries": 31, "opens": 2, "rejects": 9}),
    "mesh": Effect(
        availability=0.98, latency_ms=24, cpu_s=1.6, proxy_cpu_s=1.1, events={"retries": 28, "ejections": 1}
    ),
}


def write_run(
    into: Path,
    *,
    name: str = "synthetic",
    scenarios: Sequence[str] = ("error-burst",),
    effects: Mapping[str, Effect] = EFFECTS,
    repetitions: int = 5,
    seed: int = 7,
    notes: Sequence[str] = (),
    change: Callable[[Cell, dict[str, Any]], None] = lambda cell, record: None,
    only: Callable[[Cell], bool] = lambda cell: True,
    limited: Mapping[str, Sequence[str]] | None = None,
) -> Run:
    """Write a whole run below `into`; `change` may alter each record before it is kept, `only` leaves cells out.

    `limited`: the arms of a scenario that is not planned in all.
    """
    loaded = [point for scenario in scenarios for point in load_scenario(scenario).points()]
    run = create_run(
        name,
        created="2026-01-02T03:04:05Z",
        seed=seed,
        arms=[
            ArmHeader(
                name=arm,
                mode=arm.removesuffix(TWIN),
                policies="matched" if arm.removesuffix(TWIN) in ("library", "mesh") else None,
                twin=arm.endswith(TWIN),
            )
            for arm in effects
        ],
        scenarios=loaded,
        plan=plan([scenario.name for scenario in loaded], list(effects), repetitions, seed, limited),
        environment={"processor": "an abacus", "system": "Linux", "cores": 2},
        notes=notes,
        into=into,
    )
    for cell in filter(only, run.plan):
        save(run, cell, effects[cell.arm], change)
    return run


def save(
    run: Run,
    cell: Cell,
    effect: Effect,
    change: Callable[[Cell, dict[str, Any]], None] = lambda cell, record: None,
) -> None:
    """Write one cell as the harness would."""
    scenario = run.scenarios[cell.scenario]
    rows = rows_of(scenario, effect, cell.seed, cell.arm)
    RowsFile(run.begin(cell)).write(rows)
    record = record_of(scenario, effect, rows)
    change(cell, record)
    run.save(cell, record)


def rows_of(scenario: Scenario, effect: Effect, seed: int, arm: str) -> list[Row]:
    """The same arrivals in every arm, at the scenario's rate; outside the fault phase all succeed in about 20 ms."""
    rows: list[Row] = []
    arrivals, rng = random.Random(seed), random.Random(f"{seed}/{arm}")
    at = arrivals.expovariate(scenario.load.rate)
    while at < scenario.duration_s:
        phase = next(phase.name for phase in scenario.timeline() if phase.start <= at < phase.end)
        faulted = phase == "fault"
        fine = not faulted or rng.random() < effect.availability
        outcome = Outcome.SUCCESS if fine else Outcome.REJECTED
        took = rng.lognormvariate(0, 0.3) * (effect.latency_ms if faulted and fine else 20 if fine else 8) / 1000
        rows.append(
            Row(
                len(rows),
                round(at, 6),
                round(at + 0.001, 6),
                round(at + took, 6),
                "127.0.0.1:1",
                f"f-{len(rows)}",
                200 if fine else 503,
                outcome,
            )
        )
        at += arrivals.expovariate(scenario.load.rate)
    return rows


def record_of(scenario: Scenario, effect: Effect, rows: Sequence[Row]) -> dict[str, Any]:
    """What the harness hands to `Run.save`."""
    good = sum(row.outcome is Outcome.SUCCESS for row in rows)
    retries = effect.events.get("retries", 0) if scenario.fault else 0
    events = dict(effect.events) if scenario.fault else {}
    return {
        "started": "2026-01-02T03:04:05Z",
        "void": [],
        "phases": [phase.model_dump() for phase in scenario.timeline()],
        "generator": {
            "arrivals": len(rows),
            "sent": len(rows),
            "dropped": 0,
            "lateness_p50_ms": 0.8,
            "lateness_p99_ms": 3.1,
            "cpu_s": 0.4,
            "hidden_retries_off": True,
            "interrupted": False,
        },
        "machine": {phase.name: 0.41 for phase in scenario.timeline()},
        "usage": {
            # one per cent of spread between cells, as from a quiet machine
            "app": {
                "cpu_s": effect.cpu_s * (0.99 + 0.02 * random.Random(len(rows) + good).random()),
                "rss": 640 * MIB,
                "pss": 410 * MIB,
            },
            "proxy": {
                "cpu_s": effect.proxy_cpu_s,
                "rss": 1050 * MIB if effect.proxy_cpu_s else 0,
                "pss": 310 * MIB if effect.proxy_cpu_s else 0,
            },
        },
        "edges": {
            "collector->image-analysis": {"logical": len(rows), "received": len(rows) + retries, **events},
            "collector->momentum": {"logical": good, "received": good},
        },
        "fault": {"fired": {"image-analysis-0": 60}, "gone": {"image-analysis-0": True}, "probes": {}}
        if scenario.fault
        else None,
        "connections": {},
        "integrity": {
            "sent": len(rows),
            "acknowledged": good,
            "stored": good,
            "lost": len(rows) - good,
            "duplicated": 0,
            "false_acks": 0,
            "unacknowledged_stored": 0,
        },
    }

"""The shapes of what is stored: the header of a run (run.json) and the record of a cell (cells/ID.json)."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from benchmarks.faults import Proof
from benchmarks.scenario import Phase, Scenario

SCHEMA: Final = 1
"""Raised whenever an older reader would misread a newer file."""


class Stored(BaseModel):
    """Frozen; an unknown field is a defect of the writer and is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ArmHeader(Stored):
    """An arm of the run; `policies` names the policy set, None where the mode has none; the rest: see Arm."""

    name: str
    mode: str
    policies: str | None = None
    plaintext: bool = False
    settings: dict[str, bool | int | float | str] = {}
    twin: bool = False


class PlannedCell(Stored):
    """One line of the plan, in the order in which it was to run."""

    scenario: str
    arm: str
    repetition: int
    seed: int


class Header(Stored):
    """All of a run but its cells. `scenarios` are kept whole, so that a report needs no file outside the run.

    `policies`: what each arm's policies were, as they were given to it. `notes`: what a reader must know, in sentences.
    `files`: where the scenarios of the user's own were read, by the name of their family.
    `until_narrow`: the run may end before its last repetition (benchmarks.stopping); `stopped`: why it did.
    `one_world_at_a_time`: a world had pods only while its own cells were run, so that arms took turns.
    """

    schema_version: Literal[1] = Field(default=SCHEMA, alias="schema")
    name: str
    created: str
    profile: str | None = None
    seed: int
    arms: tuple[ArmHeader, ...]
    scenarios: dict[str, Scenario]
    files: dict[str, str] = {}
    plan: tuple[PlannedCell, ...]
    environment: dict[str, Any] = {}
    policies: dict[str, Any] = {}
    versions: dict[str, str] = {}
    notes: tuple[str, ...] = ()
    until_narrow: bool = False
    one_world_at_a_time: bool = False
    stopped: str | None = None


class AuditRecord(Stored):
    """The generator's account of itself (loadtests.audit); newer fields pass through."""

    model_config = ConfigDict(extra="allow", frozen=True)

    arrivals: int
    sent: int
    dropped: int
    lateness_p50_ms: float
    lateness_p99_ms: float
    cpu_s: float
    hidden_retries_off: bool
    interrupted: bool


class Usage(Stored):
    """CPU seconds spent in the cell or phase, and bytes of memory at its end; `pss`: None where no system tells it.

    The end of a fault phase is the moment before the fault is taken away.
    """

    cpu_s: float
    rss: int
    pss: int | None = None


class Usages(Stored):
    """Applications and proxies apart."""

    app: Usage
    proxy: Usage


class EdgeRecord(Stored):
    """Counts of one edge over the cell; see benchmarks.measures.activity for the events."""

    logical: int = 0
    received: int = 0
    wasted: int = 0
    retries: int = 0
    timeouts: int = 0
    opens: int = 0
    rejects: int = 0
    ejections: int = 0
    overflows: int = 0
    hedges: int = 0
    fallbacks: int = 0


class IntegrityRecord(Stored):
    """See benchmarks.measures.integrity."""

    sent: int
    acknowledged: int
    stored: int
    lost: int
    duplicated: int
    false_acks: int
    unacknowledged_stored: int
    refused: int = 0
    unanswered: int = 0
    false_frames: tuple[str, ...] = ()


class Moment(Stored):
    """A policy changed its mind: `at` seconds into the load, at the caller's `pod`.

    `kind`: open, half-open or close of a breaker; ejection or return of a replica.
    """

    at: float
    pod: str
    edge: str
    kind: str


class Timeline(Stored):
    """When things happened. `received`: by edge, attempts that reached the callee, as (seconds into the load, n).

    A bin is services.runtime.timeline.BIN_S long and named by its beginning; bins without any are left out.
    """

    moments: tuple[Moment, ...] = ()
    received: dict[str, tuple[tuple[float, int], ...]] = {}


class Record(Stored):
    """What one cell left behind. `void`: the reasons why it must not be used. What was not reached is None or empty.

    `injected`: seconds from the order until the fault, or the action, was in place (a rollout over, a policy followed);
    `removed`: from the order to end it until it was ended.
    `traced`: the ids of the failed requests whose calls are kept.
    """

    schema_version: Literal[1] = Field(default=SCHEMA, alias="schema")
    cell: str
    scenario: str
    arm: str
    mode: str
    policies: str | None
    repetition: int
    attempt: int = Field(default=1, alias="try")
    seed: int
    started: str
    void: tuple[str, ...] = ()
    phases: tuple[Phase, ...] = ()
    generator: AuditRecord | None = None
    machine: dict[str, float] = {}
    usage: Usages | None = None
    phase_usage: dict[str, Usages] = {}
    edges: dict[str, EdgeRecord] = {}
    fault: dict[str, Any] | None = None
    action: dict[str, Any] | None = None
    injected: dict[str, float] = {}
    removed: dict[str, float] = {}
    connections: dict[str, dict[str, int]] = {}
    inbound_retries: dict[str, int] = {}
    integrity: IntegrityRecord | None = None
    timeline: Timeline | None = None
    traced: tuple[str, ...] = ()

    def proven(self, what: Literal["fault", "action"]) -> bool:
        """Whether every victim says that the fault, or the action, took place on it, and that it is over."""
        told: dict[str, Any] | None = getattr(self, what)
        return told is not None and not Proof(**told).objections()

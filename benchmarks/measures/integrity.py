"""Integrity: whether what was acknowledged is what was stored, exactly once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.measures.measure import Measure
from loadtests.rows import Outcome, Row
from services.airport.analysis import Expected

if TYPE_CHECKING:
    from benchmarks.record import Record
    from benchmarks.scenario import Scenario, Window

ALERTS = "alerts"


@dataclass(frozen=True, slots=True)
class Integrity:
    """Counts of frames over the whole cell. `sent` = `stored` + `lost`; `false_frames` names the `false_acks`."""

    sent: int
    acknowledged: int
    stored: int
    lost: int
    duplicated: int
    false_acks: int
    unacknowledged_stored: int
    false_frames: tuple[str, ...] = ()


def integrity(
    rows: Sequence[Row], expected: Mapping[str, Expected], stored: Mapping[str, Mapping[str, Mapping[str, int]]]
) -> Integrity:
    """Compare what was sent with what the stores hold.

    `expected` says by frame id what one frame must leave behind; `stored` is
    {service: {frame id: {"records", "persons"}}}.
    A frame is *stored* when one section holds its persons and, if it calls for an alert, the alerts service holds that;
    *lost* when it was sent and is not stored; *duplicated* when any store holds more than it calls for;
    *falsely acknowledged* when it was answered with success and is not stored. Unit: frames.
    Raises KeyError for a frame in the rows that is not expected.
    """
    sent = {row.frame_id for row in rows if row.sent is not None}
    acknowledged = {row.frame_id for row in rows if row.outcome is Outcome.SUCCESS}
    held = {frame: _held(frame, stored) for frame in sent}
    whole = {frame for frame in sent if _whole(expected[frame], held[frame])}
    false = acknowledged - whole
    return Integrity(
        sent=len(sent),
        acknowledged=len(acknowledged),
        stored=len(whole),
        lost=len(sent - whole),
        duplicated=sum(_too_much(expected[frame], held[frame]) for frame in sent),
        false_acks=len(false),
        unacknowledged_stored=len(whole - acknowledged),
        false_frames=tuple(sorted(false)),
    )


@dataclass(frozen=True, slots=True)
class _Held:
    """Records and persons of one frame: in all sections together, and in the alerts service."""

    sections: int
    persons: int
    alerts: int
    named: int


def _held(frame: str, stored: Mapping[str, Mapping[str, Mapping[str, int]]]) -> _Held:
    in_sections = [frames[frame] for service, frames in stored.items() if service != ALERTS and frame in frames]
    alert = stored.get(ALERTS, {}).get(frame, {})
    return _Held(
        sections=sum(entry["records"] for entry in in_sections),
        persons=sum(entry["persons"] for entry in in_sections),
        alerts=alert.get("records", 0),
        named=alert.get("persons", 0),
    )


def _whole(due: Expected, held: _Held) -> bool:
    statistics = held.sections > 0 and held.persons >= due.persons
    return statistics and (not due.alert_names or (held.alerts > 0 and held.named >= len(due.alert_names)))


def _too_much(due: Expected, held: _Held) -> bool:
    sections = held.sections > 1 or held.persons > due.persons
    return sections or held.alerts > bool(due.alert_names) or held.named > len(due.alert_names)


def lost(rows: Sequence[Row], record: Record, scenario: Scenario, window: Window) -> float | None:
    """Frames lost in the cell, as the record counts them; None when the stores were not read."""
    return record.integrity.lost if record.integrity else None


LOST = Measure("lost", "frames lost", "frames", "lower", "difference", lost, whole_cell=True)

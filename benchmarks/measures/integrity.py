"""Integrity: whether what was acknowledged is what was stored, exactly once.

Source: Jepsen, checker `total-queue`: all that was sent is held against all that is there at the end, and lost and
duplicated elements are counted apart. Unit: frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    """Counts of frames over the whole cell. `sent` = `stored` + `lost`; `false_frames` names the `false_acks`.

    `lost` = `refused` + `unanswered` + `false_acks`: the sender was told by a status, was left without an answer, which
    tells it as well, or was told the contrary. `unacknowledged_stored` is no loss: to send such a frame again is safe
    where idempotency is on.
    """

    sent: int
    acknowledged: int
    stored: int
    lost: int
    duplicated: int
    false_acks: int
    unacknowledged_stored: int
    refused: int
    unanswered: int
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
    lost = sent - whole
    false = acknowledged - whole
    answered = {row.frame_id for row in rows if row.status is not None}
    return Integrity(
        sent=len(sent),
        acknowledged=len(acknowledged),
        stored=len(whole),
        lost=len(lost),
        duplicated=sum(_too_much(expected[frame], held[frame]) for frame in sent),
        false_acks=len(false),
        unacknowledged_stored=len(whole - acknowledged),
        refused=len((lost - acknowledged) & answered),
        unanswered=len(lost - acknowledged - answered),
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


def duplicated(rows: Sequence[Row], record: Record, scenario: Scenario, window: Window) -> float | None:
    """Frames stored more than once in the cell, as the record counts them; None when the stores were not read."""
    return record.integrity.duplicated if record.integrity else None


@dataclass(frozen=True, slots=True)
class Account:
    """The integrity of many cells together; every count is of frames. `cells`: those whose stores were read."""

    cells: int
    sent: int
    stored: int
    refused: int
    unanswered: int
    false_acks: int
    duplicated: int

    @property
    def kept(self) -> bool:
        """Whether nothing was stored twice, and exactly those frames were lost whose senders were not told `stored`."""
        return not self.duplicated and not self.false_acks

    def breach(self) -> str:
        """What must not be, in words; empty when it is kept."""
        found = {"stored more than once": self.duplicated, "acknowledged and not stored": self.false_acks}
        return ", ".join(f"{n} frame{'s'[: n != 1]} {what}" for what, n in found.items() if n)

    def sentence(self) -> str:
        """What became of the frames, as a bench prints it."""
        lost = self.refused + self.unanswered + self.false_acks
        said = "the sender of each was told" if self.kept else f"not kept: {self.breach()}"
        return (
            f"{self.sent} frames sent in {self.cells} cells with idempotency on: {self.stored} stored, "
            f"{self.duplicated} of them more than once; "
            f"{lost} lost ({self.refused} refused, {self.unanswered} unanswered): {said}"
        )


def breaches(cells: Iterable[tuple[Record, Scenario]]) -> dict[str, str]:
    """By cell, what became of its frames that must not; empty when the integrity of all is kept."""
    each = ((record.cell, account([(record, scenario)])) for record, scenario in cells)
    return {cell: one.breach() for cell, one in each if not one.kept}


def account(cells: Iterable[tuple[Record, Scenario]]) -> Account:
    """Add up the integrity of cells, void ones too if they are given: what is stored does not hang on the machine.

    Cells in which a service keeps no ids are left out: there a duplicate is what is measured.
    """
    kept = [
        record.integrity
        for record, scenario in cells
        if record.integrity and not any(env.get("IDEMPOTENCY") == "off" for env in scenario.settings.values())
    ]
    names = ("sent", "stored", "refused", "unanswered", "false_acks", "duplicated")
    return Account(len(kept), **{name: sum(getattr(one, name) for one in kept) for name in names})


DUPLICATED = Measure("duplicated", "frames stored twice", "frames", "lower", "difference", duplicated, whole_cell=True)
LOST = Measure("lost", "frames lost", "frames", "lower", "difference", lost, whole_cell=True)

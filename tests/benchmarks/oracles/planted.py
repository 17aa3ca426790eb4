"""A stage on which nothing is played: what a scenario leaves behind there is planted, right or wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.faults import Spec
from benchmarks.oracles.stage import Duration, Played, record
from benchmarks.scenario import Scenario
from loadtests.frames import frame_of
from loadtests.rows import Outcome, Row
from loadtests.schedule import Arrival, arrivals
from services.airport.analysis import expected

SEED = 7
Plant = Callable[[Scenario], Played]


class PlantedStage:
    """Answers each play with the next plant. `entries` keeps at how many replicas each load was to enter."""

    def __init__(self, *plants: Plant) -> None:
        self.plants = list(plants)
        self.entries: list[int | None] = []

    async def play(self, scenario: Scenario, *_besides: Spec, entries: int | None = None) -> Played:
        self.entries.append(entries)
        return self.plants.pop(0)(scenario)


def planned(scenario: Scenario) -> list[Arrival]:
    return arrivals(scenario.arrivals(), scenario.duration_s, SEED, ["entry"])


def alerting(scenario: Scenario) -> int:
    """Frames that show a person of interest, as what must be stored for them says."""
    return sum(bool(expected(frame_of(each, SEED)).alert_names) for each in planned(scenario))


def left(
    scenario: Scenario,
    won: int | None = None,
    edges: Mapping[str, tuple[int, int]] | None = None,
    received: Mapping[tuple[str, str], int] | None = None,
    called: Mapping[str, Duration] | None = None,
    worked: Mapping[str, Duration] | None = None,
    took_s: float = 0.01,
) -> Played:
    """What is left when the first `won` arrivals, or all, succeed; `edges`: logical calls and requests received."""
    rows = [
        Row(each.index, each.at_s, each.at_s, each.at_s + took_s, each.entry, f"f-{each.index}", 200 if fine else 503,
            Outcome.SUCCESS if fine else Outcome.REJECTED)
        for each in planned(scenario)
        for fine in [won is None or each.index < won]
    ]  # fmt: skip
    counted = {edge: {"logical": calls, "received": tries} for edge, (calls, tries) in (edges or {}).items()}
    return Played(
        scenario, rows, record("planted", SEED, scenario, counted), received or {}, called or {}, worked or {}
    )

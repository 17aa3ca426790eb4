"""Which frames a fault has nothing to do with, and what became of them."""

from __future__ import annotations

from collections.abc import Collection

from benchmarks.measures.blast import blast, blast_slo, paths
from benchmarks.record import Record
from benchmarks.scenario import Scenario, load_scenario
from loadtests.rows import Outcome, Row
from loadtests.schedule import arrivals
from services.airport.analysis import expected
from tests.benchmarks.measures.test_times import record as empty

SEED = 7


def faulted(service: str) -> Scenario:
    burst = load_scenario("error-burst")
    assert burst.fault is not None
    return burst.model_copy(update={"fault": burst.fault.model_copy(update={"service": service})})


def cell(scenario: Scenario, failed: set[int], late: Collection[int] = ()) -> tuple[list[Row], Record]:
    """A frame in 10 ms each, the late ones in half a second, which no scenario's SLO allows."""
    planned = arrivals(scenario.arrivals(), scenario.duration_s, SEED, ["e"])
    rows = [
        Row(one.index, one.at_s, one.at_s, one.at_s + (0.5 if one.index in late else 0.01), "e", f"f{one.index}", 200,
            Outcome.ERROR if one.index in failed else Outcome.SUCCESS)
        for one in planned
    ]  # fmt: skip
    return rows, empty()


def test_a_frame_needs_the_section_of_its_camera_and_alerts_when_somebody_of_interest_is_on_it() -> None:
    from loadtests.frames import frame_of

    scenario = faulted("section-1")
    planned = arrivals(scenario.arrivals(), scenario.duration_s, SEED, ["e"])
    for arrival, needs in zip(planned, paths(scenario.arrivals(), scenario.duration_s, SEED), strict=True):
        assert (f"section-{arrival.camera}" in needs) is True
        assert ("alerts" in needs) is bool(expected(frame_of(arrival, SEED)).alert_names)


def test_failures_of_frames_that_never_go_there_are_the_blast_radius() -> None:
    scenario = faulted("section-1")
    needs = paths(scenario.arrivals(), scenario.duration_s, SEED)
    there = {at for at, each in enumerate(needs) if "section-1" in each}
    rows, record = cell(scenario, there)
    assert blast(rows, record, scenario, "fault") == 0.0
    elsewhere = [row.index for row in rows if 3 <= row.at < 6 and row.index not in there]
    rows, record = cell(scenario, there | set(elsewhere[:3]))
    assert blast(rows, record, scenario, "fault") == 3 / len(elsewhere)


def test_slowness_that_reaches_the_other_section_is_in_the_blast_radius_by_the_slo_alone() -> None:
    scenario = load_scenario("noisy-neighbour")
    needs = paths(scenario.arrivals(), scenario.duration_s, SEED)
    rows, record = cell(scenario, set())
    inside = [row.index for row in rows if 3 <= row.at < 6]
    there = [at for at in inside if "section-1" in needs[at]]
    elsewhere = [at for at in inside if "section-1" not in needs[at]]
    rows, record = cell(scenario, {elsewhere[0]}, [*there, *elsewhere[1:4]])
    assert scenario.primary.measure == "blast-slo"
    assert blast_slo(rows, record, scenario, "fault") == 4 / len(elsewhere)
    assert blast(rows, record, scenario, "fault") == 1 / len(elsewhere)


def test_a_fault_on_every_path_has_no_other_paths_to_harm() -> None:
    rows, record = cell(faulted("image-analysis"), set())
    assert blast(rows, record, faulted("image-analysis"), "fault") is None
    assert blast_slo(rows, record, faulted("image-analysis"), "fault") is None
    assert blast(rows, record, load_scenario("steady"), "steady") is None


def test_the_blast_radius_of_a_canary_is_the_share_of_all_frames_that_failed() -> None:
    scenario = load_scenario("canary")
    rows, record = cell(scenario, set())
    inside = [row.index for row in rows if 3 <= row.at < 6]
    rows, record = cell(scenario, set(inside[::4]))
    assert blast(rows, record, scenario, "fault") == len(inside[::4]) / len(inside)


def test_looks_at_a_dashboard_have_no_path_of_a_frame() -> None:
    scenario = faulted("section-1")
    looks = scenario.model_copy(update={"load": scenario.load.model_copy(update={"what": "dashboards"})})
    rows, record = cell(scenario, set(range(50)))
    assert blast(rows, record, scenario, "fault") is not None
    assert blast(rows, record, looks, "fault") is None

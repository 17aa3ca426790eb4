"""Every measure on data whose answer is known by hand."""

from __future__ import annotations

from dataclasses import asdict, replace
from random import Random
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.measures import MEASURES
from benchmarks.measures.activity import Activity, activity
from benchmarks.measures.amplification import amplification
from benchmarks.measures.blast import paths
from benchmarks.measures.cost import cost
from benchmarks.measures.goodput import good
from benchmarks.measures.integrity import Account, Integrity, account, integrity
from benchmarks.measures.latency import failure_ms, percentile, success_ms
from benchmarks.record import Record
from benchmarks.scenario import Window, load_scenario
from loadtests.rows import Outcome, Row
from services.airport.analysis import Expected

MIB = 1024 * 1024
SCENARIO = load_scenario("error-burst")  # warm 0-1, steady 1-3, fault 3-6, recovery 6-7.5; SLO 200 ms


def row(at: float, took: float | None = 0.05, outcome: Outcome = Outcome.SUCCESS, frame: str = "") -> Row:
    """An arrival at `at` that was sent 10 ms late and ended `took` seconds after its intended time; None: dropped."""
    if took is None:
        return Row(0, at, None, None, "e", frame, None, Outcome.DROPPED)
    return Row(0, at, at + 0.01, at + took, "e", frame, 200, outcome)


def record(**fields: Any) -> Record:
    """A record of the scenario's phases, with what a test adds."""
    return Record.model_validate(
        {
            "cell": "r1-error-burst-mesh", "scenario": "error-burst", "arm": "mesh", "mode": "mesh",
            "policies": "matched",             "repetition": 1, "seed": 7, "started": "2026-01-02T03:04:05Z",
            "phases": [phase.model_dump() for phase in SCENARIO.timeline()], **fields,
        }
    )  # fmt: skip


def measured(name: str, rows: list[Row], window: Window = "fault", **fields: Any) -> float | None:
    return MEASURES[name].of(rows, record(**fields), SCENARIO, window)


FAULT = [row(3.0), row(4.0, 0.25), row(5.0, 0.004, Outcome.REJECTED), row(5.9, None)]
ROWS = [row(0.5, 0.05, Outcome.ERROR), row(1.0), row(2.9), *FAULT, row(6.0), row(7.4, 1.0, Outcome.TIMEOUT)]


@pytest.mark.parametrize(("window", "value"), [("steady", 1.0), ("fault", 2 / 4), ("recovery", 1 / 2), ("all", 5 / 8)])
def test_availability_is_successes_over_arrivals_drops_included_and_the_warm_up_left_out(
    window: Window, value: float
) -> None:
    assert measured("availability", ROWS, window) == pytest.approx(value)


@pytest.mark.parametrize("name", [name for name, measure in MEASURES.items() if name != "goodput-rate"])
def test_nothing_is_made_of_nothing(name: str) -> None:
    assert measured(name, [], "all" if MEASURES[name].whole_cell else "fault") is None


def test_goodput_counts_answers_within_the_slo_of_their_intended_time() -> None:
    assert measured("goodput", ROWS) == pytest.approx(1 / 4)
    assert measured("goodput-rate", ROWS) == pytest.approx(1 / 3)


def test_an_answer_exactly_at_the_slo_is_good() -> None:
    assert good(Row(0, 0.0, 0.0, 0.2, "e", "f", 200, Outcome.SUCCESS), record(), SCENARIO)


def test_an_old_answer_is_a_fallback_and_no_success_of_any_kind() -> None:
    rows = [row(3.0), row(3.5, outcome=Outcome.FALLBACK), row(4.0, outcome=Outcome.REJECTED), row(4.5)]
    assert measured("fallback", rows) == 0.25
    assert measured("availability", rows) == measured("goodput", rows) == 0.5


def test_a_false_acknowledgement_is_available_but_not_good() -> None:
    rows = [row(3.0, frame="a"), row(4.0, frame="b")]
    kept = asdict(integrity(rows, {"a": Expected(1, ()), "b": Expected(1, ())}, {"section-1": {"a": held(1, 1)}}))
    assert measured("availability", rows, integrity=kept) == 1.0
    assert measured("goodput", rows, integrity=kept) == 0.5


def test_latency_counts_from_the_intended_time_and_keeps_failures_apart() -> None:
    assert success_ms(ROWS, record(), "fault") == pytest.approx([50, 250])
    assert failure_ms(ROWS, record(), "fault") == pytest.approx([4])


@pytest.mark.parametrize(("q", "value"), [(0.5, 50), (0.9, 90), (0.99, 99)])
def test_percentiles_of_one_to_a_hundred_are_themselves(q: float, value: float) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], q) == value


@pytest.mark.parametrize(("q", "enough"), [(0.5, 2), (0.9, 10), (0.99, 100)])
def test_a_percentile_of_too_few_values_is_unknown(q: float, enough: int) -> None:
    assert percentile([1.0] * (enough - 1), q) is None
    assert percentile([1.0] * enough, q) == 1.0


@given(st.lists(st.floats(0, 1e6), min_size=100, max_size=200), st.sampled_from([0.5, 0.9, 0.99]))
def test_at_least_a_share_of_q_does_not_exceed_the_percentile_and_no_smaller_value_does_it(
    values: list[float], q: float
) -> None:
    found = percentile(values, q)
    assert found in values
    assert sum(value <= found for value in values) >= q * len(values) - 1e-9
    assert sum(value < found for value in values) < q * len(values)


@given(st.integers(1000, 1100), st.integers(0, 99), st.sampled_from([0.5, 0.9, 0.99, 0.999]))
@settings(max_examples=25)
def test_exact_percentiles_agree_with_the_hdr_histograms_to_its_three_digits(n: int, seed: int, q: float) -> None:
    rng = Random(seed)
    values = [rng.lognormvariate(3, 2) for _ in range(n)]
    exact = percentile(values, q)
    assert exact is not None
    kept = HdrHistogram(1, 10**9, 3)  # of microseconds
    for value in values:
        kept.record_value(max(1, round(value * 1000)))
    found = kept.get_value_at_percentile(q * 100) / 1000
    # it rounds the rank where ours goes up, and so may stop one value before; a microsecond is its unit
    ordered = sorted(values)
    before = ordered[max(0, ordered.index(exact) - 1)]
    assert found in (pytest.approx(exact, rel=1e-3, abs=1e-3), pytest.approx(before, rel=1e-3, abs=1e-3))


def test_the_largest_latency_is_that_of_a_success() -> None:
    assert measured("latency-max", [row(3.0, 0.2), row(4.0, 0.3), row(5.0, 9.0, Outcome.TIMEOUT)]) == pytest.approx(300)


@pytest.mark.parametrize(("name", "value"), [("p50", 500), ("p90", 900), ("p99", 990), ("p99.9", 999), ("max", 1000)])
def test_a_percentile_is_a_measure_of_each_cell(name: str, value: float) -> None:
    rows = [row(3 + n / 500, n / 1000) for n in range(1, 1001)]
    assert measured(f"latency-{name}", rows) == pytest.approx(value)


@pytest.mark.parametrize(("name", "enough"), [("p50", 2), ("p90", 10), ("p99", 100), ("p99.9", 1000)])
def test_a_cell_with_fewer_successes_than_a_percentile_needs_has_none(name: str, enough: int) -> None:
    assert measured(f"latency-{name}", [row(3.0)] * (enough - 1)) is None
    assert measured(f"latency-{name}", [row(3.0)] * enough) == pytest.approx(50)


def test_attempts_are_received_over_logical_on_the_edges_into_the_faulted_service() -> None:
    edges = {
        "collector->image-analysis": {"logical": 200, "received": 260},
        "cpanel->image-analysis": {"logical": 0, "received": 0},
        "collector->momentum": {"logical": 999, "received": 1},
    }
    assert measured("attempts", [], "all", edges=edges) == pytest.approx(1.3)
    steady = MEASURES["attempts"].of([], record(edges=edges), load_scenario("steady"), "all")
    assert steady == pytest.approx(261 / 1199)


def test_cost_is_per_thousand_successes_of_the_whole_cell_app_and_proxies_apart() -> None:
    usage = {
        "app": {"cpu_s": 1.5, "rss": 600 * MIB, "pss": 400 * MIB},
        "proxy": {"cpu_s": 0.5, "rss": 1000 * MIB, "pss": None},
    }
    rows = [row(0.1)] * 100 + [row(3.5)] * 100 + [row(3.5, 0.1, Outcome.ERROR)] * 50
    app, proxy = cost(rows, record(usage=usage), "app"), cost(rows, record(usage=usage), "proxy")
    assert app is not None
    assert proxy is not None
    assert (app.cpu_s_per_1000, app.rss_mib, app.pss_mib) == (7.5, 600, 400)
    assert app.mib_s_per_1000 == pytest.approx(400 * 7.5 / 200 * 1000)
    assert (proxy.cpu_s_per_1000, proxy.pss_mib) == (2.5, None)
    assert proxy.mib_s_per_1000 == pytest.approx(1000 * 7.5 / 200 * 1000)
    assert measured("cpu", rows, "all", usage=usage) == 10.0
    assert measured("memory", rows, "all", usage=usage) == pytest.approx(app.mib_s_per_1000 + proxy.mib_s_per_1000)


def test_a_phase_has_the_cost_that_was_spent_in_it_over_the_successes_that_were_meant_for_it() -> None:
    app, proxy = {"cpu_s": 0.6, "rss": 300 * MIB, "pss": 200 * MIB}, {"cpu_s": 0.0, "rss": 0, "pss": 0}
    rows = [row(2.0)] * 50 + [row(3.5)] * 30 + [row(3.5, 0.1, Outcome.ERROR)] * 70
    kept = {"fault": {"app": app, "proxy": proxy}}
    assert measured("cpu", rows, "fault", phase_usage=kept) == pytest.approx(20.0)
    assert measured("memory", rows, "fault", phase_usage=kept) == pytest.approx(200 * 3 / 30 * 1000)
    assert measured("cpu", rows, "recovery", phase_usage=kept) is None


def test_waste_is_the_share_of_attempts_that_were_answered_to_nobody() -> None:
    edges = {"a->b": {"logical": 10, "received": 30, "wasted": 6}, "b->c": {"logical": 9, "received": 10}}
    assert measured("waste", [], "all", edges=edges) == pytest.approx(6 / 40)


STORM = [replace(row(3.5), index=at) for at in range(20)]
ALERTING = sum("alerts" in needs for needs in paths(SCENARIO.arrivals(), SCENARIO.duration_s, 7)[:20])


def storm(r: int = 3) -> dict[str, dict[str, int]]:
    """Edges of a cell in which each hop to momentum by way of alerts tried r times, and all in vain."""
    return {
        "collector->face-recognition": {"logical": 20, "received": 20 + (r - 1) * ALERTING},
        "face-recognition->alerts": {"logical": r * ALERTING, "received": r**2 * ALERTING},
        "alerts->momentum": {"logical": r**2 * ALERTING, "received": r**3 * ALERTING},
        "collector->momentum": {"logical": 20, "received": 30},
        "cpanel->alerts": {"logical": 5, "received": 5},
    }


def test_amplification_holds_what_every_edge_of_the_chain_has_multiplied() -> None:
    found = amplification(STORM, record(edges=storm()), SCENARIO)
    assert [(edge, len(one.chain), one.frames) for edge, one in found.items()] == [
        ("collector->face-recognition", 1, 20),
        ("collector->momentum", 1, 20),
        ("face-recognition->alerts", 2, ALERTING),
        ("alerts->momentum", 3, ALERTING),
    ]
    deepest = found["alerts->momentum"]
    assert (deepest.per_call, deepest.per_frame, deepest.faulted) == (3.0, 27.0, ALERTING)
    assert found["collector->momentum"].per_frame == 1.5


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_requests_of_a_frame_grow_with_the_depth_of_the_storm_where_attempts_per_call_cannot(depth: int) -> None:
    chain = [("collector->face-recognition", 1), ("face-recognition->alerts", 2), ("alerts->momentum", 3)]
    edges = {edge: {"logical": 20 * 3 ** (at - 1), "received": 20 * 3**at} for edge, at in chain[:depth]}
    edges |= {"collector->momentum": {"logical": 20, "received": 20}}
    # twenty frames, all of which raise an alert
    alerts = [at for at, needs in enumerate(paths(SCENARIO.arrivals(), SCENARIO.duration_s, 7)) if "alerts" in needs]
    rows = [replace(row(3.5), index=at) for at in alerts[:20]]
    scenario, kept = load_scenario(f"retry-storm-{depth}"), record(edges=edges)
    assert scenario.primary.measure == "requests-per-frame"
    assert MEASURES["requests-per-frame"].of(rows, kept, scenario, "all") == 3**depth
    per_call = MEASURES["attempts"].of(rows, kept, scenario, "all")
    assert per_call is not None
    assert per_call <= 3


def test_a_storm_is_measured_on_the_deepest_edge_and_none_where_no_frame_needs_it() -> None:
    of = MEASURES["requests-per-frame"].of
    deep = load_scenario("retry-storm-3")
    assert of(STORM, record(edges=storm()), deep, "all") == 27
    assert of([], record(edges=storm()), deep, "all") is None
    assert of(STORM, record(edges=storm()), load_scenario("steady"), "all") is None


def test_the_goodput_lost_is_what_the_steady_phase_promised_and_the_window_did_not_keep() -> None:
    steady = [row(1.0), row(1.5), row(2.0), row(2.5, outcome=Outcome.ERROR)]
    fault = [row(3.0), row(4.0, outcome=Outcome.REJECTED), row(5.0, 0.3), row(5.5)]
    assert measured("lost-goodput", steady + fault, "fault") == pytest.approx(0.75 * 4 - 2)
    assert measured("lost-goodput", fault, "fault") is None


def test_burn_is_the_share_that_was_not_good_over_the_share_that_need_not_be() -> None:
    rows = [row(3.0)] * 9 + [row(4.0, outcome=Outcome.ERROR)]
    assert measured("burn", rows) == pytest.approx(0.1 / 0.001)


def test_frames_and_duplicates_of_a_cell_are_measures() -> None:
    assert measured("duplicated", [], "all", integrity=counts(duplicated=4)) == 4


def test_a_cell_without_a_success_has_no_cost_per_success() -> None:
    usage = {"cpu_s": 1.0, "rss": 1, "pss": 1}
    rows = [row(3, 0.1, Outcome.ERROR)]
    assert measured("cpu", rows, "all", usage={"app": usage, "proxy": usage}) is None


def test_activity_is_summed_over_cells_by_edge() -> None:
    cells = [
        record(edges={"b->c": {"retries": 2, "ejections": 1}, "a->b": {"logical": 5}}),
        record(edges={"b->c": {"retries": 3}}),
    ]
    assert activity(cells) == {"a->b": Activity(), "b->c": Activity(retries=5, ejections=1)}
    assert [events.acted for events in activity(cells).values()] == [False, True]


def held(records: int, persons: int) -> dict[str, int]:
    """What a store says of one frame."""
    return {"records": records, "persons": persons}


def test_integrity_counts_each_fate_of_a_frame() -> None:
    rows = [
        row(1, frame="right"), row(1, frame="alarm"), row(1, frame="false"), row(1, frame="no-alert"),
        row(1, 0.1, Outcome.TIMEOUT, "late"), row(1, 0.1, Outcome.REJECTED, "lost"), row(1, frame="twice"),
        row(1, None, frame="dropped"),
    ]  # fmt: skip
    expected = {r.frame_id: Expected(2, ()) for r in rows} | {
        "alarm": Expected(1, ("Eve",)), "no-alert": Expected(1, ("Eve",)),
    }  # fmt: skip
    stored = {
        "section-1": {"right": held(1, 2), "alarm": held(1, 1), "no-alert": held(1, 1), "twice": held(2, 4)},
        "section-2": {"late": held(1, 2)},
        "alerts": {"alarm": held(1, 1)},
    }
    assert integrity(rows, expected, stored) == Integrity(
        sent=7, acknowledged=5, stored=4, lost=3, duplicated=1, false_acks=2, unacknowledged_stored=1,
        refused=1, unanswered=0, false_frames=("false", "no-alert"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("stored", "duplicated", "lost"),
    [
        ({"section-1": {"f": held(1, 0)}}, 0, 0),
        ({"section-1": {"f": held(1, 0)}, "section-2": {"f": held(1, 0)}}, 1, 0),
        ({"section-1": {"f": held(1, 3)}}, 1, 0),
        ({"section-1": {"f": held(1, 0)}, "alerts": {"f": held(1, 1)}}, 1, 0),
        ({"alerts": {"f": held(1, 1)}}, 1, 1),
        ({}, 0, 1),
    ],
)
def test_a_frame_with_nobody_on_it_is_stored_once_and_raises_no_alert(
    stored: dict[str, dict[str, dict[str, int]]], duplicated: int, lost: int
) -> None:
    found = integrity([row(1, frame="f")], {"f": Expected(0, ())}, stored)
    assert (found.duplicated, found.lost) == (duplicated, lost)


@given(st.lists(st.tuples(st.sampled_from(list(Outcome)), st.integers(0, 2)), max_size=30))
def test_every_frame_that_was_sent_is_stored_or_lost(fates: list[tuple[Outcome, int]]) -> None:
    rows = [row(1, None if o is Outcome.DROPPED else 0.1, o, f"f{at}") for at, (o, _) in enumerate(fates)]
    expected = {r.frame_id: Expected(1, ()) for r in rows}
    stored = {"section-1": {f"f{at}": held(n, n) for at, (_, n) in enumerate(fates) if n}}
    found = integrity(rows, expected, stored)
    assert found.sent == found.stored + found.lost
    assert found.stored == found.acknowledged - found.false_acks + found.unacknowledged_stored
    assert len(found.false_frames) == found.false_acks
    assert found.lost == found.refused + found.unanswered + found.false_acks


def test_a_frame_that_was_lost_without_an_answer_was_not_refused() -> None:
    silent = Row(0, 1.0, 1.01, 1.1, "e", "silent", None, Outcome.CONNECTION)
    refused = Row(1, 1.0, 1.01, 1.1, "e", "refused", 503, Outcome.REJECTED)
    found = integrity([silent, refused], {"silent": Expected(1, ()), "refused": Expected(1, ())}, {})
    assert (found.lost, found.refused, found.unanswered, found.false_acks) == (2, 1, 1, 0)


def counts(**changes: int) -> dict[str, int]:
    """Integrity of a cell in which 8 of 10 frames were stored and 2 refused."""
    named = {"sent": 10, "acknowledged": 8, "stored": 8, "lost": 2, "duplicated": 0, "false_acks": 0}
    return {**named, "unacknowledged_stored": 0, "refused": 2, "unanswered": 0, **changes}


def test_the_account_of_many_cells_says_that_every_loss_was_told() -> None:
    found = account(
        (cell, SCENARIO)
        for cell in (record(integrity=counts()), record(integrity=counts(refused=1, unanswered=1)), record())
    )
    assert found == Account(2, 20, 16, refused=3, unanswered=1, false_acks=0, duplicated=0)
    assert found.kept
    assert found.sentence() == (
        "20 frames sent in 2 cells with idempotency on: 16 stored, 0 of them more than once; "
        "4 lost (3 refused, 1 unanswered): the sender of each was told"
    )


def test_a_cell_without_ids_is_no_part_of_the_account() -> None:
    forgetful = load_scenario("timeout-after-commit-without-ids")
    found = account([(record(integrity=counts(duplicated=3)), forgetful), (record(integrity=counts()), SCENARIO)])
    assert (found.cells, found.duplicated, found.kept) == (1, 0, True)


@pytest.mark.parametrize(("changes", "said"), [
    ({"false_acks": 1, "refused": 1}, "1 frame acknowledged and not stored"),
    ({"duplicated": 3}, "3 frames stored more than once"),
    ({"duplicated": 1, "false_acks": 2}, "1 frame stored more than once, 2 frames acknowledged and not stored"),
])  # fmt: skip
def test_the_account_does_not_keep_silent_about_a_false_acknowledgement_or_a_duplicate(
    changes: dict[str, int], said: str
) -> None:
    found = account([(record(integrity=counts(**changes)), SCENARIO)])
    assert not found.kept
    assert found.sentence().endswith(f": not kept: {said}")


def test_the_frames_lost_are_a_measure_of_each_cell() -> None:
    kept = asdict(integrity([row(1, frame="f")], {"f": Expected(0, ())}, {}))
    assert measured("lost", [], "all", integrity=kept) == 1

"""Time to detect, to mitigate and to recover, on courses whose answer is known by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.measures.detect import detect
from benchmarks.measures.elapsed import Censored, Elapsed
from benchmarks.measures.restoration import mitigate, recover, unrecovered
from benchmarks.record import Record
from benchmarks.scenario import load_scenario
from loadtests.rows import Outcome, Row

SCENARIO = load_scenario("error-burst")  # warm 0-1, steady 1-3, fault 3-6, recovery 6-7.5; the fault: image-analysis
EDGE = "collector->image-analysis"


def record(moments: list[tuple[float, str, str]] | None = None) -> Record:
    fields: dict[str, Any] = {
        "cell": "r1-error-burst-mesh", "scenario": "error-burst", "arm": "mesh", "mode": "mesh", "policies": "matched",
        "repetition": 1, "seed": 7, "started": "2026-01-02T03:04:05Z",
        "phases": [phase.model_dump() for phase in SCENARIO.timeline()],
    }  # fmt: skip
    if moments is not None:
        listed = [{"at": at, "pod": "collector-0", "edge": edge, "kind": kind} for at, edge, kind in moments]
        fields["timeline"] = {"moments": listed}
    return Record.model_validate(fields)


def rows(right: Callable[[float], bool], until: float = 7.5) -> list[Row]:
    """Ten arrivals a second, at 0.05, 0.15, ...: each succeeds in 50 ms, or is refused."""
    times = [n / 10 + 0.05 for n in range(int(until * 10))]
    return [
        Row(n, at, at, at + 0.05, "e", f"f{n}", 200 if right(at) else 503,
            Outcome.SUCCESS if right(at) else Outcome.REJECTED)
        for n, at in enumerate(times)
    ]  # fmt: skip


def test_detection_is_the_first_opened_breaker_or_ejection_on_an_edge_into_the_faulted_service() -> None:
    moments = [
        (2.0, EDGE, "ejection"), (3.2, "collector->momentum", "open"), (3.3, EDGE, "half-open"),
        (3.75, EDGE, "open"), (3.9, EDGE, "ejection"),
    ]  # fmt: skip
    assert detect(record(moments), SCENARIO) == Elapsed(0.75)


@pytest.mark.parametrize("moments", [[], [(6.1, EDGE, "open")]])
def test_a_fault_that_no_policy_noticed_while_it_lasted_is_censored(moments: list[tuple[float, str, str]]) -> None:
    assert detect(record(moments), SCENARIO) == Censored(3.0)


def test_there_is_nothing_to_detect_without_a_fault_or_a_timeline() -> None:
    assert detect(record([]), load_scenario("steady")) is None
    assert detect(record(), SCENARIO) is None


def test_mitigation_is_when_goodput_is_back_while_the_fault_lasts() -> None:
    assert mitigate(rows(lambda at: not 3 <= at < 4.2), record(), SCENARIO) == Elapsed(1.5)


def test_a_fault_that_did_no_harm_was_mitigated_at_once() -> None:
    assert mitigate(rows(lambda at: True), record(), SCENARIO) == Elapsed(0.0)


def test_a_dip_that_the_rest_of_the_phase_outweighs_is_no_relapse() -> None:
    assert mitigate(rows(lambda at: not 4 <= at < 4.2), record(), SCENARIO) == Elapsed(0.0)
    assert mitigate(rows(lambda at: not 4 <= at < 4.4), record(), SCENARIO) == Elapsed(4.5 - 3)


def test_recovery_counts_from_the_end_of_the_fault() -> None:
    assert recover(rows(lambda at: not 3 <= at < 6.6), record(), SCENARIO) == Elapsed(1.0)


@pytest.mark.parametrize("right", [lambda at: at < 3, lambda at: at < 3 or 6.5 <= at < 7])
def test_what_is_not_back_or_falls_again_is_censored_at_the_end_of_the_load(right: Callable[[float], bool]) -> None:
    assert recover(rows(right), record(), SCENARIO) == Censored(1.5)


@pytest.mark.parametrize(
    ("back_at", "share"), [(6.0, 0.0), (6.6, 1.0 / 1.5), (99.0, 1.0)], ids=["at once", "late", "never"]
)
def test_the_share_of_the_recovery_that_passed_is_whole_where_goodput_was_never_back(
    back_at: float, share: float
) -> None:
    seen = rows(lambda at: not 3 <= at < back_at)
    assert unrecovered(seen, record(), SCENARIO, "recovery") == pytest.approx(share)
    assert unrecovered(seen, record(), SCENARIO, "fault") is None


def test_without_arrivals_or_a_steady_goodput_to_come_back_to_there_is_no_time() -> None:
    assert recover(rows(lambda at: True, until=5), record(), SCENARIO) is None
    assert recover(rows(lambda at: at >= 3), record(), SCENARIO) is None


def test_a_censored_time_cannot_be_taken_for_a_number() -> None:
    with pytest.raises(TypeError):
        float(Censored(1.0))  # type: ignore[arg-type] # that it is refused is the point
    with pytest.raises(TypeError):
        sum([Censored(1.0), Censored(2.0)])  # type: ignore[list-item] # the same
    with pytest.raises(TypeError):
        sorted([Censored(2.0), Censored(1.0)])  # type: ignore[type-var] # the same

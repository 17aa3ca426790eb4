"""A fault in a report: what it cost, multiplied requests, and what arithmetic knew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.plan import Cell
from benchmarks.report import report
from benchmarks.report.table import Value
from benchmarks.results import Run
from istio import library, policies
from tests.benchmarks.synthetic import Effect, save, write_run


def rows(run: Run, key: str) -> dict[str, dict[str, Value]]:
    """The rows of a table, by arm, each by the names of its columns."""
    found = next(table for table in report(run).tables if table.key == key)
    named = [{column.key: value for column, value in zip(found.columns, row, strict=True)} for row in found.rows]
    return {row["arm"].text: row for row in named}


def test_goodput_lost_and_burn_are_means_of_the_cells(tmp_path: Path) -> None:
    found = rows(write_run(tmp_path, repetitions=2, effects={"none": Effect(availability=0.0)}), "course")
    burn, lost = (found["none"][key].figures["value"] for key in ("burn", "lost_goodput"))
    assert burn == pytest.approx(1000)
    assert isinstance(lost, float)
    assert 60 < lost < 120  # 3 s of 30 a second
    assert found["none"]["blast"].text == "-"


def test_a_run_without_a_fault_has_no_course(tmp_path: Path) -> None:
    keys = {table.key for table in report(write_run(tmp_path, scenarios=("steady",), repetitions=1)).tables}
    assert not keys & {"course", "amplification"}


def retrying(run: Run, attempts: int) -> None:
    """Have it known that every arm's library tries so many times more on 503."""
    retry = {"retry": {"attempts": attempts, "retry_on": "gateway-error"}}
    kept = {"istio": [], "library": json.dumps({"image-analysis": retry})}
    arms = {arm.name: kept for arm in run.header.arms}
    run.header = run.header.model_copy(update={"policies": {"arms": arms}})


def test_a_cell_that_teaches_nothing_beyond_its_closed_form_is_marked(tmp_path: Path) -> None:
    effects = {"library": Effect(availability=0.97), "mesh": Effect(availability=0.6)}
    run = write_run(tmp_path, repetitions=4, effects=effects)
    retrying(run, 2)
    found = rows(run, "answers")
    assert found["library"]["closed_form"].text == "= 97.3 %"
    assert found["library"]["closed_form"].figures["nothing_beyond"] is True
    assert found["mesh"]["closed_form"].text == "97.3 %"


def test_where_kept_connections_decide_the_repetitions_are_held_against_the_closed_form(tmp_path: Path) -> None:
    # all arrivals together are far from 75 %; the repetitions, which differ as connections do, are not
    for repetitions, mark in ((5, "= "), (4, "")):
        run = write_run(
            tmp_path / mark, scenarios=("canary",), effects={"none": Effect()}, repetitions=repetitions,
            only=lambda cell: False,
        )  # fmt: skip
        for cell, kept in zip(run.plan, (0.95, 0.5, 0.95, 0.95, 0.75), strict=False):
            save(run, cell, Effect(availability=kept))
        assert rows(run, "answers")["none"]["closed_form"].text == f"{mark}75.0 %"


def test_a_cell_on_its_closed_form_in_which_a_breaker_opened_is_not_marked(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=4, effects={"library": Effect(availability=0.97, events={"opens": 1})})
    retrying(run, 2)
    assert rows(run, "answers")["library"]["closed_form"].text == "97.3 %"


def test_requests_of_a_frame_stand_beside_what_retries_alone_would_make(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=1, effects={"library": Effect(events={"retries": 31})})
    retrying(run, 2)
    edge = rows(run, "amplification")["library"]
    calls = edge["n"].figures["value"]
    assert isinstance(calls, int)
    assert edge["edge"].text == "collector->image-analysis"
    assert edge["depth"].text == "1"
    assert edge["per_frame"].figures["value"] == pytest.approx((calls + 31) / calls)
    predicted = edge["predicted"].figures["value"]
    assert isinstance(predicted, float)
    # 3 s of 7.5 are the fault, in which a call takes 1 + 0.3 + 0.09 tries
    assert predicted == pytest.approx(1 + 0.39 * 3 / 7.5, abs=0.04)


def test_a_change_is_shown_with_what_it_restarted_how_soon_it_was_there_and_what_failed(tmp_path: Path) -> None:
    def rolled(_cell: Cell, record: dict[str, Any]) -> None:
        pods = ("image-analysis-0", "image-analysis-1", "image-analysis-2")
        record["action"] = {"fired": dict.fromkeys(pods, 1), "gone": dict.fromkeys(pods, True)}
        record["injected"] = {"action": 2.5}

    effects = {"none": Effect()}
    run = write_run(tmp_path, scenarios=("rolling-restart",), repetitions=2, effects=effects, change=rolled)
    row = rows(run, "action")["none"]
    shown = {key: row[key].text for key in ("lines", "redeployed", "in_effect", "failed", "n")}
    assert shown == {"lines": "-", "redeployed": "3.00", "in_effect": "2.50", "failed": "0", "n": "2"}


def test_a_change_of_what_a_library_reads_is_shown_with_the_lines_of_its_file_that_differ(tmp_path: Path) -> None:
    def rolled(_cell: Cell, record: dict[str, Any]) -> None:
        record["action"] = {"fired": {"face-recognition-0": 1}, "gone": {"face-recognition-0": True}}

    effects = {"library": Effect()}
    run = write_run(tmp_path, scenarios=("policy-change",), repetitions=1, effects=effects, change=rolled)
    carried, _ = library.policies(policies.load("matched"), ["alerts"])
    kept = {"istio": [], "library": json.dumps({"alerts": carried["alerts"].to_json()})}
    run.header = run.header.model_copy(update={"policies": {"arms": {"library": kept}}})
    # attempts, perTryTimeout, retryOn and timeout: a line each taken away, and one added
    assert rows(run, "action")["library"]["lines"].text == "8"

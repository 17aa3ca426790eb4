"""What is shown while a test runs."""

from __future__ import annotations

from pathlib import Path

from loadtests.board import Board, seconds
from loadtests.rows import Outcome, Row
from loadtests.run import RunSpec

SPEC = RunSpec.model_validate(
    {
        "id": "x",
        "rows": Path("unwritten"),
        "start_monotonic": 0.0,
        "load": {"rate": 1, "pattern": "constant"},
        "duration_s": 9,
        "seed": 1,
        "entries": ["a:1"],
        "timeout_s": 1,
        "capacity": 1,
    }
)
KEPT = {"run": "r", "arm": "mesh", "scenario": "steady", "void": [], "report": "/somewhere/report.md"}


def row(at: float, outcome: Outcome) -> Row:
    return Row(0, at, at, at + 3, "a:1", "x", 200, outcome)


def test_arrivals_are_counted_in_the_second_for_which_they_were_intended() -> None:
    rows = [row(2.9, Outcome.SUCCESS), row(0.1, Outcome.DROPPED), row(2.0, Outcome.REJECTED), row(2.5, Outcome.TIMEOUT)]
    rows.append(row(2.1, Outcome.FALLBACK))
    nothing = {"good": 0, "stale": 0, "failed": 0, "dropped": 0}
    assert seconds(rows) == [{**nothing, "dropped": 1}, nothing, {"good": 1, "stale": 1, "failed": 2, "dropped": 0}]


def test_a_new_test_shows_nothing_of_the_last_one_but_what_was_kept() -> None:
    board = Board()
    board.load(SPEC, [{"name": "steady", "start": 0.0, "end": 9.0}])
    board.watch(lambda: [row(0.5, Outcome.SUCCESS)])
    board.show([{"name": "a->b"}])
    board.keep(KEPT)
    assert board.state()["duration"] == 9
    board.begin()
    state = board.state()
    assert (state["duration"], state["phases"], state["seconds"], board.edges) == (None, [], [], ())
    assert [kept["run"] for kept in state["kept"]] == ["r"]


def test_where_a_report_lies_on_the_disk_is_not_shown() -> None:
    board = Board()
    board.keep(KEPT)
    assert "report" not in board.state()["kept"][0]

"""Which failed requests of a cell can be traced, and how a user gets there."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from benchmarks import failed_calls
from benchmarks.errors import BadInput
from benchmarks.next_steps import next_steps
from benchmarks.plan import Cell
from benchmarks.report import report
from benchmarks.report.evidence import comparisons, evidence
from benchmarks.results import Run
from benchmarks.trace_cli import trace
from loadtests.rows import Outcome, Row
from tests.benchmarks.synthetic import write_run


def row(index: int, outcome: Outcome) -> Row:
    return Row(index, index, index, index + 1.0, "127.0.0.1:1", f"f-{index}", None, outcome)


def test_what_succeeded_or_was_never_sent_is_not_chosen() -> None:
    rows = [row(index, outcome) for index, outcome in enumerate(Outcome)]
    assert failed_calls.failed(rows) == [
        f"f-{one.index}" for one in rows if one.outcome not in (Outcome.SUCCESS, Outcome.DROPPED)
    ]


@pytest.mark.parametrize("at", [0, 123, 299])
def test_of_too_many_those_are_chosen_that_are_spread_over_the_cell_and_the_rare_outcome_is_among_them(at: int) -> None:
    rows = [row(index, Outcome.TIMEOUT if index == at else Outcome.REJECTED) for index in range(300)]
    chosen = [int(each.removeprefix("f-")) for each in failed_calls.failed(rows, most=30)]
    assert len(chosen) == 30
    assert at in chosen
    assert chosen == sorted(set(chosen))
    assert max(later - earlier for earlier, later in pairwise(chosen)) <= 20


FAILED = "f-9"
CALL = {
    "time": "2026-01-31T12:00:00Z", "ms": 1, "kind": "served", "by": "app", "pod": "collector-0",
    "service": "collector", "peer": "unknown", "method": "POST", "path": "/frame", "status": 503, "flag": None,
    "attempt": None, "host": None, "request_id": FAILED, "traceparent": None, "parent": None,
}  # fmt: skip


def run_with_calls(into: Path) -> Run:
    """A run of one repetition of which one cell has kept the calls of one request."""
    cells = into / "synthetic" / "cells"

    def keep(cell: Cell, record: dict[str, Any]) -> None:
        if cell.arm == "library":
            failed_calls.write(failed_calls.beside(cells / f"{cell.id}.csv.gz"), [CALL])
            record["traced"] = [FAILED]

    return write_run(into, repetitions=1, change=keep)


def test_the_calls_of_a_cell_are_of_the_files_whose_checksums_are_kept(tmp_path: Path) -> None:
    run = run_with_calls(tmp_path)
    assert run.verify() == []
    (kept,) = [path for record in run.records() if (path := run.calls(record))]
    kept.write_bytes(b"")
    assert run.verify() == [f"{kept}: is not what the bench wrote: its checksum differs"]


def test_a_failed_request_is_shown_in_every_cell_that_sent_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_with_calls(tmp_path)
    trace(FAILED, run=run.name, into=tmp_path)
    shown = capsys.readouterr().out
    assert "collector-0 answers outside: POST /frame  503" in shown
    assert [cell.id for cell in run.plan if f"{cell.id}  " in shown] == [cell.id for cell in run.plan]
    assert shown.count("(its calls are not kept)") == 2
    trace(FAILED, run=run.name, cell="r1-error-burst-library", into=tmp_path)
    assert "r1-error-burst-none" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"request_id": "nix"}, "no request 'nix' in run synthetic; failed ones are f-9"),
        ({"request_id": "nix", "cell": "r1-error-burst-none"}, "the calls of none are kept"),
        ({"request_id": FAILED, "cell": "r9"}, "no cell 'r9' was run; choose from: "),
        ({"request_id": FAILED, "cell": "r1", "run": None}, "it needs --run"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(tmp_path: Path, wanted: dict[str, Any], told: str) -> None:
    run_with_calls(tmp_path)
    with pytest.raises(BadInput, match=told):
        trace(**{"run": "synthetic", "into": tmp_path, **wanted})


def test_the_report_and_the_next_steps_name_the_command_that_shows_one(tmp_path: Path) -> None:
    run = run_with_calls(tmp_path)
    found = evidence(run)
    commands = [what for what, _ in next_steps(run, comparisons(found), found.control)]
    assert f"goaround trace f-9 --run synthetic --cell r1-error-burst-library --results {tmp_path}" in commands
    assert any("`goaround trace f-9 --run synthetic`" in note for note in report(run).notes)


def test_a_run_in_which_nothing_was_kept_names_no_such_command(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=1)
    found = evidence(run)
    assert not [what for what, _ in next_steps(run, comparisons(found), found.control) if "trace" in what]
    assert not [note for note in report(run).notes if "trace" in note]

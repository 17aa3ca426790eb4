"""What changed between two runs, with changes that were planted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import report as reports
from benchmarks.errors import BadInput
from benchmarks.plan import Cell
from benchmarks.report.changes import regressions
from benchmarks.results import Run, open_run
from tests.benchmarks.report.test_report import fields, printed, table, warned
from tests.benchmarks.synthetic import EFFECTS, Effect, write_run

GOAROUND = Path(sys.executable).with_name("goaround")


def pair(into: Path, repetitions: int = 5, **after: Effect) -> tuple[Run, Run]:
    """A run, and the same once more with other effects in the arms that are named."""
    before = write_run(into, name="before", repetitions=repetitions)
    return before, write_run(into, name="after", effects={**EFFECTS, **after}, repetitions=repetitions)


def compared(into: Path, *runs: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [str(GOAROUND), "compare", *runs, "--results", str(into)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_same_run_again_has_changed_nothing(tmp_path: Path) -> None:
    found = reports.between(*pair(tmp_path))
    assert {one.verdict.value for one in found} == {"equivalent"}
    assert not regressions(found)


def test_an_arm_that_got_worse_is_a_regression_and_no_other_is(tmp_path: Path) -> None:
    found = reports.between(*pair(tmp_path, mesh=Effect(availability=0.6)))
    assert [(one.scenario, one.arm) for one in regressions(found)] == [("error-burst", "mesh")]


def test_between_runs_the_words_are_not_those_of_verdicts_and_it_says_why(tmp_path: Path) -> None:
    shown = reports.side_by_side(*pair(tmp_path, mesh=Effect(availability=0.6)))
    assert fields(shown, "changes", "error-burst", "mesh")["called"] == "regressed"
    assert fields(shown, "changes", "error-burst", "none")["called"] == "unchanged"
    assert "not interleaved" in table(shown, "changes").about
    assert not any(one.key == "verdicts" for one in shown.tables)


def test_few_repetitions_are_no_regression_whatever_they_show(tmp_path: Path) -> None:
    found = reports.between(*pair(tmp_path, repetitions=4, mesh=Effect(availability=0.1)))
    assert not regressions(found)


def test_a_control_that_changed_too_is_warned_of(tmp_path: Path) -> None:
    said = warned(reports.side_by_side(*pair(tmp_path, none=Effect(availability=0.3))))
    assert "an arm without any policy changed too: error-burst (none)" in said


def test_the_page_opens_with_the_changes(tmp_path: Path) -> None:
    page = printed(pair(tmp_path, mesh=Effect(availability=0.6)), "html")
    assert page.index("What changed between the runs") < page.index("At a glance")


def test_how_sure_a_change_is_stands_as_in_the_table_of_verdicts(tmp_path: Path) -> None:
    shown = reports.side_by_side(*pair(tmp_path, mesh=Effect(availability=0.3)))
    assert fields(shown, "changes", "error-burst", "mesh")["p"] == "<.001"


@pytest.mark.parametrize("form", ["json", "csv"])
def test_what_an_action_cost_is_a_table_beside_the_changes_in_every_form(tmp_path: Path, form: str) -> None:
    def rolled(_cell: Cell, record: dict[str, Any]) -> None:
        record["action"] = {"fired": {"image-analysis-0": 1}, "gone": {"image-analysis-0": True}}

    one, other = (
        write_run(tmp_path, name=name, scenarios=("rolling-restart",), repetitions=1, change=rolled)
        for name in ("before", "after")
    )
    text = printed((one, other), form)
    if form == "json":
        tables = json.loads(text)["tables"]
        assert ("called" in tables["changes"][0], "redeployed" in tables["action"][0]) == (True, True)
    else:
        columns = {tuple(line.split(",")[index] for index in (0, 3)) for line in text.splitlines()}
        assert {("changes", "called"), ("action", "redeployed")} <= columns
        assert not {("changes", "redeployed"), ("action", "called")} & columns


def test_two_runs_of_one_name_are_called_by_their_folders_and_each_has_its_own_figures(tmp_path: Path) -> None:
    one = write_run(tmp_path / "monday", name="nightly")
    other = write_run(tmp_path / "friday", name="nightly", effects={**EFFECTS, "mesh": Effect(availability=0.1)})
    shown = reports.side_by_side(one, other)
    then, now = (fields(shown, "answers", "error-burst", f"mesh ({day}/nightly)") for day in ("monday", "friday"))
    assert float(now["availability"].rstrip(" %")) < 50 < float(then["availability"].rstrip(" %"))
    assert "Each arm in friday/nightly against itself in monday/nightly" in table(shown, "changes").about


def test_a_run_is_not_compared_with_itself(tmp_path: Path) -> None:
    run = write_run(tmp_path, repetitions=1)
    with pytest.raises(BadInput, match="synthetic: the run is given twice; name two of them"):
        reports.side_by_side(run, open_run(tmp_path / "." / "synthetic"))


def test_runs_of_other_seeds_are_not_compared(tmp_path: Path) -> None:
    one = write_run(tmp_path, name="before", repetitions=1)
    other = write_run(tmp_path, name="after", repetitions=1, seed=8)
    with pytest.raises(BadInput, match="the seeds differ"):
        reports.between(one, other)


def test_a_regression_is_an_exit_code_and_a_line(tmp_path: Path) -> None:
    pair(tmp_path, mesh=Effect(availability=0.6))
    done = compared(tmp_path, "before", "after")
    assert done.returncode == 1
    assert done.stderr.startswith("goaround: error-burst, mesh: availability regressed: -")
    assert "not interleaved" in done.stdout
    # the other way round it is an improvement
    assert compared(tmp_path, "after", "before").returncode == 0


def test_a_run_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = compared(tmp_path, "before", "after")
    assert done.returncode == 2
    assert "no run 'before'" in done.stderr

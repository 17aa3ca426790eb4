"""What changed between two runs, with changes that were planted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import report as reports
from benchmarks.errors import BadInput
from benchmarks.report.changes import regressions
from benchmarks.results import Run
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

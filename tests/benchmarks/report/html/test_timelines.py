"""What is not good over time, by class."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.record import Record
from benchmarks.report.evidence import Group
from benchmarks.report.html.plot import PICTURES
from benchmarks.report.html.timelines import CLASSES, timelines
from benchmarks.results import Measured
from loadtests.rows import Outcome
from tests.benchmarks.synthetic import Effect, write_run


def drawn(cell: Measured, group: Group) -> list[str]:
    """The words of each bar, without its time."""
    picture = timelines([replace(group, valid=(cell,))])
    assert picture is not None
    titles = (title.text or "" for title in picture.iter("title"))
    return [title.split(" from")[0] for title in titles if " of " in title]


def test_every_row_that_is_not_good_is_of_one_class_and_none_is_left_out(tmp_path: Path) -> None:
    run = write_run(tmp_path, scenarios=("steady",), effects={"none": Effect()}, repetitions=1)
    (whole,) = run.measured()
    scenario = run.scenarios["steady"]
    first = whole.rows[0]
    wrong = [replace(first, frame_id=str(outcome), outcome=outcome) for outcome in Outcome]
    late = replace(first, frame_id="late", end=first.at + 1 + scenario.slo.latency_ms / 1000)
    false = replace(first, frame_id="false")
    assert whole.record.integrity is not None
    integrity = whole.record.integrity.model_copy(update={"false_frames": ("false",)})
    record: Record = whole.record.model_copy(update={"integrity": integrity})
    found = drawn(Measured(record, (*wrong, late, false)), Group(scenario, "none", (), ()))
    names = ("fallback", "rejected", "timeout", "error", "connection", "dropped", "false 200", "late")
    assert found == [f"{name}: 11% of 9" for name in names]


def test_every_class_has_a_colour_in_light_and_in_dark() -> None:
    style = PICTURES.read_text(encoding="utf-8")
    for name in CLASSES:
        assert style.count(f"--{name}: #") == 2
        assert f".error-{name} {{ fill: var(--{name}); background: var(--{name}); }}" in style

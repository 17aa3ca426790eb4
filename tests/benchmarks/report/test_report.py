"""Reports of runs whose effects were planted."""

from __future__ import annotations

import io
import json
import math
import re
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pytest
from rich.console import Console

from benchmarks import report as reports
from benchmarks.errors import BadInput
from benchmarks.plan import Cell
from benchmarks.report.table import Report, Table
from benchmarks.results import Run, open_run
from tests.benchmarks.synthetic import EFFECTS, Effect, save, write_run

ALL = ("steady", "error-burst", "bad-replica", "slow-replica", "crash")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two scenarios, three arms, five repetitions."""
    return write_run(
        tmp_path_factory.mktemp("run"), scenarios=("steady", "error-burst"), notes=("Times are compressed.",)
    )


@pytest.fixture(scope="module")
def shown(run: Run) -> Report:
    return reports.report(run)


def table(shown: Report, key: str) -> Table:
    return next(one for one in shown.tables if one.key == key)


def fields(shown: Report, key: str, scenario: str, second: str) -> dict[str, str]:
    """The row of a scenario whose second field (arm, or comparison) is `second`, as it is read."""
    found = table(shown, key)
    row = next(row for row in found.rows if row[0].text == scenario and row[1].text == second)
    return {column.key: value.text for column, value in zip(found.columns, row, strict=True)}


def warned(shown: Report) -> str:
    return "\n".join(f"{warning.what} -> {warning.do}" for warning in shown.warnings)


def printed(run: Run | tuple[Run, Run], form: str = "terminal") -> str:
    """What `write` puts on a console of 120 columns."""
    file = io.StringIO()
    reports.write(run, form, Console(file=file, width=120))
    return file.getvalue()


def test_the_first_sentence_says_what_was_compared(shown: Report) -> None:
    assert shown.summary[0] == (
        "One application, 3 arms (none, library (matched policies), mesh (matched policies)), 2 scenarios, "
        "5 repetitions: 30 of 30 cells are good, 0 tries void. 30 frames/s, seed 7, made 2026-01-02 on an abacus, "
        "Linux, 2 cores."
    )


def test_planted_effects_get_their_verdicts(shown: Report) -> None:
    found = {row[1].text: row[-1].text for row in table(shown, "verdicts").rows if row[0].text == "error-burst"}
    assert found == {"library vs none": "better", "mesh vs none": "better", "mesh vs library": "inconclusive"}
    assert fields(shown, "verdicts", "steady", "library vs none")["verdict"] == "equivalent"
    assert fields(shown, "verdicts", "steady", "mesh vs none")["verdict"] == "worse"


def test_a_change_that_is_not_decided_is_marked_as_benchstat_does(shown: Report) -> None:
    found = {row[-1].text: fields(shown, "verdicts", row[0].text, row[1].text) for row in table(shown, "verdicts").rows}
    assert found["inconclusive"]["change"].startswith("~ ")
    assert not found["better"]["change"].startswith("~")


def test_every_verdict_that_decides_is_a_sentence_of_the_summary(shown: Report) -> None:
    decided = [row for row in table(shown, "verdicts").rows if row[-1].text in ("better", "worse")]
    assert decided
    assert sum(" than " in line for line in shown.summary) == len(decided)


def test_availability_is_the_mean_of_the_repetitions_with_students_interval_of_it(run: Run, shown: Report) -> None:
    cells = [cell for cell in run.measured() if cell.record.cell.endswith("error-burst-none")]
    faulted = [[row.status == 200 for row in cell.rows if 3 <= row.at < 6] for cell in cells]
    shares = [sum(each) / len(each) for each in faulted]
    half = 2.776 * stdev(shares) / math.sqrt(5)  # Student's t with 4 degrees of freedom, 97.5 %
    found = fields(shown, "answers", "error-burst", "none")
    assert found["availability"] == f"{fmean(shares) * 100:.1f} %"
    low, high = (float(number) / 100 for number in re.findall(r"[\d.]+", found["interval"]))
    assert [low, high] == pytest.approx([fmean(shares) - half, fmean(shares) + half], abs=1e-3)


def test_repetitions_that_differ_have_a_wider_interval_than_their_arrivals_would(tmp_path: Path) -> None:
    run = write_run(tmp_path, effects={"none": Effect()}, only=lambda cell: False)
    for cell, kept in zip(run.plan, (0.49, 0.80, 0.55, 0.75, 0.61), strict=True):
        save(run, cell, Effect(availability=kept))
    found = fields(reports.report(run), "answers", "error-burst", "none")
    low, high = (float(number) for number in re.findall(r"[\d.]+", found["interval"]))
    # of 450 arrivals that were independent it would be some nine points
    assert high - low > 20


def test_repetitions_that_agree_are_known_no_better_than_their_arrivals_allow(tmp_path: Path) -> None:
    shown = reports.report(write_run(tmp_path, effects={"none": Effect(availability=1.0)}))
    low, high = (
        float(number) for number in re.findall(r"[\d.]+", fields(shown, "answers", "error-burst", "none")["interval"])
    )
    assert 98 < low < 100
    assert high == 100


def test_fewer_than_five_repetitions_are_shown_one_by_one(tmp_path: Path) -> None:
    shown = reports.report(write_run(tmp_path, effects={"none": Effect(availability=0.0)}, repetitions=4))
    assert fields(shown, "answers", "error-burst", "none")["interval"] == "0.0, 0.0, 0.0, 0.0"
    assert "low" not in table(shown, "answers").rows[0][2].figures


def test_goodput_is_never_above_availability(shown: Report) -> None:
    for row in table(shown, "answers").rows:
        by_key = dict(zip((c.key for c in table(shown, "answers").columns), row, strict=True))
        assert by_key["goodput"].figures["value"] <= by_key["availability"].figures["value"]  # type: ignore[operator] # both are shares


def test_policy_activity_is_summed_and_shows_that_the_control_did_nothing(shown: Report) -> None:
    assert fields(shown, "policies", "error-burst", "library")["retries"] == str(5 * 31)
    assert fields(shown, "policies", "error-burst", "mesh")["ejections"] == "5"
    assert fields(shown, "policies", "error-burst", "none")["retries"] == "0"


def test_costs_of_application_and_proxies_are_apart(shown: Report) -> None:
    mesh, none = (fields(shown, "cost", "steady", arm) for arm in ("mesh", "none"))
    assert (mesh["memory_app"], mesh["memory_proxy"], none["memory_proxy"]) == (
        "640 / 410",
        "1050 / 310",
        "0",
    )
    assert float(mesh["cpu_proxy"]) > 0 == float(none["cpu_proxy"])
    assert mesh["machine"] == "41.0 %"


def test_latency_says_how_many_answers_it_is_of(shown: Report) -> None:
    steady = fields(shown, "latency", "steady", "none")
    assert 15 < float(steady["p50"]) < 25
    assert int(steady["successes"]) > 500
    assert (steady["failure_p50"], steady["failures"]) == ("-", "0")


def test_a_percentile_of_too_few_answers_is_a_dash(tmp_path: Path) -> None:
    shown = reports.report(write_run(tmp_path, repetitions=1))
    found = fields(shown, "latency", "error-burst", "none")
    assert int(found["successes"]) < 100
    assert found["p99"] == "-"
    assert found["p90"] != "-"


def test_the_notes_of_the_run_are_shown(shown: Report) -> None:
    assert "Times are compressed." in shown.notes


def test_a_scenario_that_is_meant_to_fill_the_machine_is_marked_with_its_reason_and_how_often_it_did(
    tmp_path: Path,
) -> None:
    def filled(cell: Cell, record: dict[str, Any]) -> None:
        record["machine"]["fault"] = 0.95 if cell.arm == "mesh" else 0.5

    run = write_run(tmp_path, scenarios=("overload-step",), change=filled)
    made = reports.report(run)
    (said,) = [note for note in made.notes if "fill the machine" in note]
    assert "More than can be carried is the question" in said
    assert "Above 80% in 5 of 15 good cells" in said
    (row,) = table(made, "glance").rows
    assert row[1].text.endswith(", machine may be full")


def test_a_good_run_has_no_warning_but_what_it_could_not_decide(shown: Report) -> None:
    assert [warning.what for warning in shown.warnings] == ["1 of 6 comparisons are inconclusive"]


def test_four_pairs_are_shown_as_points_without_a_verdict(tmp_path: Path) -> None:
    shown = reports.report(write_run(tmp_path, repetitions=4))
    found = fields(shown, "verdicts", "error-burst", "mesh vs none")
    assert (found["verdict"], found["change"], found["n"]) == (
        "none (points)",
        "-",
        "4",
    )
    assert len(found["interval"].split()) == 4
    assert len(shown.summary) == 1
    assert "3 of 3 comparisons have fewer than 5 pairs" in warned(shown)


def test_good_cells_without_such_a_figure_are_not_called_void(tmp_path: Path) -> None:
    # a p99 needs a hundred answers, and so few succeed that there are not as many
    sparse = {arm: replace(effect, availability=0.2) for arm, effect in EFFECTS.items()}
    shown = reports.report(write_run(tmp_path, scenarios=("unequal-replicas",), effects=sparse))
    said = warned(shown)
    assert "3 of 3 comparisons have fewer than 5 pairs" in said
    assert "the cells are good, and some have no such figure" in said
    assert "void" not in said


def test_void_cells_are_counted_listed_with_reasons_and_not_used(tmp_path: Path) -> None:
    def spoil(cell: Cell, record: dict[str, Any]) -> None:
        if (cell.arm, cell.repetition) == ("mesh", 2):
            record["void"] = ["fault not proven to fire on image-analysis-1"]
            record["edges"]["collector->image-analysis"]["retries"] = 100_000

    shown = reports.report(write_run(tmp_path, change=spoil))
    answers = fields(shown, "answers", "error-burst", "mesh")
    assert (answers["n"], answers["void"]) == ("4", "1")
    assert fields(shown, "policies", "error-burst", "mesh")["retries"] == str(4 * 28)
    assert fields(shown, "verdicts", "error-burst", "mesh vs none")["verdict"] == "none (points)"
    (void,) = table(shown, "voids").rows
    assert [value.text for value in void] == [
        "r2-error-burst-mesh", "1", "fault not proven to fire on image-analysis-1",
    ]  # fmt: skip
    assert "1 of 15 cells have no good try (1 void try) -> `goaround bench --resume synthetic`" in warned(shown)


def test_cells_that_were_not_run_yet_are_not_called_void(tmp_path: Path) -> None:
    said = warned(reports.report(write_run(tmp_path, only=lambda cell: cell.repetition <= 3)))
    assert "6 of 15 cells have no good try (0 void tries, 6 not run yet) -> " in said
    assert "cells that were not run yet are why" in said
    assert "table of void cells" not in said
    assert "void cells" not in said


def test_void_cells_and_cells_that_were_not_run_yet_are_counted_apart(tmp_path: Path) -> None:
    def spoil(cell: Cell, record: dict[str, Any]) -> None:
        record["void"] = ["machine busy"] if (cell.arm, cell.repetition) == ("mesh", 1) else []

    said = warned(reports.report(write_run(tmp_path, change=spoil, only=lambda cell: cell.repetition <= 4)))
    assert "4 of 15 cells have no good try (1 void try, 3 not run yet) -> " in said
    assert "runs what is missing; the table of void cells has the reasons" in said
    assert "void cells and cells that were not run yet are why" in said


def test_the_notes_say_nothing_of_an_interval_that_no_table_has(shown: Report) -> None:
    assert "takes arrivals as independent" not in " ".join(shown.notes)


def test_a_run_in_which_every_cell_is_void_still_has_a_report(tmp_path: Path) -> None:
    def spoil(cell: Cell, record: dict[str, Any]) -> None:
        record["void"] = ["machine busy"]

    run = write_run(tmp_path, repetitions=1, change=spoil)
    assert "0 of 3 cells are good, 3 tries void" in printed(run).replace("\n", " ").replace("  ", " ")


def test_a_run_without_any_cell_yet_has_a_report(tmp_path: Path) -> None:
    text = printed(write_run(tmp_path, only=lambda cell: False))
    assert "15 of 15 cells have no good try" in text


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("machine", "steady"), 0.71, "the machine was 71.0 % busy in a steady phase"),
        (("generator", "dropped"), 3, "3 arrivals were dropped by the generator"),
        (("fault", "fired"), {"image-analysis-0": 0}, "the application met the fault in 4 of 5 repetitions"),
        (
            ("fault", "cut_short"),
            {"image-analysis-0": 1.5, "image-analysis-1": 2.0},
            "in 1 of 5 repetitions a victim's process was ended and started again, and the fault on it was over, "
            "after 1.5 s of 3 s (median)",
        ),
        (("integrity", "false_acks"), 2, "2 frames acknowledged and not stored"),
        (("integrity", "duplicated"), 1, "1 frame stored more than once"),
    ],
)
def test_what_limits_the_figures_is_warned_of(tmp_path: Path, path: tuple[str, str], value: object, said: str) -> None:
    def spoil(cell: Cell, record: dict[str, Any]) -> None:
        if (cell.arm, cell.repetition) == ("mesh", 1):
            record[path[0]][path[1]] = value

    assert f"error-burst, mesh: {said}" in warned(reports.report(write_run(tmp_path, change=spoil)))


def test_an_arm_whose_policies_never_acted_is_warned_of(tmp_path: Path) -> None:
    shown = reports.report(write_run(tmp_path, effects={**EFFECTS, "mesh": Effect(availability=0.7)}))
    assert "error-burst, mesh: no policy acted" in warned(shown)
    assert "library: no policy acted" not in warned(shown)
    assert "none: no policy acted" not in warned(shown)


def test_a_changed_file_is_warned_of(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    record = run.folder / "cells" / "r1-error-burst-mesh.json"
    record.write_text(record.read_text().replace('"ejections": 1', '"ejections": 9'))
    assert "its checksum differs -> do not cite this run" in warned(reports.report(run))


def test_the_report_is_made_from_the_files_alone_and_is_always_the_same(run: Run) -> None:
    assert printed(open_run(run.folder)) == printed(run)


def test_no_line_on_a_terminal_is_wider_than_120_columns_and_no_figure_is_broken(tmp_path: Path) -> None:
    arms = {**EFFECTS, "sidecar": Effect(availability=0.7, proxy_cpu_s=1.0)}
    text = printed(write_run(tmp_path, scenarios=ALL, effects=arms))
    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) <= 120
    assert text.count("[") == sum(line.count("[") for line in text.splitlines() if line.count("[") == line.count("]"))


def test_markdown_tables_have_as_many_fields_as_columns(run: Run) -> None:
    lines = printed(run, "markdown").splitlines()
    tables = "\n".join(lines).split("\n\n")
    blocks = [block.splitlines() for block in tables if block.startswith("|")]
    assert len(blocks) == 11
    for block in blocks:
        assert len({line.count(" | ") for line in block}) == 1
    assert not any(line.endswith(" ") for line in lines)


def test_json_has_every_figure_unrounded_under_its_columns_name(run: Run) -> None:
    document = json.loads(printed(run, "json"))
    assert document["schema"] == 1
    row = next(
        r
        for r in document["tables"]["verdicts"]
        if r["compared"]["text"] == "mesh vs none" and r["scenario"]["text"] == "error-burst"
    )
    assert row["interval"]["low"] < row["change"]["value"] < row["interval"]["high"]
    assert row["p"]["value"] < 0.05
    assert row["verdict"] == {"text": "better"}
    assert document["warnings"][0].keys() == {"what", "do"}


def test_an_unknown_format_is_answered_with_the_choices(run: Run) -> None:
    with pytest.raises(BadInput, match="no format 'pdf'; choose one of: terminal, markdown, html, svg, csv, json"):
        reports.write(run, "pdf")


def alone(into: Path, arm: str, **options: Any) -> Run:
    """A run of one arm, as `make bench-mode-ARM` makes it."""
    return write_run(into, name=f"run-{arm}", effects={arm: EFFECTS[arm]}, **options)


def test_two_runs_made_apart_stand_side_by_side_without_a_verdict(tmp_path: Path) -> None:
    pair = alone(tmp_path, "library"), alone(tmp_path, "mesh")
    shown = reports.side_by_side(*pair)
    assert shown.title == (
        "run-library and run-mesh: two separate runs, not interleaved: no verdict; `make bench` gives one"
    )
    assert not any(one.key == "verdicts" for one in shown.tables)
    assert [row[1].text for row in table(shown, "answers").rows] == ["library", "mesh"]
    assert not re.search("better|worse|equivalent", printed(pair))


def test_two_runs_of_the_same_arm_are_told_apart_by_their_names(tmp_path: Path) -> None:
    one = alone(tmp_path, "mesh")
    other = write_run(tmp_path, name="again", effects={"mesh": EFFECTS["mesh"]})
    shown = reports.side_by_side(one, other)
    assert [row[1].text for row in table(shown, "answers").rows] == ["mesh (run-mesh)", "mesh (again)"]


def test_runs_that_differ_are_refused_with_all_that_differs(tmp_path: Path) -> None:
    one = alone(tmp_path, "library", scenarios=("steady", "crash"), repetitions=1)
    two = alone(tmp_path, "mesh", scenarios=("crash", "slow-replica"), repetitions=1, seed=8)
    with pytest.raises(BadInput) as caught:
        reports.side_by_side(one, two)
    assert [problem.split("side by side: ")[1] for problem in caught.value.problems] == [
        "the seeds differ: 7 in run-library, 8 in run-mesh",
        "only run-library has the scenarios steady",
        "only run-mesh has the scenarios slow-replica",
    ]


def test_a_scenario_that_was_changed_between_two_runs_is_refused_with_the_field(tmp_path: Path) -> None:
    one, two = alone(tmp_path, "library", repetitions=1), alone(tmp_path, "mesh", repetitions=1)
    header = two.folder / "run.json"
    header.write_text(header.read_text().replace('"latency_ms": 200.0', '"latency_ms": 100.0'))
    with pytest.raises(BadInput, match="the scenario error-burst differs in slo"):
        reports.side_by_side(one, open_run(two.folder))


def test_no_figure_is_shown_without_the_cells_voids_and_drops_behind_it(tmp_path: Path) -> None:
    def spoil(cell: Cell, record: dict[str, Any]) -> None:
        record["void"] = ["machine busy"] if (cell.arm, cell.repetition) == ("mesh", 1) else []
        record["generator"]["dropped"] = 2 if (cell.arm, cell.repetition) == ("mesh", 2) else 0

    shown = reports.report(write_run(tmp_path, change=spoil))
    for key in ("latency", "times", "correctness", "cost", "policies"):
        assert fields(shown, key, "error-burst", "mesh")["cells"] == "4/1/2"
        assert fields(shown, key, "error-burst", "none")["cells"] == "5/0/0"
    assert fields(shown, "verdicts", "error-burst", "mesh vs none")["cells"] == "9/1/2"
    assert table(shown, "glance").rows[0][-1].text == "14/1/2"

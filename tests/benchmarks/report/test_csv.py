from __future__ import annotations

import csv
import io

from benchmarks.report.csv import COLUMNS, render
from benchmarks.report.table import Column, Report, figure, table, word


def test_every_figure_is_a_line_under_the_names_of_its_table_and_column() -> None:
    columns = [Column("arm", "arm", "left"), Column("share", "share")]
    shown = table(
        "answers", "Answers", "About.", columns, [("steady", [word("mesh"), figure("70 %", 0.7, low=0.6, n=None)])]
    )
    lines = list(csv.reader(io.StringIO(render(Report("t", (), (shown,), (), ())))))
    assert lines == [
        list(COLUMNS),
        ["answers", "steady", "1", "arm", "text", "mesh"],
        ["answers", "steady", "1", "share", "value", "0.7"],
        ["answers", "steady", "1", "share", "low", "0.6"],
        ["answers", "steady", "1", "share", "n", ""],
    ]


def test_what_a_spreadsheet_would_compute_is_text() -> None:
    shown = table("t", "T", "A.", [Column("arm", "arm")], [("=1+1", [word("@SUM(A1)")])])
    assert render(Report("t", (), (shown,), (), ())).splitlines()[1] == "t,'=1+1,1,arm,text,'@SUM(A1)"

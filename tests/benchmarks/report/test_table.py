"""Tables as data."""

from __future__ import annotations

import pytest

from benchmarks.report.table import Column, Report, table, word


def test_a_report_refuses_two_tables_of_one_key() -> None:
    one, other = (table("answers", title, "A.", [Column("arm", "arm")], [("s", [word("x")])]) for title in ("A", "B"))
    with pytest.raises(ValueError, match="several tables of a report have the key answers"):
        Report("t", (), (one, other), (), ())

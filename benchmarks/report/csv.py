"""The report for spreadsheets: one line for each figure, unrounded, so that every table fits into one file."""

from __future__ import annotations

import csv
import io

from benchmarks.report.table import Report

COLUMNS = ("table", "scenario", "row", "column", "figure", "value")


def render(report: Report) -> str:
    """Lines of table, scenario, row number (from 1), column, figure ("value", "low", "high", "n", "p", "text"), value.

    What is not known is empty. Words that a spreadsheet would take for a formula get an apostrophe in front.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for table in report.tables:
        for number, (row, group) in enumerate(zip(table.rows, table.groups, strict=True), 1):
            for column, field in zip(table.columns, row, strict=True):
                for figure, value in field.figures.items():
                    writer.writerow([table.key, _safe(group), number, _safe(column.key), figure, _safe(value)])
    return text.getvalue()


def _safe(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value

"""The report for programs: every figure unrounded, under the names of its columns."""

from __future__ import annotations

import json
from dataclasses import asdict

from benchmarks.report.table import Report, Table

SCHEMA = 1


def render(report: Report) -> str:
    """One JSON object: {"schema", "title", "summary", "tables": {key: [row]}, "notes", "warnings": [{"what", "do"}]}.

    A row is {column: figures}; figures are {"value"} and what qualifies it ("low", "high", "n", "p", "pss",
    "point_1"...), or {"text"} where the field is a word. What is not known is null.
    """
    document = {
        "schema": SCHEMA,
        "title": report.title,
        "summary": report.summary,
        "tables": {table.key: _rows(table) for table in report.tables},
        "notes": report.notes,
        "warnings": [asdict(warning) for warning in report.warnings],
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _rows(table: Table) -> list[dict[str, object]]:
    return [
        {column.key: dict(value.figures) for column, value in zip(table.columns, row, strict=True)}
        for row in table.rows
    ]

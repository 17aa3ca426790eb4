"""The report in Markdown, ready for a README."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.report.table import Report, Table, Value


def render(report: Report) -> str:
    """The whole report as one text that ends with a newline."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"## {report.title}"
    yield from ("", report.summary[0], "")
    yield from (f"- {finding}" for finding in report.summary[1:])
    for table in report.tables:
        yield from ("", f"### {table.title}", "", table.about, "")
        yield from _table(table)
    if report.notes:
        yield from ("", "### Notes", "")
        yield from (f"- {note}" for note in report.notes)
    if report.warnings:
        yield from ("", "### Warnings", "")
        yield from (f"- **{warning.what}.** {warning.do[0].upper()}{warning.do[1:]}." for warning in report.warnings)


def _table(table: Table) -> Iterator[str]:
    yield _row(column.title for column in table.columns)
    yield _row("---" if column.align == "left" else "---:" for column in table.columns)
    for row in table.rows:
        yield _row(_field(value) for value in row)


def _row(fields: Iterator[str]) -> str:
    return f"| {' | '.join(fields)} |"


def _field(value: Value) -> str:
    # a bar would end the field, `->` is an arrow on a page too
    text = value.text.replace("|", "\\|")
    return f"**{text}**" if value.tone in ("good", "bad") else text

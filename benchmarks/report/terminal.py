"""The report on a terminal: readable at 120 columns, in colour where there is colour."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from benchmarks.report.table import Report, Table, Tone

STYLES: dict[Tone, str] = {"plain": "", "good": "bold green", "bad": "bold red", "doubt": "yellow", "quiet": "dim"}


def render(report: Report, console: Console) -> None:
    """Print the report."""
    console.print()
    console.print(Text(report.title, style="bold"))
    console.print(Text(report.summary[0]))
    for finding in report.summary[1:]:
        console.print(Padding(Text(f"- {finding}"), (0, 0, 0, 1)))
    for table in report.tables:
        console.print()
        console.print(Text(table.title, style="bold cyan"))
        console.print(Text(table.about, style="dim"))
        console.print(_table(table))
    if report.notes:
        console.print()
        console.print(Text("Notes", style="bold cyan"))
        for note in report.notes:
            console.print(Padding(Text(f"- {note}"), (0, 0, 0, 1)))
    for warning in report.warnings:
        console.print()
        console.print(Text.assemble(("Warning: ", "bold yellow"), warning.what, "."))
        console.print(Padding(Text.assemble(("-> ", "bold"), warning.do), (0, 0, 0, 2)))


def _table(table: Table) -> RichTable:
    shown = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in table.columns:
        # figures are never broken; their headings are, at the comma
        figures = column.align == "right"
        heading = column.title.replace(", ", ",\n") if figures else column.title
        shown.add_column(heading, justify=column.align, overflow="ellipsis" if figures else "fold", no_wrap=figures)
    for at, row in enumerate(table.rows):
        first = at == 0 or table.groups[at - 1] != table.groups[at]
        last = at + 1 == len(table.rows) or table.groups[at + 1] != table.groups[at]
        fields = [Text(value.text, style=STYLES[value.tone]) for value in row]
        if not first and table.columns[0].key == "scenario":
            fields[0] = Text("")
        shown.add_row(*fields, end_section=last and _several_rows_a_group(table))
    return shown


def _several_rows_a_group(table: Table) -> bool:
    return len(set(table.groups)) < len(table.groups)

"""Reports, from the raw files of a run alone: the tables as data, then one file per format."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Literal, get_args

from rich.console import Console

from benchmarks.errors import BadInput
from benchmarks.report import (
    advice,
    changes,
    course,
    csv,
    html,
    json,
    markdown,
    noise,
    outcomes,
    proof,
    prose,
    svg,
    sweeps,
    terminal,
    times,
)
from benchmarks.report.evidence import Evidence, comparisons, evidence, evidence_side_by_side
from benchmarks.report.table import Report
from benchmarks.results import Run
from benchmarks.storage import write_whole
from benchmarks.verdict import Comparison

Format = Literal["terminal", "markdown", "html", "svg", "csv", "json"]
FORMATS: tuple[str, ...] = get_args(Format)
SAVED = {"html": "report.html", "markdown": "report.md", "json": "report.json"}
"""What `save` writes: format -> file."""


def report(run: Run) -> Report:
    """Everything that a run shows so far; may be called while it is still being filled. Raises BadInput."""
    found = evidence(run)
    return _report(found, comparisons(found))


def side_by_side(first: Run, second: Run) -> Report:
    """Two runs made apart, without verdicts; what changed in the arms that both have is a table of its own.

    Raises BadInput when their seeds or scenarios differ, saying which.
    """
    found = evidence_side_by_side(first, second)
    return _between(first, second, found, comparisons(found))


def between(before: Run, after: Run) -> list[Comparison]:
    """What changed in each arm that both runs have. Raises BadInput as `side_by_side` does."""
    evidence_side_by_side(before, after)
    return changes.changes(evidence(before), evidence(after))


def write(what: Run | tuple[Run, Run], form: str = "terminal", console: Console | None = None) -> None:
    """Print the report of a run, or of two side by side, on the console (default: standard output).

    Raises BadInput: a format that does not exist, files that cannot be read, two runs that cannot be compared.
    """
    if form not in FORMATS:
        raise BadInput([f"no format {form!r}; choose one of: {', '.join(FORMATS)}"])
    if isinstance(what, tuple):
        found = evidence_side_by_side(*what)
        compared = comparisons(found)
        shown = _between(*what, found, compared)
    else:
        found = evidence(what)
        compared = comparisons(found)
        shown = _report(found, compared)
    if form == "terminal":
        terminal.render(shown, console or Console())
    else:
        (console.file if console else sys.stdout).write(_text(form, shown, found, compared))


def save(run: Run) -> None:
    """Write the report beside the raw files, from which it can be made again, in SAVED's forms. Raises CannotWrite."""
    found = evidence(run)
    compared = comparisons(found)
    shown = _report(found, compared)
    for form, name in SAVED.items():
        write_whole(run.folder / name, _text(form, shown, found, compared).encode())


def _text(form: str, shown: Report, found: Evidence, compared: list[Comparison]) -> str:
    if form == "html":
        return html.render(shown, found, compared)
    if form == "svg":
        return svg.render(compared)
    if form == "markdown":
        return markdown.render(shown)
    return csv.render(shown) if form == "csv" else json.render(shown)


def _report(found: Evidence, compared: list[Comparison]) -> Report:
    tables = [
        outcomes.glance(found),
        advice.advice(found, compared),
        outcomes.answers(found),
        outcomes.latency(found),
        course.course(found),
        course.changed(found),
        times.times(found),
        outcomes.correctness(found),
        course.amplified(found),
        proof.costs(found),
        *([proof.verdicts(compared, found)] if compared else []),
        noise.floor(found),
        *([sweeps.curves(seen), sweeps.flips(seen)] if (seen := sweeps.spots(found, compared)) else []),
        proof.policies(found),
        *([proof.voids(found)] if found.void else []),
    ]
    return Report(
        title=prose.title(found),
        summary=tuple(prose.summary(found, compared)),
        tables=tuple(table for table in tables if table.rows),
        notes=tuple(prose.notes(found)),
        warnings=tuple(prose.warnings(found, compared)),
    )


def _between(first: Run, second: Run, found: Evidence, compared: list[Comparison]) -> Report:
    """The report on both, opened by what changed in the arms that both have."""
    before, after = evidence(first), evidence(second)
    altered = changes.changes(before, after)
    shown = _report(found, compared)
    if not altered:
        return shown
    return replace(
        shown,
        tables=(changes.changed(altered, *(header.name for header in found.headers)), *shown.tables),
        warnings=(*changes.cautions(altered, before, after), *shown.warnings),
    )

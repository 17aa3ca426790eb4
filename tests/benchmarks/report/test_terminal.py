"""The report on a terminal: names stay readable and figures whole, however many columns there are."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.report import terminal
from benchmarks.report.table import Column, Report, figure, table, word
from tests.benchmarks.report.test_report import printed
from tests.benchmarks.synthetic import EFFECTS, write_run

ARMS = ("none", "library", "library-endpoints", "sidecar", "mesh")
FIVE = {name: EFFECTS.get(name, EFFECTS["none"]) for name in ARMS}


NAMES = (Column("scenario", "scenario", "left"), Column("edge", "edge", "left"))


def drawn(figures: dict[str, str], *, width: int, edge: str = "collector->image-analysis") -> list[str]:
    """The lines of a table of one row with these figures under their headings."""
    row = [word("crash"), word(edge), *(figure(text, text) for text in figures.values())]
    columns = [*NAMES, *(Column(title, title) for title in figures)]
    file = io.StringIO()
    shown = Report("run", ("one",), (table("t", "Title", "About.", columns, [("crash", row)]),), (), ())
    terminal.render(shown, Console(file=file, width=width))
    return file.getvalue().partition("About.")[2].strip("\n").splitlines()


@pytest.mark.parametrize("key", ["Answers", "Cost", "Verdicts", "At a glance", "Latency"])
def test_at_120_columns_no_figure_and_no_name_of_five_arms_is_cut(tmp_path: Path, key: str) -> None:
    run = write_run(tmp_path, scenarios=("steady", "dependency-down"), effects=FIVE)
    (part,) = [part for part in printed(run).split("\n\n") if part.startswith(f"{key}\n")]
    words = {word for line in part.splitlines() for word in line.split()}
    assert not [word for word in words if "\u2026" in word]
    assert max(map(len, part.splitlines())) <= 120
    assert {"library-", "endpoints"} <= words or "library-endpoints" in words


def test_names_and_headings_are_whole_where_there_is_room() -> None:
    lines = drawn({"CPU-s app": "1.0", "of it": "2.0"}, width=120)
    assert "CPU-s app" in lines[1]
    assert any("collector->image-analysis" in line for line in lines)


def test_a_name_is_broken_behind_what_joins_it_where_room_is_short() -> None:
    lines = drawn({"CPU-s app": "1.0"}, width=42)
    assert any(line.split() == ["crash", "collector->", "1.0"] for line in lines)
    assert any(line.strip() == "image-analysis" for line in lines)


def test_a_heading_is_broken_at_its_spaces_before_a_figure_is_cut_but_for_a_unit() -> None:
    lines = drawn({"95 % interval": "1.0", "CPU-s app": "2.0"}, width=50)
    assert [line.split() for line in lines[1:3]] == [["95", "%", "CPU-s"], ["scenario", "edge", "interval", "app"]]


def test_columns_of_nothing_are_named_below_instead_where_room_is_short() -> None:
    figures = {"retries": "12", "timeouts": "0", "ejections": "-", "opens": "1"}
    short = "\n".join(drawn(figures, width=50))
    assert "Nothing but 0 or -: timeouts, ejections." in short
    assert "opens" in short
    assert "Nothing but 0" not in "\n".join(drawn(figures, width=120))


def test_a_table_that_is_too_wide_all_the_same_goes_on_below_with_its_names() -> None:
    figures = {f"column-{n}": f"{n}00000" for n in range(1, 9)}
    lines = drawn(figures, width=60)
    assert all(any(text in line.split() for line in lines) for text in [*figures, *figures.values()])
    assert len([line for line in lines if line.split()[:2] == ["crash", "collector->"]]) == 3
    assert max(map(len, lines)) <= 60


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("library-endpoints", ["library-", "endpoints"]),
        ("library-endpoints vs none", ["library-", "endpoints vs", "none"]),
        ("-> image-analysis", ["-> image-", "analysis"]),
        ("mesh@retries.attempts=3,delay=0.25", ["mesh@retries.", "attempts=3,", "delay=0.25"]),
        ("none", ["none"]),
    ],
)
def test_names_are_broken_only_where_they_are_joined(name: str, lines: list[str]) -> None:
    shown = [line.split("   ", 1)[-1].strip() for line in drawn({"n": "1"}, width=33, edge=name)[3:]]
    assert [line.split("  ")[0].strip() for line in shown][: len(lines)] == lines

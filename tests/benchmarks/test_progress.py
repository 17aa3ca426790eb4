"""What is shown while a bench runs: lines in a log, a table that fills on a terminal."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from benchmarks.plan import Cell
from benchmarks.progress import Screen, reporter

CELL = Cell("steady", "none", 1, 7)


def test_a_log_has_one_line_for_each_cell() -> None:
    out = StringIO()
    with reporter(Console(file=out, width=120), ["steady"], ["none"], total=2, done=0) as shown:
        shown.begin(CELL)
        shown.tick({"sent": 3, "done": 2, "ok": 2})
        shown.end(CELL, 0.984, [])
        shown.end(CELL, None, ["machine busy"])
    assert out.getvalue().splitlines() == [
        "[1/2] r1-steady-none: goodput 98.4%",
        "[2/2] r1-steady-none: VOID: machine busy",
    ]


def test_a_cell_that_runs_again_makes_the_plan_longer() -> None:
    out = StringIO()
    with reporter(Console(file=out, width=120), ["steady"], ["none"], total=1, done=0) as shown:
        shown.end(CELL, None, ["late"])
        shown.again(CELL)
        shown.end(CELL, 1.0, [])
    assert out.getvalue().splitlines()[-1] == "[2/2] r1-steady-none: goodput 100.0%"


def test_text_from_elsewhere_is_no_markup() -> None:
    out = StringIO()
    with reporter(Console(file=out, width=120), [], [], total=1, done=0) as shown:
        shown.say("proxy said [warning] and [/bold]")
    assert out.getvalue() == "proxy said [warning] and [/bold]\n"


def test_a_terminal_shows_the_mean_of_each_arm_and_what_was_void() -> None:
    out = StringIO()
    with reporter(Console(file=out, width=120, force_terminal=True), ["steady"], ["none", "mesh"], 4, 0) as shown:
        assert isinstance(shown, Screen)
        shown.end(CELL, 0.5, [])
        shown.end(CELL, 1.0, [])
        shown.end(Cell("steady", "mesh", 1, 7), None, ["late"])
        screen = Console(width=120)
        with screen.capture() as captured:
            screen.print(shown.render())
    assert "75.0% (n=2)" in captured.get()
    assert "- 1 void" in captured.get()

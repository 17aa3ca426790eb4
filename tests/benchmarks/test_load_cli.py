"""`goaround load`: what became of every frame, and how well the load was generated."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import sleep

import pytest
from rich.console import Console

from benchmarks.load_cli import account, outcomes_table
from loadtests.audit import Audit
from loadtests.rows import Outcome, Row, read_rows

GOAROUND = Path(sys.executable).with_name("goaround")
AUDIT = Audit(120, 119, 1, 0.7, 3.1, 0.2, hidden_retries_off=True, interrupted=False)


def row(index: int, outcome: Outcome, latency_s: float | None) -> Row:
    end = None if latency_s is None else index + latency_s
    return Row(index, float(index), None if end is None else index + 0.001, end, "a:1", str(index), 200, outcome)


def lines(rows: list[Row]) -> list[list[str]]:
    text = io.StringIO()
    Console(file=text, width=120).print(outcomes_table(rows, "a world"))
    return [line.split() for line in text.getvalue().splitlines()]


def test_latencies_are_exact_and_counted_from_the_intended_time_by_outcome() -> None:
    rows = [row(n, Outcome.SUCCESS, (n + 1) / 1000) for n in range(100)] + [row(100, Outcome.TIMEOUT, 5.0)]
    shown = lines(rows)
    assert ["success", "100", "99.0%", "50.0", "90.0", "99.0", "100.0"] in shown
    assert ["timeout", "1", "1.0%", "-", "-", "-", "5000.0"] in shown


def test_drops_are_shown_beside_the_latencies_even_when_there_are_none() -> None:
    assert ["dropped", "0", "0.0%", "-", "-", "-", "-"] in lines([row(0, Outcome.SUCCESS, 0.01)])
    assert ["dropped", "1", "100.0%", "-", "-", "-", "-"] in lines([row(0, Outcome.DROPPED, None)])


def test_the_account_says_what_makes_a_latency_worth_less() -> None:
    said = account(AUDIT)
    assert "119 of 120 sent, 1 dropped" in said
    assert "dropped: more frames were in flight" in said
    assert "generator late" not in said
    assert "generator late" in account(Audit(1, 1, 0, 9.0, 11.0, 0.1, hidden_retries_off=True, interrupted=False))


@pytest.fixture(scope="module")
def world() -> Iterator[str]:
    name = f"load-{os.getpid()}"
    subprocess.run([str(GOAROUND), "up", "--mode", "none", "--name", name], check=True, capture_output=True)  # noqa: S603
    yield name
    subprocess.run([str(GOAROUND), "down", "--name", name], check=True, capture_output=True)  # noqa: S603


def loading(world: str, *arguments: str | Path) -> subprocess.Popen[str]:
    command = [str(GOAROUND), "load", "--name", world, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603


def test_a_running_world_can_be_loaded_again_with_the_same_seed(world: str, tmp_path: Path) -> None:
    kept = []
    for n in range(2):
        process = loading(world, "--duration", "1", "--rows", tmp_path / f"{n}.csv.gz")
        said, wrong = process.communicate(timeout=60)
        assert process.returncode == 0, wrong
        rows = read_rows(tmp_path / f"{n}.csv.gz")
        assert f"{len(rows)} of {len(rows)} sent, 0 dropped" in said
        kept.append(rows)
    first, second = ([(each.at, each.entry) for each in rows] for rows in kept)
    assert first == second
    assert not {each.frame_id for each in kept[0]} & {each.frame_id for each in kept[1]}
    assert {each.outcome for rows in kept for each in rows} == {Outcome.SUCCESS}


def test_a_load_that_is_interrupted_shows_what_was_sent_and_leaves_nothing_running(world: str, tmp_path: Path) -> None:
    process = loading(world, "--duration", "600", "--rate", "50", "--rows", tmp_path / "rows")
    stat = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    generator = ""
    part = tmp_path / ".rows.part"  # there from the moment that the run is accepted
    while not part.exists() and process.poll() is None:
        generator = stat.read_text().strip()
        sleep(0.01)
    process.send_signal(signal.SIGINT)
    said, wrong = process.communicate(timeout=30)
    assert process.returncode == 130, wrong
    assert "interrupted" in said
    assert len(read_rows(tmp_path / "rows")) < 600
    assert not Path(f"/proc/{generator}").exists()


def test_no_frame_is_dropped_while_nothing_is_answered(world: str) -> None:
    hang = [str(GOAROUND), "fault", "inject", "hang", "collector", "--replicas", "all", "--ttl", "60", "--name", world]
    subprocess.run(hang, check=True, capture_output=True)  # noqa: S603
    try:
        process = loading(world, "--duration", "3", "--rate", "100", "--pattern", "constant")
        said, wrong = process.communicate(timeout=60)
    finally:
        clear = [str(GOAROUND), "fault", "clear", "--name", world]
        subprocess.run(clear, check=True, capture_output=True)  # noqa: S603
    assert process.returncode == 0, wrong
    assert "300 of 300 sent, 0 dropped" in said


def test_what_is_wrong_with_a_load_is_told_at_once(world: str) -> None:
    process = loading(world, "--rate", "0", "--pattern", "bursts", "--seed", "-1")
    _, wrong = process.communicate(timeout=30)
    assert process.returncode == 2
    assert [line.split(":")[1].strip() for line in wrong.splitlines()] == ["pattern", "rate", "seed"]
    assert json.dumps("bursts") in wrong


def headless(world: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    locustfile = Path(__file__).parents[2] / "loadtests" / "locustfile.py"
    command = [sys.executable, "-m", "locust", "-f", str(locustfile), "--headless", "--only-summary", "--world", world]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603


def test_plain_locust_finds_a_running_world_by_its_name(world: str, tmp_path: Path) -> None:
    done = headless(world, "-t", "1s", "--entry", "collector-1", "--mode", "none", "--rows", str(tmp_path / "rows"))
    assert done.returncode == 0, done.stderr
    rows = read_rows(tmp_path / "rows")
    assert {row.outcome for row in rows} == {Outcome.SUCCESS}
    assert len({row.entry for row in rows}) == 1


def test_plain_locust_refuses_a_world_that_is_not_as_it_was_asked_for(world: str) -> None:
    for arguments, reason in (
        (("--mode", "mesh"), f"mode: world '{world}' runs in mode 'none', not 'mesh'"),
        (("--entry", "collector-7"), "entry: no ready collector 'collector-7'; choose from: all, collector-0"),
        (("--scenario", "steady"), "scenario: 'steady' comes with a fault"),
    ):
        done = headless(world, *arguments)
        assert done.returncode == 2
        assert reason in done.stderr
    done = headless("gone")
    assert done.returncode == 2
    assert "no world 'gone' answers; there are: " in done.stderr

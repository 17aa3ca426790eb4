"""Logs that are bounded while somebody writes to them, and searched for calls."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from k8s.local import logs


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "alerts-0" / "app.log"
    path.parent.mkdir()
    return path


def test_a_log_that_is_too_long_is_put_aside_and_who_holds_it_open_goes_on_in_the_emptied_one(log: Path) -> None:
    with log.open("a") as writer:
        writer.write("old\n" * 3)
        writer.flush()
        assert logs.put_aside(log, limit=10)
        writer.write("new\n")
    assert (log.read_text(), log.with_name("app.log.1").read_text()) == ("new\n", "old\n" * 3)


def test_no_more_than_two_files_of_a_log_are_there(log: Path) -> None:
    for text in ("first", "second", "third"):
        log.write_text(text)
        assert logs.put_aside(log, limit=4)
    assert {path.name: path.read_text() for path in log.parent.iterdir()} == {"app.log": "", "app.log.1": "third"}


def test_a_log_within_the_limit_is_left_alone_and_one_that_is_gone_is_no_error(log: Path) -> None:
    log.write_text("1234")
    assert not logs.put_aside(log, limit=4)
    assert not logs.put_aside(log.with_name("proxy.log"), limit=4)
    assert [path.name for path in log.parent.iterdir()] == ["app.log"]


def test_what_was_put_aside_is_searched_too_and_other_files_are_not(log: Path, tmp_path: Path) -> None:
    for name in ("app.log", "app.log.1", "proxy.log", "app.log.12", "other.log"):
        log.with_name(name).touch()
    assert [path.name for path in logs.of_pods(tmp_path)] == ["app.log", "app.log.1", "proxy.log"]
    assert [path.name for path in logs.of_pods(tmp_path, ["proxy.log"])] == ["proxy.log"]


def test_calls_are_found_by_request_and_time_and_what_is_none_is_passed_over(log: Path) -> None:
    records = [
        {"request_id": "f-1", "time": "2026-01-31T12:00:00Z"},
        {"request_id": "f-1", "time": "2026-01-31T12:00:05Z"},
        {"request_id": "f-2", "time": "2026-01-31T12:00:05Z"},
        {"request_id": "f-1"},
    ]
    lines = [*map(json.dumps, records), 'WARNING "f-1"', '{"request_id": "f-1", "ti', "[]"]
    log.write_text("\n".join(lines))
    since = 1769860801.0  # a second after noon of that day
    assert list(logs.calls([log], {"f-1"}, since)) == [records[1]]

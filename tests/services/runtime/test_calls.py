"""What a pod holds of the calls that it made and served, and tells when it is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.momentum.application import build as momentum
from services.runtime import context
from services.runtime.calls import CallLog, KeptCalls
from services.runtime.settings import Settings
from tests.services.scripted import serving, settings_of

SETTINGS = Settings(service_name="collector", pod_name="collector-0")


def write(log: CallLog, request_id: str, status: int = 200, started: float = 0.0) -> None:
    where = context.enter({"x-request-id": request_id})
    log.write(
        "attempt", where, started, peer="alerts", method="POST", path="/", status=status, flag=None, attempt=1
    )  # fmt: skip


def test_the_calls_of_the_requests_asked_for_are_told_as_a_line_would_be_and_none_is_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept = KeptCalls(SETTINGS, clock=lambda: 1.5)
    lines: list[str] = []
    written = CallLog(SETTINGS, lines.append, clock=lambda: 1.5)
    for log in (kept, written):
        write(log, "f-1", 503, started=1.0)
    write(kept, "f-2")
    (record,) = kept.of(["f-1", "f-3"])
    assert (record["status"], record["ms"], record["time"]) == (503, 500.0, "1970-01-01T00:00:01.000000+00:00")
    assert [list(record)] == [list(json.loads(line)) for line in lines]
    assert capsys.readouterr().out == ""


def test_only_the_newest_are_held() -> None:
    kept = KeptCalls(SETTINGS, most=2)
    for number in range(4):
        write(kept, f"f-{number}")
    assert [record["request_id"] for record in kept.of([f"f-{number}" for number in range(4)])] == ["f-2", "f-3"]


async def test_a_pod_that_keeps_calls_tells_them_until_it_is_reset(tmp_path: Path) -> None:
    async with serving(momentum, settings_of(tmp_path, FAULT_CONTROL="on", CALL_LOG="kept")) as served:
        await served.http.get("/status", headers={"x-request-id": "f-1", "x-goaround-source": "cpanel"})
        (record,) = await told(served, ["f-1"])
        assert (record["kind"], record["path"], record["peer"], record["status"]) == (
            "served",
            "/status",
            "cpanel",
            200,
        )
        assert await told(served, ["f-2"]) == []
        await served.admin.post("/reset", json={"seed": 1})
        assert await told(served, ["f-1"]) == []


async def test_a_pod_without_a_log_has_nothing_to_tell_and_a_bad_question_is_refused(tmp_path: Path) -> None:
    async with serving(momentum, settings_of(tmp_path, FAULT_CONTROL="on")) as served:
        await served.http.get("/status", headers={"x-request-id": "f-1"})
        assert await told(served, ["f-1"]) == []
        answer = await served.admin.post("/calls", json={"request_ids": "f-1"})
        assert (answer.status, await answer.json()) == (
            400,
            {"errors": ["request_ids: must be a list of request ids"]},
        )


async def told(served: Any, ids: list[str]) -> list[dict[str, Any]]:
    answer = await served.admin.post("/calls", json={"request_ids": ids})
    calls: list[dict[str, Any]] = (await answer.json())["calls"]
    return calls

"""How failed calls are passed on."""

from __future__ import annotations

import json

import pytest

from resilience_lib import Flag
from services.runtime.failures import REASONS, failures, refusal
from tests.services.scripted import reply


@pytest.mark.parametrize(
    ("status", "flag", "gateway"),
    [(500, None, 502), (404, None, 502), (302, None, 502), (503, None, 503), (503, "UF", 503), (503, "UO", 503),
     (504, "UT", 504), (504, None, 504), (502, "UPE", 502), (500, "URX", 502)],
)  # fmt: skip
def test_a_callees_status_becomes_a_gateways(status: int, flag: str | None, gateway: int) -> None:
    assert refusal(failures("alerts", reply(status, flag=flag))).status == gateway


def test_a_good_reply_is_no_failure() -> None:
    assert failures("alerts", reply(201)) == []


def test_every_failed_call_is_named_worst_first() -> None:
    failed = failures("a", reply(503, flag="UO")) + failures("b", reply(500)) + failures("c", reply(504, flag="UT"))
    answer = refusal(failed)
    body = json.loads(answer.text or "")
    assert answer.status == 504
    assert [(one["service"], one["status"], one["flag"]) for one in body["failed"]] == [
        ("c", 504, "UT"),
        ("b", 500, None),
        ("a", 503, "UO"),
    ]
    assert body["error"] == "c: timed out"
    assert all(one["reason"] for one in body["failed"])


def test_the_reason_is_what_the_callee_said() -> None:
    (failure,) = failures("section-1", reply(503, {"error": "cannot store: disk is full"}))
    assert failure.reason == "cannot store: disk is full"


@pytest.mark.parametrize("flag", sorted(set(Flag) - {Flag.FALLBACK}))
def test_every_flag_of_a_failure_has_words(flag: Flag) -> None:
    (failure,) = failures("alerts", reply(503, flag=flag))
    assert failure.reason == REASONS[flag]

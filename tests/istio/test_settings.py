"""Single settings of a policy set: where they go, what goes with them, and what is refused by its path."""

from __future__ import annotations

from typing import Any

import pytest

from istio import policies, settings
from istio.objects import Refused


def specs(kind: str, **changes: Any) -> list[dict[str, Any]]:
    found = settings.changed(policies.load("matched"), {path.replace("_", "."): v for path, v in changes.items()})
    return [one["spec"] for one in found.to_data() if one["kind"] == kind]


def test_a_setting_is_made_in_every_object_that_can_carry_it_and_nothing_else_changes() -> None:
    before, after = specs("VirtualService"), specs("VirtualService", retries_attempts=5)
    assert len(after) == len(before) > 3
    assert {one["http"][0]["retries"]["attempts"] for one in after} == {5}
    for one in after:
        one["http"][0]["retries"]["attempts"] = before[0]["http"][0]["retries"]["attempts"]
    assert after == before
    assert specs("DestinationRule", retries_attempts=5) == specs("DestinationRule")


def test_a_setting_of_traffic_goes_into_every_destination_rule() -> None:
    limits = {one["trafficPolicy"]["outlierDetection"]["maxEjectionPercent"]
              for one in specs("DestinationRule", outlierDetection_maxEjectionPercent=10)}  # fmt: skip
    assert limits == {10}
    added = specs("DestinationRule", retryBudget_percent=20)
    assert {one["trafficPolicy"]["retryBudget"]["percent"] for one in added} == {20}


def test_no_retries_take_what_else_is_said_of_them_with_them() -> None:
    assert {str(one["http"][0]["retries"]) for one in specs("VirtualService", retries_attempts=0)} == {
        "{'attempts': 0}"
    }


def test_nothing_to_change_changes_nothing() -> None:
    objects = policies.load("matched")
    assert settings.changed(objects, {}) is objects


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("retries.attempts", -1, "retries.attempts"),
        ("retries.attemps", 1, "retries.attemps"),
        ("timeout", "soon", "timeout"),
        ("timeout.seconds", 1, "timeout"),
        ("outlierDetection.maxEjectionPercent", 101, "outlierDetection.maxEjectionPercent"),
        ("connectionPool.tcp.maxConnections", "many", "connectionPool.tcp.maxConnections"),
    ],
)
def test_what_cannot_be_set_is_refused_by_its_own_path(path: str, value: Any, said: str) -> None:
    with pytest.raises(Refused) as caught:
        settings.check({path: value})
    assert [fault.path for fault in caught.value.errors] == [said]


@pytest.mark.parametrize(("path", "value"), [("retries.perTryTimeout", "50ms"), ("outlierDetection.interval", "1s")])
def test_what_can_be_set_is_not_refused(path: str, value: Any) -> None:
    settings.check({path: value})


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("defaults", {"retries.attempts": "VirtualService", "outlierDetection.interval": "DestinationRule"}),
        ("retries", {"outlierDetection.interval": "DestinationRule"}),
        ("budget", {}),
    ],
)
def test_a_setting_that_no_object_can_carry_is_named_with_the_kind_that_is_not_there(
    name: str, found: dict[str, str]
) -> None:
    asked = ("retries.attempts", "outlierDetection.interval")
    assert settings.uncarried(policies.load(name), asked) == found

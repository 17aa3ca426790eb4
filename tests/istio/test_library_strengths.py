"""library.json: what a client is told beside the Istio objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from istio import library, policies
from istio.library import strengthened
from istio.objects import Refused
from resilience_lib import EdgePolicy, EndpointPolicy, FallbackPolicy, HedgePolicy, RetryPolicy, TimeoutPolicy

DERIVED = {
    "alerts": EdgePolicy(RetryPolicy(2, "5xx"), TimeoutPolicy(0.25, 2.0)),
    "momentum": EdgePolicy(timeout=TimeoutPolicy(0.5)),
    "cpanel": EdgePolicy(),
}


def refused(own: object) -> list[str]:
    with pytest.raises(Refused) as caught:
        strengthened(DERIVED, own, "native/library.json")
    return [f"{fault.path}: {fault.message}" for fault in caught.value.errors]


def test_nothing_said_leaves_everything_as_it_is() -> None:
    assert strengthened(DERIVED, {}) == (DERIVED, [])


def test_what_is_said_of_all_is_added_to_parts_that_are_there_and_makes_none() -> None:
    made, lines = strengthened(DERIVED, {"*": {"timeout": {"propagate": True}, "retry": {"retry_after_s": 1.0}}})
    assert made["alerts"] == EdgePolicy(
        RetryPolicy(2, "5xx", retry_after_s=1.0), TimeoutPolicy(0.25, 2.0, propagate=True)
    )
    assert made["momentum"] == EdgePolicy(timeout=TimeoutPolicy(0.5, propagate=True))
    assert made["cpanel"] == EdgePolicy()
    assert lines == ["alerts: timeout.propagate True, retry.retry_after_s 1.0", "momentum: timeout.propagate True"]


def test_a_callees_own_entry_makes_a_part() -> None:
    made, _ = strengthened(DERIVED, {"momentum": {"fallback": {"max_age_s": 9}, "hedge": {"delay_s": 0.05}}})
    assert made["momentum"].fallback == FallbackPolicy(9)
    assert made["momentum"].hedge == HedgePolicy(0.05)
    assert made["alerts"] == DERIVED["alerts"]


def test_it_is_added_to_policies_of_replicas_too() -> None:
    made, _ = strengthened({"alerts": EndpointPolicy()}, {"alerts": {"hedge": {}}})
    assert made["alerts"] == EndpointPolicy(hedge=HedgePolicy())


@pytest.mark.parametrize(
    ("own", "errors"),
    [
        ([], ["*: must be an object of parts"]),
        ({"alerts": 5}, ["*: must be an object of parts"]),
        ({"alerts": {"hedge": 5}}, ["alerts.hedge: must be an object of fields, not 5"]),
        ({"alert": {}}, ["alert: unknown; choose from *, alerts, momentum, cpanel"]),
        (
            {"alerts": {"hedge": {"delay_s": 0, "after": 1}, "timeout": {"overall_s": 9}}, "momentum": {"fall": {}}},
            [
                "alerts.timeout.overall_s: the Istio objects say it already",
                "alerts.hedge.after: unknown",
                "alerts.hedge.delay_s: must be a number of seconds above 0",
                "momentum.fall: unknown",
            ],
        ),
    ],
)
def test_what_is_wrong_is_refused_all_at_once_by_its_path(own: Any, errors: list[str]) -> None:
    found = refused(own)
    assert len(found) == len(errors)
    assert all(one.startswith(other) for one, other in zip(found, errors, strict=True)), found


def test_a_folder_without_the_file_adds_nothing_and_one_that_is_no_json_is_refused_by_name(tmp_path: Path) -> None:
    assert policies.strengths(str(tmp_path)) == {}
    (tmp_path / "library.json").write_text("{")
    with pytest.raises(Refused, match=r"library\.json"):
        policies.strengths(str(tmp_path))


@pytest.mark.parametrize("derive", [library.policies, library.endpoint_policies])
def test_the_native_set_gives_cpanel_a_fallback_slow_replicas_a_hedge_and_everyone_deadlines(derive: Any) -> None:
    derived, _ = derive(policies.load("native"), ["momentum", "image-analysis", "alerts", "collector"])
    made, lines = strengthened(derived, _known(derived))
    assert made["momentum"].fallback == FallbackPolicy(300, 10)
    assert made["image-analysis"].hedge == HedgePolicy(0.05, 10, 1)
    assert made["alerts"].timeout == TimeoutPolicy(0.25, 2.0, propagate=True)
    assert made["alerts"].retry.retry_after_s == 1.0
    assert made["collector"].timeout is None
    assert len(lines) == 4


def _known(derived: Any) -> dict[str, Any]:
    """Return the native set's own file, for the callees that are asked about here."""
    own: Any = policies.strengths("native")
    return {name: parts for name, parts in own.items() if name == "*" or name in derived}


def test_what_only_a_client_does_is_left_when_policies_become_istio_objects() -> None:
    made, _ = strengthened(
        {"alerts": EdgePolicy(RetryPolicy(2, "5xx"), TimeoutPolicy(0.25, 2.0))},
        {"alerts": {"hedge": {}, "fallback": {}, "timeout": {"propagate": True}, "retry": {"retry_after_s": 1.0}}},
    )
    _, left = library.objects_of(made)
    assert {"hedge", "fallback", "timeout.propagate", "retry.retry_after_s"} <= {one.path for one in left}

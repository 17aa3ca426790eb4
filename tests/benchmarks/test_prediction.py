"""Which cells have a closed form, and what it says: read from the policies as a run keeps them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.prediction import Prediction, interfered, predict, tries
from benchmarks.record import Record
from benchmarks.scenario import load_scenario
from k8s.render import render
from tests.benchmarks.measures.test_times import record as empty

BURST = load_scenario("error-burst")  # three calls in ten of every replica of image-analysis are aborted with 503


def kept(mode: str) -> dict[str, Any]:
    """The policies of a mode as run.json keeps them."""
    rendered = render(mode, "matched")
    config = [one for one in rendered.objects if one["kind"] == "ConfigMap" and one["metadata"]["name"] == "policies"]
    return {"istio": rendered.istio, "library": config[0]["data"]["policies.json"] if config else None}


@pytest.mark.parametrize(("mode", "n"), [("none", 1), ("sidecar", 1), ("library", 3), ("mesh", 3)])
def test_aborts_on_every_replica_succeed_in_one_minus_f_to_the_tries(mode: str, n: int) -> None:
    found = predict(BURST, kept(mode))
    assert isinstance(found, Prediction)
    assert found.tries == n
    assert found.success == pytest.approx(1 - 0.3**n)
    assert found.attempts == pytest.approx(sum(0.3**k for k in range(n)))


def test_a_status_that_is_not_retried_gets_one_try() -> None:
    assert tries(kept("library"), "image-analysis", 500) == 1
    assert tries(kept("mesh"), "image-analysis", 500) == 1


@pytest.mark.parametrize("name", ["bad-replica", "slow-replica", "crash", "steady"])
def test_what_is_not_an_abort_of_all_replicas_has_no_closed_form(name: str) -> None:
    assert predict(load_scenario(name), kept("library")) is None


def test_a_service_without_a_policy_is_called_once() -> None:
    assert tries({"library": json.dumps({}), "istio": []}, "image-analysis", 503) == 1


@pytest.mark.parametrize(("event", "more"), [("retries", False), ("opens", True), ("ejections", True)])
def test_a_breaker_or_an_ejection_takes_a_cell_beyond_its_closed_form(event: str, more: bool) -> None:
    edges = {"collector->image-analysis": {"logical": 9, event: 1}, "collector->momentum": {"opens": 1}}
    cell = Record.model_validate({**empty().model_dump(by_alias=True), "edges": edges})
    assert interfered([cell], "image-analysis") is more

"""Which cells have a closed form, and what it says: read from the policies as a run keeps them."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from benchmarks.measures.amplification import Amplification
from benchmarks.prediction import Prediction, interfered, per_frame, predict, tries
from benchmarks.record import Record
from benchmarks.scenario import Scenario, load_scenario
from k8s.render import render
from tests.benchmarks.measures.test_times import record as empty

BURST = load_scenario("error-burst")  # three calls in ten of every replica of image-analysis are aborted with 503


@cache
def kept(mode: str, policies: str = "matched") -> dict[str, Any]:
    """The policies of a mode as run.json keeps them."""
    rendered = render(mode, policies)
    config = [one for one in rendered.objects if one["kind"] == "ConfigMap" and one["metadata"]["name"] == "policies"]
    return {"istio": rendered.istio, "library": config[0]["data"]["policies.json"] if config else None}


@pytest.mark.parametrize(("mode", "n"), [("none", 1), ("sidecar", 1), ("library", 3), ("mesh", 3), ("both", 9)])
def test_aborts_on_every_replica_succeed_in_one_minus_f_to_the_tries(mode: str, n: int) -> None:
    found = predict(BURST, kept(mode))
    assert isinstance(found, Prediction)
    assert found.tries == n
    assert found.success == pytest.approx(1 - 0.3**n)


def test_a_status_that_is_not_retried_gets_one_try() -> None:
    assert tries(kept("library"), "image-analysis", 500) == 1
    assert tries(kept("mesh"), "image-analysis", 500) == 1


@pytest.mark.parametrize(
    "name", ["bad-replica", "slow-replica", "crash", "steady", "retry-storm-3", "section-down", "momentum-down"]
)
def test_what_is_no_abort_of_all_replicas_of_a_service_that_every_frame_calls_once_has_no_closed_form(
    name: str,
) -> None:
    assert predict(load_scenario(name), kept("library")) is None


@pytest.mark.parametrize(
    ("mode", "success"),
    [("none", 0.75), ("sidecar", 0.75), ("mesh", 0.75), ("both", 1 - 0.25**3), ("library", None)],
)
def test_a_bad_canary_fails_its_weight_and_a_try_of_the_library_is_routed_anew(
    mode: str, success: float | None
) -> None:
    found = predict(load_scenario("canary"), kept(mode))
    assert (found and found.success) == success


MISSING = load_scenario("library-missing")  # the collector is without the library, and image-analysis fails 3 in 10


@pytest.mark.parametrize(
    ("mode", "n"), [("none", 1), ("library", 1), ("library-endpoints", 1), ("mesh", 3), ("both", 3)]
)
def test_a_caller_that_is_told_to_do_without_the_library_tries_as_often_as_its_proxy_alone(mode: str, n: int) -> None:
    edge = amplified("collector->image-analysis", faulted=10)
    found = predict(MISSING, kept(mode))
    assert isinstance(found, Prediction)
    assert found.tries == n
    assert found.success == pytest.approx(1 - 0.3**n)
    assert per_frame(MISSING, kept(mode), edge) == pytest.approx(sum(0.3**done for done in range(n)))


def test_a_hop_without_the_library_multiplies_nothing_and_those_before_it_do() -> None:
    scenario = storm().model_copy(update={"settings": {"alerts": {"RESILIENCE_MODE": "plain"}}})
    assert per_frame(scenario, kept("library"), amplified(*CHAIN, faulted=10)) == pytest.approx(9)
    assert predict(MISSING.model_copy(update={"settings": scenario.settings}), kept("library")) == predict(
        BURST, kept("library")
    )


@pytest.mark.parametrize("told", [{"WORKERS": "1", "SERVICE_TIME_MS": "60"}, {"RESILIENCE_MODE": "library"}])
def test_what_a_service_is_told_besides_has_no_closed_form(told: dict[str, str]) -> None:
    changed = {"settings": {"image-analysis": told}}
    assert predict(BURST.model_copy(update=changed), kept("none")) is None
    assert predict(load_scenario("canary").model_copy(update=changed), kept("none")) is None
    edge = amplified("collector->image-analysis")
    assert per_frame(BURST.model_copy(update=changed), kept("none"), edge) is None


def test_a_store_that_keeps_no_ids_answers_as_often_as_one_that_does() -> None:
    forgetful = BURST.model_copy(update={"settings": {"section-1": {"IDEMPOTENCY": "off"}}})
    assert predict(forgetful, kept("library")) == predict(BURST, kept("library"))


@pytest.mark.parametrize(("mode", "independent"), [("none", False), ("sidecar", True), ("mesh", True)])
def test_calls_to_a_canary_are_trials_of_their_own_only_where_a_weight_draws_each(mode: str, independent: bool) -> None:
    found = predict(load_scenario("canary"), kept(mode))
    assert found is not None
    assert found.independent is independent


def test_a_hedge_makes_requests_that_no_closed_form_counts() -> None:
    assert predict(BURST, kept("library", "native")) is None
    assert predict(BURST, kept("mesh", "native")) is not None


def test_a_service_without_a_policy_is_called_once() -> None:
    assert tries({"library": json.dumps({}), "istio": []}, "image-analysis", 503) == 1


@pytest.mark.parametrize(("event", "more"), [("retries", False), ("opens", True), ("ejections", True)])
def test_a_breaker_or_an_ejection_takes_a_cell_beyond_its_closed_form(event: str, more: bool) -> None:
    edges = {"collector->image-analysis": {"logical": 9, event: 1}, "collector->momentum": {"opens": 1}}
    cell = Record.model_validate({**empty().model_dump(by_alias=True), "edges": edges})
    assert interfered([cell], "image-analysis") is more


def amplified(*chain: str, frames: int = 10, faulted: int = 4) -> Amplification:
    return Amplification(chain, 1.0, 1.0, frames, faulted)


CHAIN = ("collector->face-recognition", "face-recognition->alerts", "alerts->momentum")


def storm(**changes: Any) -> Scenario:
    """Every call of momentum fails with 503."""
    assert BURST.fault is not None
    fault = BURST.fault.model_copy(update={"service": "momentum", "rate": 1.0, **changes})
    return BURST.model_copy(update={"fault": fault})


def test_a_chain_in_which_each_edge_tries_three_times_makes_27_of_a_frame_in_the_fault() -> None:
    assert per_frame(storm(), kept("mesh"), amplified(*CHAIN, faulted=10)) == pytest.approx(27)
    assert per_frame(storm(), kept("library"), amplified(*CHAIN)) == pytest.approx(0.6 + 0.4 * 27)
    assert per_frame(storm(), kept("none"), amplified(*CHAIN)) == pytest.approx(1)


def test_at_depth_one_independent_failures_have_their_mean_tries() -> None:
    found = per_frame(BURST, kept("library"), amplified("collector->image-analysis", faulted=10))
    assert found == pytest.approx(1 + 0.3 + 0.09)


@pytest.mark.parametrize(
    ("scenario", "chain"),
    [
        (storm(rate=0.5), CHAIN),  # a retry behind a retry is not independent of it
        (storm(replicas=1), CHAIN),
        (storm(caller="cpanel"), CHAIN),
        (storm(), CHAIN[:2]),  # ends elsewhere
        (load_scenario("slow-replica"), ("collector->image-analysis",)),
    ],
)
def test_other_chains_have_no_closed_form(scenario: Scenario, chain: tuple[str, ...]) -> None:
    assert per_frame(scenario, kept("mesh"), amplified(*chain)) is None

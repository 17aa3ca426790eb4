"""The arithmetic of the oracles, and the worlds that they ask for; that they notice a broken harness: test_selftest."""

from __future__ import annotations

from random import Random
from statistics import fmean

import pytest

from benchmarks.closed_form import wait_mmc
from benchmarks.errors import BadInput
from benchmarks.oracles import ORACLES, Check, budget, canary, queue
from benchmarks.oracles.ground import LIBRARY, MESH, NEW, PLAIN, TRIES, Ground
from benchmarks.prediction import tries as told
from benchmarks.selftest import FALSE_ALARMS, choose, level


@pytest.mark.parametrize(
    ("measured", "n", "passed"), [(0.5, 9, True), (0.4, 9, True), (0.39, 9, False), (0.7, 9, False), (0.5, 0, False)]
)
def test_a_check_passes_within_its_interval_and_never_on_nothing(measured: float, n: int, passed: bool) -> None:
    assert Check("share", 0.5, 0.4, 0.6, measured, n).passed is passed


def test_all_checks_by_chance_together_raise_the_alarm_falsely_no_more_often_than_is_said() -> None:
    every = choose(None)
    chances = sum(trial.chances for oracle in every for trial in oracle.trials)
    assert chances > 5
    assert (1 - level(every)) * chances == pytest.approx(FALSE_ALARMS)
    assert level(choose(["storm"])) == 1 - FALSE_ALARMS


def test_every_unknown_oracle_is_named_with_the_choices() -> None:
    with pytest.raises(BadInput) as caught:
        choose(["delphi", "aborts", "dodona"])
    assert [problem.partition(";")[0] for problem in caught.value.problems] == [
        "no oracle 'delphi'", "no oracle 'dodona'",
    ]  # fmt: skip
    assert ", ".join(ORACLES) in caught.value.problems[0]


def test_simulated_waits_come_to_the_closed_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "BUSY_S", 4000.0)
    simulated = fmean(queue.waits(Random(1), 0.0))
    assert simulated == pytest.approx(wait_mmc(queue.BUSY.rate, queue.MEAN_S, queue.SERVERS), rel=0.05)


def test_a_stricter_level_allows_a_longer_interval_around_the_closed_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "SIMULATIONS", 200)
    expected = wait_mmc(queue.BUSY.rate, queue.MEAN_S, queue.SERVERS)
    wide, narrow = queue.wait_bounds(0.0, 0.99), queue.wait_bounds(0.0, 0.5)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
    assert wide[0] < expected < wide[1]


def test_the_budgets_bounds_hold_the_books_1_1_and_exclude_no_budget_and_no_retries() -> None:
    low, high = budget.bounds()
    assert 1.0 < low < 1.1 < high < 1.2


def test_a_canary_is_one_more_replica_of_another_version_with_its_share_of_the_route() -> None:
    rendered = canary.ORACLE.trials[0].ground.rendered()
    deployments = {one["metadata"]["name"]: one for one in rendered.objects if one["kind"] == "Deployment"}
    new, old = deployments[f"image-analysis-{NEW}"], deployments["image-analysis"]
    assert new["spec"]["replicas"] == 1
    assert new["spec"]["selector"]["matchLabels"] == {"app": "image-analysis", "version": NEW}
    assert old["spec"]["selector"]["matchLabels"] == {"app": "image-analysis", "version": "v1"}
    (route,) = (one for one in rendered.istio if one["kind"] == "VirtualService")
    weights = {to["destination"]["subset"]: to["weight"] for to in route["spec"]["http"][0]["route"]}
    assert weights == {"v1": 80, NEW: 20}


@pytest.mark.parametrize(("ground", "tries"), [(PLAIN, 1), (LIBRARY, TRIES), (MESH, TRIES)])
def test_each_world_tries_as_often_as_its_oracle_reckons(ground: Ground, tries: int) -> None:
    rendered = ground.rendered()
    policies = [one for one in rendered.objects if one["kind"] == "ConfigMap" and one["metadata"]["name"] == "policies"]
    kept = {"istio": rendered.istio, "library": policies[0]["data"]["policies.json"] if policies else None}
    assert told(kept, "image-analysis", 503) == tries

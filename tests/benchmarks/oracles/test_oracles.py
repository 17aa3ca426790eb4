"""The arithmetic of the oracles, and the worlds that they ask for; what they believe and what not: test_planted."""

from __future__ import annotations

from itertools import product
from random import Random
from statistics import fmean

import pytest

from benchmarks.actions.split import split
from benchmarks.closed_form import wait_mmc
from benchmarks.errors import BadInput
from benchmarks.oracles import ORACLES, Check, Trial, budget, canary, queue
from benchmarks.oracles.ground import BOTH, ENDPOINTS, LIBRARY, MESH, PLAIN, SIDECAR, STACKED, TRIES, Ground
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


@pytest.mark.parametrize("trial", canary.ORACLE.trials[1:], ids=lambda trial: trial.ground.name)
def test_the_canarys_weight_can_be_put_beside_the_retries_of_its_worlds(trial: Trial) -> None:
    route, _rule = split(trial.ground.rendered().istio, canary.CALLEE, canary.OUT.weights)
    (http,) = route["spec"]["http"]
    assert {to["destination"]["subset"]: to["weight"] for to in http["route"]} == {"v1": 75, "v2": 25}
    assert http["retries"] == {"attempts": TRIES - 1, "retryOn": "5xx"}


@pytest.mark.parametrize("draws", [1, 3])
def test_the_canarys_draws_have_the_chances_of_a_tree_that_is_followed_branch_by_branch(draws: int) -> None:
    found = [0.0] * (draws + 1)
    for branch in product([True, False], repeat=draws):
        met = draws if all(branch) else branch.index(False)
        found[met] += canary.OUT.share ** sum(branch) * (1 - canary.OUT.share) ** (draws - sum(branch))
    assert canary.canary_mass(draws) == pytest.approx(found)


def test_a_mean_of_draws_is_predicted_by_their_chances_and_bounded_at_the_level() -> None:
    check = Check.drawn("heads", [0.5, 0.5], 100, 0.95, 0.6)
    assert (check.predicted, check.low, check.high, check.by_chance) == (0.5, 0.4, 0.6, True)
    assert check.passed
    assert not Check.drawn("tries", [0.0, 1.0], 100, 0.95, 1.01).by_chance
    assert not Check.drawn("of nothing", [0.5, 0.5], 0, 0.95, 0.5).passed


@pytest.mark.parametrize(
    ("ground", "tries"),
    [(PLAIN, 1), (SIDECAR, 1), (LIBRARY, TRIES), (ENDPOINTS, TRIES), (MESH, TRIES), (BOTH, STACKED)],
)
def test_each_world_tries_as_often_as_its_oracle_reckons(ground: Ground, tries: int) -> None:
    rendered = ground.rendered()
    policies = [one for one in rendered.objects if one["kind"] == "ConfigMap" and one["metadata"]["name"] == "policies"]
    kept = {"istio": rendered.istio, "library": policies[0]["data"]["policies.json"] if policies else None}
    assert told(kept, "image-analysis", 503) == tries

"""Every oracle, tried on data that was planted: it believes what is right, and names the figure that is not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from benchmarks.actions.canary import NEW
from benchmarks.closed_form import attempts, success, wait_mmc
from benchmarks.measures import MEASURES
from benchmarks.measures.amplification import amplification
from benchmarks.oracles import ORACLES, Check, Trial, canary, queue, stage
from benchmarks.oracles.ground import BOTH, STACKED, TRIES
from benchmarks.oracles.stage import Duration, Played
from benchmarks.scenario import Scenario
from benchmarks.selftest import choose, level
from tests.benchmarks.oracles.planted import Plant, PlantedStage, alerting, left, planned

INTO = f"collector->{canary.CALLEE}"
ONCE = ("none", "sidecar")


@pytest.fixture(autouse=True)
def few_simulations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "SIMULATIONS", 200)


def checks(trial: Trial, *plants: Plant) -> list[Check]:
    """What the trial makes of these plays, each one of which it asks for."""
    planted = PlantedStage(*plants)
    found = asyncio.run(trial.run(planted, level(choose(None))))
    assert planted.plants == []
    return found


def missed(trial: Trial, *plants: Plant) -> list[str]:
    return [check.what for check in checks(trial, *plants) if not check.passed]


def trials(oracle: str) -> list[Trial]:
    return list(ORACLES[oracle].trials)


def aborted(tries: int, won: float = 1.0, more: float = 1.0) -> Plant:
    """Independent aborts; `won` and `more`: so many times the successes and the tries that there must be."""

    def plant(scenario: Scenario) -> Played:
        n = len(planned(scenario))
        wins, made = n * success(0.5, tries) * won, n * attempts(0.5, tries) * more
        return left(scenario, round(wins), {INTO: (n, round(made))})

    return plant


def stormed(tries: int, more: int = 0, momentum: bool = True) -> Plant:
    """A chain in which all fails; `more` requests at its end than there must be."""

    def plant(scenario: Scenario) -> Played:
        n, apart = len(planned(scenario)), alerting(scenario)
        end = tries**3 * apart + more if momentum else tries**2 * apart
        long = {
            "collector->face-recognition": (n, n + (tries - 1) * apart),
            "face-recognition->alerts": (tries * apart, tries**2 * apart + (0 if momentum else more)),
            "alerts->momentum": (tries**2 * apart, end),
        }
        return left(scenario, 0, {"collector->momentum": (n, tries * n), **long})

    return plant


def budgeted(requests: float) -> Plant:
    """So many requests for each call."""

    def plant(scenario: Scenario) -> Played:
        n = len(planned(scenario))
        return left(scenario, 0, {INTO: (n, round(n * requests))})

    return plant


def split(draws: int, each: int, share: float = canary.OUT.share, lost: int = 0) -> Plant:
    """A canary that gets `share` of the draws; `lost`: frames that fail besides those that it fails."""

    def plant(scenario: Scenario) -> Played:
        n = len(planned(scenario))
        met = round(n * sum(share**k for k in range(1, draws + 1)))
        failed = round(n * share**draws)
        return left(
            scenario, n - failed - lost, {INTO: (n, n)}, {(canary.CALLEE, NEW): met * each, (canary.CALLEE, "v1"): n}
        )

    return plant


def queued(times: float) -> tuple[Plant, Plant]:
    """A quiet play and a busy one, in which a call waits `times` as long as it must."""
    way_s = 0.002

    def plant(wait_s: float) -> Plant:
        def at(scenario: Scenario) -> Played:
            n = len(planned(scenario))
            called, worked = (Duration(n * mean, n) for mean in (queue.MEAN_S + way_s + wait_s, queue.MEAN_S))
            took = queue.MEAN_S + 0.010 + wait_s
            return left(scenario, called={canary.CALLEE: called}, worked={canary.CALLEE: worked}, took_s=took)

        return at

    return plant(0.0), plant(times * wait_mmc(queue.BUSY.rate, queue.MEAN_S + way_s, queue.SERVERS))


def tries(trial: Trial) -> int:
    return 1 if trial.ground.name in ONCE else STACKED if trial.ground is BOTH else TRIES


def draws(trial: Trial) -> tuple[int, int]:
    """How often a call's version is drawn at most in this world, and how often each draw is tried."""
    return {"mesh": (1, TRIES), "both": (TRIES, TRIES)}.get(trial.ground.mode, (1, 1))


def right() -> Iterator[tuple[str, Trial, Sequence[Plant]]]:
    """Every trial with what a sound harness would see in it."""
    for name, oracle in ORACLES.items():
        for trial in oracle.trials:
            plants: dict[str, Sequence[Plant]] = {
                "aborts": [aborted(tries(trial))],
                "storm": [stormed(tries(trial), momentum=trial.ground is not BOTH)],
                "budget": [budgeted(1.1)],
                "canary": [split(*draws(trial))],
                "queue": queued(1.0),
            }
            yield name, trial, plants[name]


@pytest.mark.parametrize(
    ("name", "trial", "plants"), [pytest.param(*each, id=f"{each[0]}, {each[1].ground.name}") for each in right()]
)
def test_every_oracle_believes_what_is_right_and_counts_its_chances(
    name: str, trial: Trial, plants: Sequence[Plant]
) -> None:
    found = checks(trial, *plants)
    assert [check.what for check in found if not check.passed] == []
    assert sum(check.by_chance for check in found) == trial.chances


@pytest.mark.parametrize("trial", trials("aborts"), ids=lambda trial: trial.ground.name)
def test_fewer_successes_and_more_tries_than_independent_aborts_leave_are_noticed(trial: Trial) -> None:
    assert missed(trial, aborted(tries(trial), won=0.75)) == ["frames that succeed"]
    assert missed(trial, aborted(tries(trial), more=1.3)) == ["tries of a call"]


@pytest.mark.parametrize("trial", trials("storm"), ids=lambda trial: trial.ground.name)
@pytest.mark.parametrize("more", [-1, 1])
def test_one_request_of_a_storm_too_many_or_too_few_is_noticed(trial: Trial, more: int) -> None:
    long = trial.ground is not BOTH
    found = missed(trial, stormed(tries(trial), more, long))
    assert found == [f"requests a frame, depth {3 if long else 2}", "requests a frame"]


def test_a_storm_that_never_came_is_no_storm() -> None:
    assert len(missed(trials("storm")[0], lambda scenario: left(scenario, 0))) == 4


@pytest.mark.parametrize("trial", trials("budget"), ids=lambda trial: trial.ground.name)
@pytest.mark.parametrize("requests", [1.0, 1.3, float(TRIES)])
def test_no_retries_and_more_than_the_budget_are_noticed(trial: Trial, requests: float) -> None:
    assert missed(trial, budgeted(requests)) == ["requests a call"]


@pytest.mark.parametrize("trial", trials("canary"), ids=lambda trial: trial.ground.name)
def test_another_weight_and_failures_that_the_canary_has_no_part_in_are_noticed(trial: Trial) -> None:
    assert "draws of the canary, of a call" in missed(trial, split(*draws(trial), share=0.5))
    assert missed(trial, split(*draws(trial), lost=15)) == ["blast radius"]


@pytest.mark.parametrize("trial", trials("queue"), ids=lambda trial: trial.ground.name)
@pytest.mark.parametrize("times", [0.0, 3.0])
def test_no_wait_and_three_times_the_wait_are_noticed(trial: Trial, times: float) -> None:
    assert missed(trial, *queued(times)) == ["mean wait, ms"]


@pytest.mark.parametrize(("oracle", "plants"), [("budget", [budgeted(1.1)]), ("queue", queued(1.0))])
def test_where_each_caller_has_a_limit_of_its_own_there_is_one_caller(oracle: str, plants: Sequence[Plant]) -> None:
    for trial in trials(oracle):
        planted = PlantedStage(*plants)
        asyncio.run(trial.run(planted, 0.99))
        assert set(planted.entries) == {1}


@pytest.mark.parametrize(
    ("measure", "oracle"),
    [
        ("availability", "aborts"), ("attempts", "aborts"), ("attempts", "budget"), ("requests-per-frame", "storm"),
        ("blast", "canary"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("wrong", [0.5, None])
def test_a_measure_of_the_tables_that_is_wrong_or_says_nothing_is_noticed(
    measure: str, oracle: str, wrong: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = MEASURES[measure]
    broken = replace(sound, of=lambda *cell: None if wrong is None else wrong * (sound.of(*cell) or 0))
    monkeypatch.setitem(MEASURES, measure, broken)
    for name, trial, plants in right():
        # 0.5 times w^3 is within what chance allows
        if name == oracle and not (oracle == "canary" and trial.ground is BOTH):
            assert len(missed(trial, *plants)) == 1


def test_an_amplification_that_forgets_frames_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "amplification", lambda rows, *cell: amplification(rows[:-1], *cell))
    _name, trial, plants = next(each for each in right() if each[0] == "storm")
    assert "requests a frame, depth 1" in missed(trial, *plants)

"""Recommendations follow from verdicts, and from nothing less."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from benchmarks.measures import MEASURES
from benchmarks.recommendation import Recommendation, recommend, tipping
from benchmarks.verdict import Comparison, Verdict, compare, judge

MODES = {"none": "none", "library": "library", "sidecar": "sidecar", "mesh": "mesh", "both": "both"}


NOISE = (-0.01, 0.01, 0.0, -0.005, 0.005)


def judged(level: dict[str, float], n: int = 8, noise: float = 0.005) -> list[Comparison]:
    """Every arm against every arm before it, with availabilities around these levels."""
    rng = random.Random(1)
    values = {arm: [mean + rng.gauss(0, noise) for _ in range(n)] for arm, mean in level.items()}
    arms, family = list(level), []
    for at, base in enumerate(arms):
        for arm in arms[at + 1 :]:
            pairs = list(zip(values[arm], values[base], strict=True))
            family.append(compare("burst", arm, base, MEASURES["availability"], "fault", 0.05, pairs))
    return judge(family)


def advised(compared: list[Comparison]) -> Recommendation:
    return recommend("burst", "-> image-analysis", "abort", compared, MODES)


@pytest.mark.parametrize(
    ("levels", "where", "arm"),
    [
        ({"none": 0.6, "library": 0.9, "mesh": 0.7}, "library", "library"),
        ({"none": 0.6, "library": 0.7, "mesh": 0.9}, "mesh", "mesh"),
        ({"none": 0.6, "library": 0.9, "mesh": 0.9}, "either", None),
        ({"none": 0.9, "library": 0.9, "mesh": 0.9}, "neither", None),
        ({"none": 0.9, "library": 0.6, "mesh": 0.7}, "neither", None),
        ({"none": 0.6, "library": 0.8, "mesh": 0.8, "both": 0.99}, "both", "both"),
        ({"none": 0.6, "library": 0.6, "sidecar": 0.8, "mesh": 0.6}, "neither", None),
    ],
)
def test_the_arm_that_beats_the_control_and_every_other_is_recommended(
    levels: dict[str, float], where: str, arm: str | None
) -> None:
    found = advised(judged(levels))
    assert (found.where, found.arm) == (where, arm)


def test_points_alone_recommend_nothing() -> None:
    found = advised(judged({"none": 0.1, "library": 0.9, "mesh": 0.5}, n=4))
    assert (found.where, found.arm, found.p) == ("undecided", None, None)
    assert "undecided against none: library, mesh" in found.limits[0]


def test_candidates_that_are_not_told_apart_are_undecided_and_named() -> None:
    compared = judged({"none": 0.3, "library": 0.85, "mesh": 0.9}, noise=0.07, n=6)
    found = advised(compared)
    assert found.where == "undecided"
    assert "not told apart: library, mesh" in found.limits


def scripted(verdicts: dict[tuple[str, str], Verdict]) -> list[Comparison]:
    """Comparisons with these verdicts, of (arm, base)."""
    pairs = [(0.9 + shift, 0.7) for shift in NOISE]
    made = [compare("burst", arm, base, MEASURES["availability"], "fault", 0.05, pairs) for arm, base in verdicts]
    return [replace(one, p=0.01, verdict=verdicts[one.arm, one.base]) for one in made]


def test_the_only_arm_that_helps_must_beat_one_that_nobody_told_from_the_control() -> None:
    unsure = {
        ("library", "none"): Verdict.INCONCLUSIVE,
        ("mesh", "none"): Verdict.BETTER,
        ("mesh", "library"): Verdict.INCONCLUSIVE,
    }
    found = advised(scripted(unsure))
    assert (found.where, found.arm) == ("undecided", None)
    assert "not told apart: mesh, library" in found.limits
    beaten = advised(scripted(unsure | {("mesh", "library"): Verdict.BETTER}))
    assert (beaten.where, beaten.arm) == ("mesh", "mesh")
    assert beaten.because == ("mesh better than none", "mesh better than library")


def test_either_will_do_only_when_nobody_might_be_better_still() -> None:
    tied = {
        ("library", "none"): Verdict.BETTER,
        ("mesh", "none"): Verdict.BETTER,
        ("mesh", "library"): Verdict.EQUIVALENT,
        ("both", "none"): Verdict.INCONCLUSIVE,
        ("both", "library"): Verdict.WORSE,
        ("both", "mesh"): Verdict.INCONCLUSIVE,
    }
    assert advised(scripted(tied)).where == "undecided"
    assert advised(scripted(tied | {("both", "mesh"): Verdict.WORSE})).where == "either"


def test_arms_that_were_never_compared_are_not_told_apart() -> None:
    apart = {("library", "none"): Verdict.BETTER, ("mesh", "none"): Verdict.BETTER}
    found = advised(scripted(apart))
    assert (found.where, found.arm) == ("undecided", None)
    assert "not told apart: library, mesh" in found.limits
    decided = advised(scripted(apart | {("mesh", "library"): Verdict.BETTER}))
    assert (decided.where, decided.arm) == ("mesh", "mesh")


def test_a_rival_that_was_never_compared_with_the_only_arm_that_helps_may_be_better_still() -> None:
    found = advised(scripted({("library", "none"): Verdict.INCONCLUSIVE, ("mesh", "none"): Verdict.BETTER}))
    assert (found.where, found.arm) == ("undecided", None)
    assert "not told apart: mesh, library" in found.limits


def test_candidates_some_of_which_were_never_compared_are_not_equivalent() -> None:
    tied = {
        ("library", "none"): Verdict.BETTER,
        ("mesh", "none"): Verdict.BETTER,
        ("both", "none"): Verdict.BETTER,
        ("mesh", "library"): Verdict.EQUIVALENT,
        ("both", "library"): Verdict.EQUIVALENT,
    }
    assert advised(scripted(tied)).where == "undecided"
    assert advised(scripted(tied | {("both", "mesh"): Verdict.EQUIVALENT})).where == "either"


def test_without_a_control_nothing_is_recommended() -> None:
    found = advised(judged({"library": 0.6, "mesh": 0.9}))
    assert found.where == "undecided"
    assert found.limits == ("no arm was compared with the control: add `--arm none`",)


def test_a_scenario_that_the_control_cannot_have_is_not_asked_to_be_run_in_it() -> None:
    compared = judged({"sidecar": 0.6, "mesh": 0.9})
    found = recommend("burst", "-> image-analysis", "sidecar-crash", compared, MODES, controllable=False)
    assert found.where == "undecided"
    assert found.limits == ("no arm was compared with the control: the scenario makes no sense in it",)


def test_the_evidence_is_named_with_its_weakest_link() -> None:
    compared = judged({"none": 0.6, "library": 0.7, "mesh": 0.9})
    found = advised(compared)
    assert found.because == ("mesh better than none", "mesh better than library")
    assert found.p == max(one.p or 0 for one in compared if one.arm == "mesh")
    assert found.pairs == 8


@pytest.mark.parametrize(
    ("pairs", "measure", "at"),
    [
        # better by 20 points: a reader to whom 20 points do not matter is not told so
        ([(0.9 + noise, 0.7) for noise in NOISE], "availability", 0.2),
        # worse by a half, as a ratio
        ([(1.5, 1.0), (1.52, 1.0), (1.48, 1.0), (1.51, 1.0), (1.49, 1.0)], "cpu", 0.5),
        # half the cost: as far down as up
        ([(1.0, 2.0), (1.01, 2.0), (0.99, 2.0), (1.0, 2.0), (1.0, 2.0)], "cpu", 1.0),
    ],
)
def test_a_decided_verdict_flips_where_the_margin_is_as_large_as_the_difference(
    pairs: list[tuple[float, float]], measure: str, at: float
) -> None:
    (one,) = judge([compare("s", "mesh", "none", MEASURES[measure], "all", 0.05, pairs)])
    assert tipping(one) == pytest.approx(at, abs=0.01)
    above = judge([compare("s", "mesh", "none", MEASURES[measure], "all", at + 0.02, pairs)])[0]
    assert above.verdict is not one.verdict


def test_equality_ends_where_the_margin_is_smaller_than_the_interval() -> None:
    pairs = [(0.7 + noise, 0.7) for noise in NOISE]
    (one,) = judge([compare("s", "mesh", "none", MEASURES["availability"], "all", 0.05, pairs)])
    at = tipping(one)
    assert at is not None
    below = judge([compare("s", "mesh", "none", MEASURES["availability"], "all", at * 0.99, pairs)])[0]
    assert (one.verdict, below.verdict) == (Verdict.EQUIVALENT, Verdict.INCONCLUSIVE)


def test_what_is_not_decided_has_nowhere_to_flip() -> None:
    assert tipping(compare("s", "mesh", "none", MEASURES["availability"], "all", 0.05, [(0.9, 0.7)])) is None

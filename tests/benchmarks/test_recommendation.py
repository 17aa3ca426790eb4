"""Recommendations follow from verdicts, and from nothing less."""

from __future__ import annotations

import random

import pytest

from benchmarks.measures import MEASURES
from benchmarks.recommendation import Recommendation, recommend
from benchmarks.verdict import Comparison, compare, judge

MODES = {"none": "none", "library": "library", "sidecar": "sidecar", "mesh": "mesh", "both": "both"}


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


def test_without_a_control_nothing_is_recommended() -> None:
    found = advised(judged({"library": 0.6, "mesh": 0.9}))
    assert found.where == "undecided"
    assert found.limits == ("no arm was compared with the control: add `--arm none`",)


def test_the_evidence_is_named_with_its_weakest_link() -> None:
    compared = judged({"none": 0.6, "library": 0.7, "mesh": 0.9})
    found = advised(compared)
    assert found.because == ("mesh better than none", "mesh better than library")
    assert found.p == max(one.p or 0 for one in compared if one.arm == "mesh")
    assert found.pairs == 8

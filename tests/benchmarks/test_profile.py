"""Profiles promise only what can be planned: by themselves, and with any one scenario."""

from __future__ import annotations

from functools import cache

import pytest

from benchmarks.arm import Arm
from benchmarks.errors import BadInput
from benchmarks.order import Order, order, require_support, require_victims
from benchmarks.profile import ALONE, PROFILES, PolicyTimes, profile
from benchmarks.scenario import load_scenario, names
from benchmarks.worlds import rendered_for
from k8s.local.target import LocalTarget
from k8s.render import MODES
from k8s.target import Rendered


def planned(profile_name: str, scenario: str | None) -> Order:
    return order(
        profile_name=profile_name,
        arms=None,
        scenario_names=[scenario] if scenario else None,
        repetitions=None,
        rate=None,
        seed=1,
        policies="matched",
    )


@cache
def rendered(arm: Arm, times: PolicyTimes | None) -> Rendered:
    return rendered_for(arm, times)


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_by_itself_is_a_plan(name: str) -> None:
    wanted, chosen = planned(name, None), profile(name)
    assert [each.family for each in wanted.scenarios] == list(chosen.scenarios)
    assert set(chosen.arms) <= {arm.name for arm in wanted.arms}
    assert wanted.repetitions == chosen.repetitions


def test_the_full_profile_leaves_out_no_mode_and_those_scenarios_alone_that_it_names() -> None:
    full = profile("full")
    assert full.arms == MODES
    assert sorted({*full.scenarios, *ALONE}) == names()
    assert [name for name in names() if load_scenario(name).policy_axes] == list(ALONE)
    assert all(name in full.about for name in ALONE)


@pytest.mark.parametrize("scenario", names())
@pytest.mark.parametrize("name", PROFILES)
def test_every_scenario_can_be_asked_for_alone_in_its_arms_under_every_profile(name: str, scenario: str) -> None:
    wanted = planned(name, scenario)
    worlds = {arm.name: rendered(arm, wanted.times) for arm in wanted.arms}
    require_victims(wanted.scenarios, worlds)
    require_support(LocalTarget(), wanted, worlds)


def test_an_unknown_profile_is_refused_with_the_choices() -> None:
    with pytest.raises(BadInput, match="unknown profile 'fast'; choose from: smoke, quick, full"):
        profile("fast")

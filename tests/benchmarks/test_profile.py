"""Profiles name only what exists."""

import pytest

from benchmarks.arm import parse_arms
from benchmarks.errors import BadInput
from benchmarks.profile import PROFILES, profile
from benchmarks.scenario import load_scenario


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_names_arms_and_scenarios_that_exist(name: str) -> None:
    chosen = profile(name)
    assert parse_arms(list(chosen.arms))
    assert all(load_scenario(scenario).duration_s > 0 for scenario in chosen.scenarios)


def test_an_unknown_profile_is_refused_with_the_choices() -> None:
    with pytest.raises(BadInput, match="unknown profile 'fast'; choose from: smoke, quick, full"):
        profile("fast")

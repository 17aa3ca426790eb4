"""The planted loss is what it says: one call in ten of one edge, which every frame crosses, and no second try."""

from __future__ import annotations

from pathlib import Path

from benchmarks.arm import parse_arms
from benchmarks.scenario import load_scenario
from benchmarks.worlds import prepare
from k8s.local.target import LocalTarget

PLANTED = Path(__file__).parents[2] / "benchmarks" / "planted"


def test_one_call_in_ten_is_refused_and_not_tried_again() -> None:
    arms = parse_arms([f"mesh:{PLANTED}"])
    (objects,) = [each.istio for each in prepare(LocalTarget(), arms, None).rendered.values()]
    (service,) = [each for each in objects if each["kind"] == "VirtualService"]
    (route,) = service["spec"]["http"]
    assert service["spec"]["hosts"] == ["image-analysis"]
    assert route["fault"] == {"abort": {"httpStatus": 503, "percentage": {"value": 10}}}
    assert route["retries"] == {"attempts": 0}


def test_it_is_looked_for_in_goodput_over_the_whole_cell() -> None:
    scenario = load_scenario(PLANTED / "loss.yaml")
    assert (scenario.primary.measure, scenario.primary.phase, scenario.fault) == ("goodput", "all", None)

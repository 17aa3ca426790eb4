"""Sweeps: what a grid expands to, and what is said of one that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import sweep
from benchmarks.arm import Arm
from benchmarks.errors import BadInput
from benchmarks.order import Order, order, require_effect
from benchmarks.plan import plan
from benchmarks.prediction import tries
from benchmarks.scenario import Scenario, load_scenario
from benchmarks.worlds import prepare, rendered_for
from k8s.local.target import LocalTarget
from k8s.target import Rendered

TEXT = """
question: Where does it flip?
primary: {measure: availability, phase: fault, margin: 0.05}
expectation: {result: none, source: none}
load: {pattern: constant, rate: 20}
phases: {steady: 0.5, fault: 2.0}
fault: {kind: abort, service: image-analysis, replicas: all, status: 503, rate: 0.3}
slo: {latency_ms: 500}
sweep: {%s}
"""


def write(folder: Path, axes: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(TEXT % axes)
    return path


def read(folder: Path, axes: str) -> Scenario:
    return load_scenario(write(folder, axes))


def problems(folder: Path, axes: str) -> list[str]:
    with pytest.raises(BadInput) as caught:
        read(folder, axes)
    return [problem.partition("mine.yaml: ")[2] for problem in caught.value.problems]


def test_a_sweep_of_fields_is_a_scenario_at_every_point_of_the_grid(tmp_path: Path) -> None:
    points = read(tmp_path, "fault.rate: [0.1, 0.3], load.rate: [20, 40]").points()
    assert [(one.name, one.fault and one.fault.model_dump()["rate"], one.load.rate) for one in points] == [
        ("mine@fault.rate=0.1,load.rate=20", 0.1, 20),
        ("mine@fault.rate=0.1,load.rate=40", 0.1, 40),
        ("mine@fault.rate=0.3,load.rate=20", 0.3, 20),
        ("mine@fault.rate=0.3,load.rate=40", 0.3, 40),
    ]
    assert {one.family for one in points} == {"mine"}
    assert points[0].point == {"fault.rate": 0.1, "load.rate": 20}


def test_without_a_sweep_there_is_one_point_the_scenario_itself() -> None:
    steady = load_scenario("steady")
    assert steady.points() == [steady]
    assert sweep.points([]) == [{}]


def test_a_sweep_of_policies_makes_arms_and_leaves_those_without_policies_as_they_are() -> None:
    axes = {"retries.attempts": (0, 2)}
    assert [one.name for one in Arm("mesh", "matched").swept(axes)] == [
        "mesh@retries.attempts=0", "mesh@retries.attempts=2",
    ]  # fmt: skip
    assert Arm("none").swept(axes) == [Arm("none")]


def test_an_order_has_every_point_and_every_arm_of_it(tmp_path: Path) -> None:
    wanted = order(
        profile_name="quick", arms=["none", "library"], repetitions=2, rate=None, seed=1, policies="matched",
        scenario_names=[str(write(tmp_path, "fault.rate: [0.1, 0.3], retries.attempts: [0, 2]"))],
    )  # fmt: skip
    assert [one.name for one in wanted.scenarios] == ["mine@fault.rate=0.1", "mine@fault.rate=0.3"]
    assert [one.name for one in wanted.arms] == [
        "none", "library@retries.attempts=0", "library@retries.attempts=2",
    ]  # fmt: skip


def test_all_points_of_a_sweep_meet_the_same_arrivals() -> None:
    cells = plan(["mine@fault.rate=0.1", "mine@fault.rate=0.3", "other"], ["none"], 2, seed=3)
    seeds = {(cell.scenario.partition("@")[0], cell.repetition): cell.seed for cell in cells}
    assert len(set(seeds.values())) == 4
    assert all(cell.seed == seeds[cell.scenario.partition("@")[0], cell.repetition] for cell in cells)
    assert len({cell.id for cell in cells}) == len(cells)


def test_everything_that_is_wrong_with_a_sweep_is_said_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        "load.rate: [], bogus.x: [1], timeout: [5parsecs], retries.attempts: [-1], slo.latency_ms: [9, 9], "
        "fault.rate: [1.5, 0.3], fault.rats: [1], fault.status.x: [3], outlierDetection.foo: [1]",
    )
    for said in (
        "sweep.load.rate: is an empty list; write the values to try",
        "sweep.bogus.x: begins with nothing that can be swept; choose one of: fault, load, phases, slo, retries,",
        "sweep.timeout=5parsecs: timeout: must be a duration with a unit",
        "sweep.retries.attempts=-1: retries.attempts: must be at least 0, not -1",
        "sweep.slo.latency_ms: has a value twice",
        "sweep.fault.rate=1.5: fault.rate: 1.5 is not right, it should be less than or equal to 1",
        "sweep.fault.rats=1: fault.rats: no such field; the fields here are:",
        "sweep.fault.status.x=3: the scenario has no fields at 'fault.status'",
        "sweep.outlierDetection.foo=1: outlierDetection.foo: is no field; one of baseEjectionTime",
    ):
        assert [problem for problem in found if problem.startswith(said)], (said, found)
    assert len(found) == 9


def test_a_point_that_no_value_alone_makes_wrong_is_named_by_its_values(tmp_path: Path) -> None:
    # each is right beside the 2 s of the fault phase, or beside the 0.3 of the rate
    text = TEXT.replace("abort", "crash").replace(", status: 503, rate: 0.3", ", down_s: 1.0").replace("all", "1")
    path = tmp_path / "mine.yaml"
    path.write_text(text % "fault.down_s: [0.5, 2.0], phases.fault: [1.5, 3.0]")
    with pytest.raises(BadInput) as caught:
        load_scenario(path)
    assert [problem.partition("mine.yaml: ")[2] for problem in caught.value.problems] == [
        "sweep.fault.down_s=2.0,phases.fault=1.5: fault.down_s: at most the fault phase, 1.5 s"
    ]


@pytest.mark.parametrize(
    ("arms", "names", "rate", "said"),
    [
        (["none"], ["mine"], None, "retries.attempts: no arm here has policies to vary"),
        (["library"], ["mine", "steady"], None, "a scenario that sweeps policies (retries.attempts) is run alone"),
        (["library"], ["mine"], 9.0, "mine sweeps load.rate: leave --rate out"),
    ],
)
def test_a_bench_that_cannot_hold_a_sweep_says_why(
    tmp_path: Path, arms: list[str], names: list[str], rate: float | None, said: str
) -> None:
    path = write(tmp_path, "load.rate: [5, 10], retries.attempts: [0, 2]")
    with pytest.raises(BadInput) as caught:
        order(
            profile_name="quick", arms=arms, repetitions=1, rate=rate, seed=1, policies="matched",
            scenario_names=[str(path) if name == "mine" else name for name in names],
        )  # fmt: skip
    assert said in "\n".join(caught.value.problems)


@pytest.mark.parametrize(("name", "extra"), [("mine.yaml", "point: {load.rate: 3}"), ("mine@x=1.yaml", "")])
def test_a_point_is_never_written_by_hand(tmp_path: Path, name: str, extra: str) -> None:
    path = tmp_path / name
    path.write_text(TEXT % "load.rate: [3]" + extra)
    with pytest.raises(BadInput, match="a point belongs to a sweep"):
        load_scenario(path)


def test_each_arm_of_a_sweep_has_a_world_with_its_own_policies() -> None:
    arms = [point for mode in ("library", "mesh") for point in Arm(mode, "matched").swept({"retries.attempts": (0, 4)})]
    rendered = prepare(LocalTarget(), arms, None).rendered
    found = {
        name: tries({"istio": each.istio, "library": library_json(each)}, "image-analysis", 503)
        for name, each in rendered.items()
    }
    assert found == {
        "library@retries.attempts=0": 1, "library@retries.attempts=4": 5,
        "mesh@retries.attempts=0": 1, "mesh@retries.attempts=4": 5,
    }  # fmt: skip


def library_json(rendered: Rendered) -> str | None:
    """What the library of a world is told; None in the mesh."""
    maps = [one for one in rendered.objects if one["kind"] == "ConfigMap" and one["metadata"]["name"] == "policies"]
    return str(maps[0]["data"]["policies.json"]) if maps else None


def ask(folder: Path, axes: str, *arms: str) -> Order:
    return order(
        profile_name="quick", arms=arms, repetitions=None, rate=None, seed=1, policies="matched",
        scenario_names=[str(write(folder, axes))],
    )  # fmt: skip


def test_an_arm_whose_policy_set_cannot_carry_an_axis_is_refused_and_every_such_arm_at_once(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "rule.yaml").write_text(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a, namespace: airport}\n"
        "spec: {host: alerts}\n"
    )
    axes = "retries.attempts: [0, 2], outlierDetection.consecutive5xxErrors: [3, 5]"
    with pytest.raises(BadInput) as caught:
        ask(tmp_path, axes, "none", "sidecar", "mesh", "mesh:retries", "mesh:defaults", f"library:{mine}")
    ends = "that could carry it; leave the arm out"
    assert list(caught.value.problems) == [
        f"arm mesh:retries: sweep.outlierDetection.consecutive5xxErrors: its policy set has no DestinationRule {ends}",
        f"arm mesh:defaults: sweep.retries.attempts: its policy set has no VirtualService {ends}",
        f"arm mesh:defaults: sweep.outlierDetection.consecutive5xxErrors: its policy set has no DestinationRule {ends}",
        f"arm library:mine: sweep.retries.attempts: its policy set has no VirtualService {ends}",
    ]


def test_an_axis_that_changes_nothing_in_an_arm_is_refused_before_a_world_is_started(tmp_path: Path) -> None:
    axes = "retries.attempts: [0, 2], outlierDetection.maxEjectionPercent: [10, 50]"
    wanted = ask(tmp_path, axes, "none", "library", "library-endpoints")
    worlds = {arm.name: rendered_for(arm, wanted.times) for arm in wanted.arms}
    with pytest.raises(BadInput) as caught:
        require_effect(wanted, worlds)
    assert list(caught.value.problems) == [
        "arm library: sweep.outlierDetection.maxEjectionPercent: changes nothing there, as it is not carried by the "
        "library; leave the arm or the axis out"
    ]


def test_every_axis_that_is_carried_may_be_swept_one_value_too(tmp_path: Path) -> None:
    for axes in ("retries.attempts: [0, 2], timeout: [1s, 2s]", "outlierDetection.consecutive5xxErrors: [3]"):
        wanted = ask(tmp_path, axes, "none", "library", "mesh")
        require_effect(wanted, {arm.name: rendered_for(arm, wanted.times) for arm in wanted.arms})

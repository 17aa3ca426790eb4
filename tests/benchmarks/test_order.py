"""What a bench is asked to do: completed by the profile, refused with everything that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.errors import BadInput
from benchmarks.order import Order, begun, counterpart, create, order, require_support, require_victims, resume
from benchmarks.results import Run, open_run
from benchmarks.scenario import FOLDER, load_scenario
from benchmarks.worlds import prepare
from k8s.local.target import LocalTarget
from k8s.target import MeshOptions


def ask(**changes: Any) -> Order:
    asked: dict[str, Any] = {
        "profile_name": "quick",
        "arms": None,
        "scenario_names": None,
        "repetitions": None,
        "rate": None,
        "seed": 1,
        "policies": "matched",
    }
    return order(**(asked | changes))


def created(wanted: Order, into: Path) -> Run:
    return create(wanted, prepare(LocalTarget(), wanted.arms, wanted.times).rendered, into)


def test_what_is_not_named_comes_from_the_profile() -> None:
    quick = ask()
    assert [arm.name for arm in quick.arms] == ["none", "library", "mesh"]
    assert [each.name for each in quick.scenarios] == ["steady", "error-burst", "bad-replica", "slow-replica"]
    assert quick.repetitions == 5


def test_what_is_named_replaces_the_profile() -> None:
    mine = ask(arms=["sidecar"], scenario_names=["crash"], repetitions=2)
    assert ([arm.name for arm in mine.arms], [each.name for each in mine.scenarios]) == (["sidecar"], ["crash"])
    assert mine.repetitions == 2


def test_a_scenario_of_ones_own_is_kept_with_its_file(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text((FOLDER / "crash.yaml").read_text())
    wanted = ask(scenario_names=["steady", str(mine)])
    assert created(wanted, tmp_path / "runs").header.files == {"mine": str(mine)}


def test_the_profile_stretches_phases_and_the_time_that_a_crash_holds() -> None:
    quick = ask(scenario_names=["crash"]).scenarios[0]
    full = ask(scenario_names=["crash"], profile_name="full").scenarios[0]
    assert full.duration_s == pytest.approx(15 * quick.duration_s)
    assert full.fault.down_s == pytest.approx(15 * quick.fault.down_s)  # type: ignore[union-attr] # it is a crash


def test_a_rate_replaces_that_of_every_scenario() -> None:
    assert {each.load.rate for each in ask(rate=7.0).scenarios} == {7.0}


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(BadInput) as caught:
        ask(arms=["mash"], scenario_names=["nothing"])
    assert [problem.split(";")[0] for problem in caught.value.problems] == [
        "no scenario 'nothing'",
        "unknown mode 'mash'",
    ]


def test_a_run_on_disk_says_what_its_policies_were_and_what_the_library_does_not_carry(tmp_path: Path) -> None:
    run = created(ask(scenario_names=["steady"], repetitions=1), tmp_path)
    header = json.loads((run.folder / "run.json").read_text())
    assert header["policies"]["times"] == {"interval_s": 0.5, "base_ejection_s": 1.0}
    library = json.loads(header["policies"]["arms"]["library"]["library"])
    assert library["image-analysis"]["breaker"] == {"failures": 5, "reset_s": 1.0}
    kinds = {each["kind"] for each in header["policies"]["arms"]["mesh"]["istio"]}
    assert kinds == {"VirtualService", "DestinationRule"}
    assert any("maxEjectionPercent" in line for line in header["policies"]["not_carried"])
    assert "shortened for this profile: outlierDetection.interval 10s -> 500ms" in header["notes"]


def test_a_run_on_disk_says_what_its_policies_mean_in_each_arm(tmp_path: Path) -> None:
    run = created(ask(arms=["none", "library", "mesh", "mesh:none"]), tmp_path)
    assert run.header.policies["parity"].keys() == {"matched", "none"}
    (edge,) = [one for one in run.header.policies["parity"]["matched"] if one["callee"] == "image-analysis"]
    (sweep,) = [row for row in edge["rows"] if row["name"] == "outlier.interval"]
    assert sweep["numbers"]["mesh"]["value"] == 0.5  # the profile's time, not the policy set's


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"cannot write .*file"):
        created(ask(arms=["none"]), tmp_path / "file")


def test_an_unfinished_run_is_nobodys_counterpart(tmp_path: Path) -> None:
    created(ask(arms=["library"], scenario_names=["steady"]), tmp_path)
    mesh = created(ask(arms=["mesh"], scenario_names=["steady"]), tmp_path)
    assert counterpart(mesh, tmp_path) is None


def test_a_run_is_resumed_with_the_arms_and_the_times_it_was_begun_with(tmp_path: Path) -> None:
    wanted = ask(arms=["none", "mesh", "mesh+plaintext"], scenario_names=["steady"], istio_version="1.27")
    mesh = MeshOptions(istio_version="1.27")
    assert begun(created(wanted, tmp_path)) == (list(wanted.arms), wanted.times, mesh)


def test_mutual_tls_switched_off_is_off_in_every_arm_that_could_have_it_and_is_said(tmp_path: Path) -> None:
    wanted = ask(arms=["none", "mesh", "mesh+plaintext"], scenario_names=["steady"], mtls=False)
    assert [arm.name for arm in wanted.arms] == ["none", "mesh+plaintext"]
    assert any(
        "the sidecars of mesh+plaintext speak plaintext" in note for note in created(wanted, tmp_path).header.notes
    )


def test_with_mutual_tls_nothing_is_said_of_plaintext(tmp_path: Path) -> None:
    run = created(ask(arms=["mesh"], scenario_names=["steady"]), tmp_path)
    assert not any("plaintext" in note for note in run.header.notes)


def test_a_resumed_run_says_so_in_every_report(tmp_path: Path) -> None:
    wanted = ask(arms=["none"], scenario_names=["steady"])
    run = created(wanted, tmp_path)
    resume(run, prepare(LocalTarget(), *begun(run)).rendered)
    assert "resumed at" in open_run(run.folder).header.notes[-1]


def test_a_run_whose_policies_have_changed_is_not_resumed(tmp_path: Path) -> None:
    run = created(ask(arms=["library", "mesh"], scenario_names=["steady"]), tmp_path)
    arms, _, _ = begun(run)
    with pytest.raises(BadInput) as caught:
        resume(run, prepare(LocalTarget(), arms, None).rendered)
    assert [problem.split(": ")[1] for problem in caught.value.problems] == [
        "the policies of library have changed since it was begun; start a new run",
        "the policies of mesh have changed since it was begun; start a new run",
    ]


def test_a_fault_on_more_replicas_than_there_are_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text((FOLDER / "bad-replica.yaml").read_text().replace("replicas: 1", "replicas: 5"))
    with pytest.raises(BadInput, match=r"mine: fault.replicas: 5, but image-analysis has 3"):
        created(ask(scenario_names=[str(file)]), tmp_path)


def test_a_fault_on_all_of_no_replicas_is_refused() -> None:
    scenario = load_scenario("error-burst")
    rendered = prepare(LocalTarget(), ask().arms, None).rendered["none"]
    for each in rendered.objects:
        if each["kind"] == "Deployment" and each["metadata"]["name"] == scenario.fault.service:  # type: ignore[union-attr] # it has one
            each["spec"]["replicas"] = 0
    with pytest.raises(BadInput, match=r"error-burst: fault.replicas: all, but image-analysis has 0"):
        require_victims([scenario], {"none": rendered})


def test_a_scenario_named_twice_is_refused() -> None:
    with pytest.raises(BadInput, match="scenario 'steady' is named twice"):
        ask(scenario_names=["steady", "steady"])


@pytest.mark.parametrize("rate", [0.0, -1.0, 20_000.0, float("inf"), float("nan")])
def test_an_impossible_rate_is_refused_by_its_field(rate: float) -> None:
    with pytest.raises(BadInput, match="rate"):
        ask(rate=rate)


def test_a_run_that_cannot_be_read_is_nobodys_counterpart(tmp_path: Path) -> None:
    (tmp_path / "29990101-broken").mkdir()
    (tmp_path / "29990101-broken" / "run.json").write_text("{")
    assert counterpart(created(ask(arms=["mesh"], scenario_names=["steady"]), tmp_path), tmp_path) is None


def test_a_scenario_runs_in_its_own_arms_unless_arms_are_asked_for(tmp_path: Path) -> None:
    run = created(ask(scenario_names=["proxy-down", "steady"]), tmp_path)
    arms = {name: {cell.arm for cell in run.plan if cell.scenario == name} for name in ("proxy-down", "steady")}
    assert arms == {"proxy-down": {"sidecar", "mesh"}, "steady": {"none", "library", "mesh"}}
    asked = ask(scenario_names=["proxy-down"], arms=["mesh"])
    assert [arm.name for arm in asked.arms] == ["mesh"]
    assert asked.only == {}


def test_what_an_arm_cannot_do_is_refused_before_the_run() -> None:
    wanted = ask(scenario_names=["proxy-down", "steady"], arms=["none", "mesh"])
    rendered = prepare(LocalTarget(), wanted.arms, wanted.times).rendered
    with pytest.raises(BadInput) as caught:
        require_support(LocalTarget(), wanted, rendered)
    assert list(caught.value.problems) == [
        "proxy-down: arm none: mode none has no sidecars; it is meant for: sidecar, mesh"
    ]

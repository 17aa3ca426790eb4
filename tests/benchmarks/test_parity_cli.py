"""What `goaround mesh parity` prints, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks.cli import app
from benchmarks.errors import BadInput
from benchmarks.parity import CLIENT, MODES, edges
from istio.policies import UnknownPolicies
from k8s.render import render
from k8s.target import TargetError
from services.runtime.plain import TIMEOUT
from services.runtime.settings import Settings


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["mesh", "parity", *arguments])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def data(*arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("--json", *arguments))
    return found


def test_the_client_beneath_is_the_one_that_the_pods_run() -> None:
    settings = Settings("a", "a-0")
    assert (CLIENT.total_s, CLIENT.connect_s) == (TIMEOUT.total, TIMEOUT.sock_connect)
    assert (CLIENT.connections, CLIENT.keepalive_s) == (settings.connection_limit, settings.keepalive_s)


@pytest.mark.parametrize("mode", ["library", "library-endpoints"])
def test_what_is_told_of_the_library_is_what_its_pods_are_given(mode: str) -> None:
    config = next(one for one in render(mode).objects if one["kind"] == "ConfigMap" and "policies.json" in one["data"])
    given = json.loads(config["data"]["policies.json"])
    told = {edge.callee: {row.name: row.numbers[mode].value for row in edge.rows} for edge in edges("matched")}
    assert told.keys() == given.keys()
    for callee, policy in given.items():
        retry, timeout = policy["retry"], policy.get("timeout", {})
        assert told[callee]["retries.attempts"] == retry["attempts"]
        assert told[callee]["retries.max-backoff"] == retry["max_backoff_s"]
        assert (told[callee]["timeout.try"], told[callee]["timeout.call"]) == (
            timeout.get("per_try_s"),
            timeout.get("overall_s"),
        )
        assert told[callee]["pool.retries"] == policy.get("limits", {}).get("retries")
        failures = policy.get("breaker", {}).get("failures") or policy.get("outlier", {}).get("consecutive_5xx")
        assert told[callee]["outlier.failures"] == failures


def test_every_edge_is_told_once_as_it_is_in_the_application() -> None:
    found = data()
    assert len({(caller, edge["callee"]) for edge in found for caller in edge["callers"]}) == sum(
        len(edge["callers"]) for edge in found
    )
    assert {edge["callee"] for edge in found} > {"alerts", "image-analysis", "cpanel"}
    [replicas] = [row for edge in found if edge["callee"] == "image-analysis" for row in edge["rows"]
                  if row["name"] == "outlier.replicas"]  # fmt: skip
    assert replicas["numbers"]["mesh"]["value"] == "1 of 3"
    assert replicas["apart"].keys() == {"library"}


def test_an_edge_and_the_arms_can_be_chosen() -> None:
    [edge] = data("--edge", "collector->alerts", "--mode", "mesh")
    assert (edge["callers"], edge["callee"]) == (["collector"], "alerts")
    assert {mode for row in edge["rows"] for mode in row["numbers"]} == {"mesh"}
    assert len(data("--edge", "alerts")) == 1


def test_the_table_fits_100_columns_and_says_why_arms_are_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.console.FILE_WIDTH", 100)
    out = run("--edge", "collector->image-analysis")
    assert max(map(len, out.splitlines())) <= 100
    assert "image-analysis.yaml:" in out
    assert "≠ retries.inbound, inbound.connections, inbound.pending: clients: no proxy stands before" in out
    assert "~ Envoy ejects on its main thread" in out
    assert "≠ " not in run("--edge", "alerts", "--mode", "library")


def test_your_own_objects_are_compared_too(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("""apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a, namespace: airport}
spec: {host: alerts, trafficPolicy: {retryBudget: {percent: 30}}}
""")
    [edge] = data("--policies", str(tmp_path), "--edge", "alerts")
    [row] = [row for row in edge["rows"] if row["name"] == "budget.percent"]
    assert {mode: row["numbers"][mode]["value"] for mode in MODES} == {
        "library": None,
        "library-endpoints": 30.0,
        "mesh": 30.0,
    }
    assert row["numbers"]["mesh"]["line"] == 4
    assert row["apart"] == {"library": "the library limits retries by number (maxRetries)"}


def test_what_is_wrong_is_told_by_its_option(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"--mode: unknown mode 'x'; choose from: library"):
        run("--mode", "x")
    with pytest.raises(BadInput, match=r"--edge a->b: must be CALLER->CALLEE; callers: alerts, "):
        run("--edge", "a->b")
    with pytest.raises(BadInput, match=r"--istio-version: no defaults of Istio '2'"):
        run("--istio-version", "2")
    with pytest.raises(UnknownPolicies, match="no policy set 'x'"):
        run("--policies", "x")
    (tmp_path / "a.yaml").write_text("kind: VirtualService\napiVersion: networking.istio.io/v1\nmetadata: {name: a}\n")
    with pytest.raises(TargetError, match=r"a\.yaml:1: spec: is missing"):
        run("--policies", str(tmp_path))

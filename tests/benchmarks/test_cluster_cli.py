"""The commands against a cluster: the same as for this machine, and what is wrong is one line and exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.conftest import Told
from tests.k8s.cluster.conftest import cluster  # noqa: F401 - a fixture
from tests.k8s.cluster.fake import FakeCluster

RULE = """apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: collector, namespace: airport}
spec: {host: collector}
"""


@pytest.fixture
def there(cluster: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:  # noqa: F811
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(tmp_path)))
    return cluster


def test_a_world_lives_and_ends_by_the_same_commands_as_on_this_machine(
    told: Told, there: FakeCluster, tmp_path: Path
) -> None:
    before = there.listing()
    rule = tmp_path / "rule.yaml"
    rule.write_text(RULE)
    at = ("--target", "cluster")

    code, out, err = told("up", *at, "--mode", "mesh")
    assert (code, "15 of 15 pods are ready" in err) == (0, True)
    assert "kubectl -n airport port-forward deploy/cpanel-v1 8080" in out
    assert told("scale", "image-analysis", "4", *at)[1].count("image-analysis-0-") == 4
    code, out, _ = told("apply", "-f", rule, *at)
    assert (code, "DestinationRule airport/collector: created" in out) == (0, True)
    assert "accepted by the cluster after" in out
    assert "DestinationRule airport/collector: unchanged" in told("apply", "-f", rule, *at)[1]
    assert "collector" in told("get", *at)[1]
    assert told("delete", "-f", rule, *at)[0] == 0
    assert told("logs", "collector-0-0", *at)[1] == "log of collector-0-0 app\n"
    assert "world airport, mode mesh" in told("status", *at)[1]
    assert told("down", *at)[1] == "ended: airport\n"
    assert there.listing() == before
    assert "start one with: goaround up --target cluster" in told("status", *at)[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--target", "moon"), "--target 'moon': must be local or cluster"),
        (("--context", "fake"), "--context 'fake': is for --target cluster; leave it out"),
        (("--image", "a:1"), "--image: is for --target cluster; leave it out"),
        (("--target", "cluster", "--context", "moon"), "no context 'moon' in the kubeconfig; choose from: fake"),
        (
            ("--target", "cluster", "--base-port", "20000"),
            "--base-port: pods of a cluster have addresses of their own; leave it out",
        ),
        (
            ("--target", "cluster", "--istio-version", "1.24"),
            "--istio-version: a cluster has the Istio that it has; leave it out",
        ),
        (
            ("--target", "cluster", "--namespace", "x"),
            "--namespace: on a cluster a world's namespace is its name: use --name instead",
        ),
    ],
)
def test_what_means_nothing_is_refused_in_one_line(
    told: Told, there: FakeCluster, arguments: tuple[str, ...], says: str
) -> None:
    before = there.listing()
    assert told("up", *arguments) == (2, "", f"goaround: {says}\n")
    assert there.listing() == before


def test_no_cluster_is_one_line(told: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    code, out, err = told("status", "--target", "cluster")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("goaround: no cluster: ")


def test_a_missing_sidecar_injection_is_one_line_beside_the_progress(told: Told, there: FakeCluster) -> None:
    there.injection = False
    code, _, err = told("up", "--target", "cluster", "--mode", "mesh")
    problems = [line for line in err.splitlines() if line.startswith("goaround: ")]
    assert (code, len(problems)) == (2, 1)
    assert problems[0].startswith("goaround: sidecar injection is off")


def test_the_doctor_ends_with_code_2_when_something_is_missing(told: Told, there: FakeCluster) -> None:
    there.istio = None
    code, out, _ = told("doctor")
    assert code == 2
    assert "there is no Istio in this cluster" in " ".join(out.split())


def test_the_doctor_is_of_clusters(told: Told) -> None:
    assert told("doctor", "--target", "local")[0] == 2

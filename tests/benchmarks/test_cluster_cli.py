"""The commands against a cluster: the same as for this machine, and what is wrong is one line and exit code 2."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.benchmarks.conftest import Told
from tests.commands import started, until
from tests.k8s.cluster.conftest import cluster  # noqa: F401 - a fixture
from tests.k8s.cluster.fake import FakeCluster

GOAROUND = Path(sys.executable).with_name("goaround")
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
    assert told("down", *at, "--name", "airport")[1] == "ended: airport\n"
    assert there.listing() == before
    assert "start one with: goaround up --target cluster" in told("status", *at)[1]


@dataclass
class Control:
    """The fault control of every pod, behind the API server's proxy: it takes orders from who knows the token."""

    faults: dict[str, dict[str, Any]] = field(default_factory=dict)
    probed: dict[str, int] = field(default_factory=dict)
    strangers: int = 0

    def answer(self, request: web.Request, pod: str) -> web.Response:
        name, _, port = pod.partition(":")
        if port == "8080":
            struck = request.headers.get("x-goaround-probe")
            if struck:
                self.probed[struck] = self.probed.get(struck, 0) + 1
            return web.Response(text="Online")
        if port != "9090":
            return web.json_response({"errors": ["not in this test"]}, status=404)
        if not request.headers.get("x-goaround-token"):
            self.strangers += 1
            return web.json_response({"errors": ["no token"]}, status=401)
        if request.method == "POST":
            said = json.loads(request["body"])
            self.faults[f"{name}/{said['id']}"] = said
            return web.json_response({}, status=201)
        if request.method == "DELETE":
            self.faults = {key: one for key, one in self.faults.items() if not key.startswith(f"{name}/")}
            return web.Response(status=204)
        here = [one | {"expires_in_s": 60.0, "fired": 1} for key, one in self.faults.items() if key.startswith(name)]
        return web.json_response({"faults": here, "fired": self.probed, "probed": self.probed})


def test_a_fault_is_injected_proven_listed_and_cleared_through_the_api_server(told: Told, there: FakeCluster) -> None:
    control, at = Control(), ("--target", "cluster")
    there.pods = control.answer
    assert told("up", *at, "--mode", "none")[0] == 0
    code, out, err = told("fault", "inject", "abort", "alerts", "rate=0.5", "--ttl", "60", *at)
    assert (code, err) == (0, "")
    assert "abort on alerts-0-0: proven; ends by itself within 60 s" in out
    assert "end it now with: goaround fault clear --name airport --target cluster" in out
    assert "abort-1" in told("fault", "list", *at)[1]
    assert told("fault", "clear", *at)[1] == (
        "abort abort-1 on alerts-0-0: ended\nno fault is active in world airport\n"
    )
    assert "no fault is active" in told("fault", "list", *at)[1]
    assert control.strangers == 0


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (("sidecar-freeze", "alerts"), "a sidecar's processes are another user's"),
        (("sidecar-crash", "alerts"), "a sidecar's processes are another user's"),
        (("stale-discovery", "momentum", "down_s=1"), "who is ready is told by the cluster's own control plane"),
        (("config-withdrawn", "alerts"), "nobody in the cluster would put Istio's objects back"),
        (("expired-certificate", "alerts"), "certificates are made by the cluster's own istiod"),
    ],
)
def test_a_fault_that_no_cluster_suffers_is_refused_before_anything_is_asked(
    told: Told, there: FakeCluster, fault: tuple[str, ...], why: str
) -> None:
    code, out, err = told("fault", "inject", *fault, "--target", "cluster")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"goaround: {fault[0]}: not on a cluster: {why}")
    assert there.asked == []


def test_a_world_whose_token_one_may_not_read_is_one_line(told: Told, there: FakeCluster) -> None:
    at = ("--target", "cluster")
    assert told("up", *at, "--mode", "none")[0] == 0
    there.forbidden.add(("GET", "/secrets/goaround-control"))
    for command in (("fault", "list"), ("watch", "--once"), ("load",)):
        code, out, err = told(*command, *at)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith("goaround: world airport has no token by which its pods would take orders")


def test_the_calls_of_a_request_are_found_in_the_logs_of_pods(told: Told, there: FakeCluster) -> None:
    at = ("--target", "cluster")
    assert told("up", *at, "--mode", "none")[0] == 0
    line = {
        "time": "2026-11-26T10:00:00+00:00", "ms": 3.5, "kind": "served", "by": "app", "pod": "collector-0-0",
        "service": "collector", "peer": "unknown", "method": "POST", "path": "/frame", "status": 200, "flag": None,
        "attempt": None, "host": None, "request_id": "7-1", "traceparent": None, "parent": None,
    }  # fmt: skip
    there.log = f"started\n{json.dumps(line)}\n"
    code, out, err = told("trace", "7-1", *at)
    assert (code, err) == (0, "")
    assert "answers outside: POST /frame" in out
    code, _, err = told("trace", "7-2", *at)
    assert code == 2
    assert "no call of request '7-2' is in the logs of world 'airport'" in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--target", "moon"), "--target 'moon': must be local or cluster"),
        (("--context", "fake"), "--context 'fake': is for --target cluster; leave it out"),
        (("--gateway", "a:1"), "--gateway 'a:1': is for --target cluster; leave it out"),
        (
            ("--target", "cluster", "--gateway", "http://a"),
            "--gateway 'http://a': must be HOST:PORT, such as 127.0.0.1:8080",
        ),
        (
            ("--target", "cluster", "--mode", "library"),
            "--mode library: is shown on this machine, where it is the same; leave out --target cluster",
        ),
        (
            ("--target", "cluster"),
            "no mesh world runs in this cluster; start one with: goaround up --target cluster --mode mesh",
        ),
    ],
)
def test_a_demonstration_that_has_no_place_is_refused_in_one_line(
    told: Told, there: FakeCluster, arguments: tuple[str, ...], says: str
) -> None:
    before = there.listing()
    assert told("demo", "load", *arguments) == (2, "", f"goaround: {says}\n")
    assert there.listing() == before


def test_a_demonstration_without_a_gateway_in_the_cluster_is_one_line(told: Told, there: FakeCluster) -> None:
    assert told("up", "--target", "cluster", "--mode", "mesh")[0] == 0
    code, _, err = told("demo", "load", "--target", "cluster")
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("goaround: no ingress gateway: namespace istio-system has no Service labelled")


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


def without_image(there: FakeCluster) -> None:
    def missing(pod: dict[str, Any]) -> None:
        pod["status"]["conditions"] = []
        pod["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": "ImagePullBackOff", "message": "..."}}

    there.trouble = missing


def without_permission(there: FakeCluster) -> None:
    there.forbidden = {("POST", "/namespaces")}


@pytest.mark.parametrize(
    ("lacking", "says"),
    [
        (
            without_image,
            r"pod .*: its image goaround:dev cannot be had \(ImagePullBackOff\): load it into the cluster, .*",
        ),
        (without_permission, r'.*/namespaces is forbidden: User "u" cannot POST'),
    ],
)
def test_a_world_that_cannot_come_up_is_one_line_and_nothing_of_it_is_left(
    told: Told, there: FakeCluster, lacking: Callable[[FakeCluster], None], says: str
) -> None:
    before = there.listing()
    lacking(there)
    code, out, err = told("up", "--target", "cluster", "--mode", "none")
    problems = [line for line in err.splitlines() if line.startswith("goaround: ")]
    assert (code, out, len(problems)) == (2, "", 1)
    assert re.fullmatch(f"goaround: {says}", problems[0])
    assert there.listing() == before


@contextmanager
def waiting(there: FakeCluster, name: str) -> Iterator[subprocess.Popen[str]]:
    """The command `up`, as a process, while it waits for pods that never are ready."""
    there.trouble = lambda pod: pod["status"].update(conditions=[])
    with started([str(GOAROUND), "up", "--target", "cluster", "--mode", "none", "--name", name]) as process:
        until(process, r"^0 of 15 pods are ready")
        yield process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_waits_removes_what_up_has_made(there: FakeCluster, number: signal.Signals) -> None:
    before = there.listing()
    with waiting(there, "mine") as process:
        process.send_signal(number)
        assert process.stdout is not None
        assert "removing what was made in namespace mine" in process.stdout.read()
        assert process.wait() == 128 + signal.SIGINT
    assert there.listing() == before


def test_what_a_killed_up_has_left_is_removed_by_down(told: Told, there: FakeCluster) -> None:
    before = there.listing()
    with waiting(there, "mine") as process:
        process.kill()
    assert there.listing() > before
    assert told("down", "--target", "cluster", "--name", "mine")[:2] == (0, "ended: mine\n")
    assert there.listing() == before


def test_the_doctor_ends_with_code_2_when_something_is_missing(told: Told, there: FakeCluster) -> None:
    there.istio = None
    code, out, _ = told("doctor")
    assert code == 2
    assert "there is no Istio in this cluster" in " ".join(out.split())


def test_the_doctor_is_of_clusters(told: Told) -> None:
    assert told("doctor", "--target", "local")[0] == 2

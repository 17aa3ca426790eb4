"""Istio objects, given to a running world by hand, act at once; what is refused changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from benchmarks import objects_cli
from k8s.local.client import LocalWorld
from k8s.local.target import LocalTarget
from k8s.target import Rendered
from tests.benchmarks.conftest import Told
from tests.k8s.tiny import deployment, injected, rendered, service

MESHED = Rendered("mesh", None, [injected("front"), service("front")])
DOWN = """apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata:
  name: front
spec:
  hosts: [front]
  http:
  - fault: {abort: {httpStatus: 418, percentage: {value: 100}}}
    route: [{destination: {host: front}}]
"""
BESIDE = """apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: good}
spec: {host: front}
---
"""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(objects_cli, "LocalTarget", lambda: LocalTarget(tmp_path))
    return tmp_path


@pytest.fixture
def world(state: Path) -> Iterator[LocalWorld]:
    started = asyncio.run(LocalTarget(state).up("small", MESHED, attached=True, seed=1))
    yield started
    asyncio.run(started.down())


def outbound(world: LocalWorld) -> int:
    """Ask for the service by its name through the pod's own sidecar; returns the status."""

    async def ask() -> int:
        [pod] = (await world.status()).pods
        host, _, port = pod.entry.rpartition(":")
        url = f"http://{host}:{int(port) + 1}/"  # the port after the inbound one (k8s.local.ports.PodPorts)
        async with aiohttp.ClientSession() as http, http.get(url, headers={"Host": "front"}) as answer:
            return answer.status

    return asyncio.run(ask())


def test_an_object_is_applied_shown_replaced_and_deleted_in_a_running_world(
    world: LocalWorld, told: Told, tmp_path: Path
) -> None:
    file = tmp_path / "down.yaml"
    file.write_text(DOWN)
    assert outbound(world) == 200

    code, said, _ = told("apply", "-f", file, "--name", "small")
    assert code == 0
    assert said.startswith("VirtualService default/front: created\nin effect in every sidecar after ")
    assert outbound(world) == 418

    assert told("apply", "-f", file, "--name", "small")[1].startswith("VirtualService default/front: unchanged\n")
    file.write_text(DOWN.replace("418", "451"))
    assert told("apply", "-f", file, "--name", "small")[1].startswith("VirtualService default/front: replaced\n")
    assert outbound(world) == 451

    assert told("get", "--name", "small")[1].split()[-4:] == ["VirtualService", "default", "front", "front"]
    shown = tmp_path / "shown.yaml"
    shown.write_text(told("get", "--yaml", "--name", "small")[1])
    assert told("apply", "-f", shown, "--name", "small")[1].startswith("VirtualService default/front: unchanged\n")

    assert told("delete", "-f", file, "--name", "small")[1].startswith("VirtualService default/front: deleted\n")
    assert outbound(world) == 200
    assert told("get", "--name", "small")[1] == "no Istio objects are in effect in world small\n"


def test_what_is_refused_is_told_by_file_line_and_path_and_changes_nothing(
    world: LocalWorld, told: Told, tmp_path: Path
) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(BESIDE + DOWN.replace("httpStatus", "httpStatuss") + "---\n" + DOWN.replace("kind: V", "kind: W"))
    code, said, wrong = told("apply", "-f", file, "--name", "small")
    assert (code, said) == (2, "")
    assert f"{file}:13: spec.http[0].fault.abort.httpStatuss: " in wrong
    assert f"{file}:17: kind: WirtualService is not supported" in wrong
    assert told("get", "--name", "small")[1] == "no Istio objects are in effect in world small\n"


def test_a_field_that_istio_ignores_is_warned_of_and_the_rest_acts(
    world: LocalWorld, told: Told, tmp_path: Path
) -> None:
    file = tmp_path / "old.yaml"
    rule = BESIDE.replace("{host: front}", "{host: front, trafficPolicy: {outlierDetection: {consecutiveErrors: 3}}}")
    file.write_text(rule)
    code, said, warned = told("apply", "-f", file, "--name", "small")
    assert code == 0
    assert said.startswith("DestinationRule default/good: created\n")
    assert f"goaround: warning: {file}:4: spec.trafficPolicy.outlierDetection.consecutiveErrors: " in warned


def test_a_gateway_that_no_call_will_reach_is_applied_with_a_warning_that_says_where_and_why(
    world: LocalWorld, told: Told, tmp_path: Path
) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: door}\nspec:\n"
        "  selector: {istio: ingressgateway}\n  servers:\n"
        "  - {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}\n"
    )
    code, said, warned = told("apply", "-f", file, "--name", "small")
    assert code == 0
    assert said.startswith("Gateway default/door: created\n")
    assert f"goaround: warning: {file}:" in warned
    assert "spec: this world has no ingress gateway" in warned


def test_deleting_what_is_not_there_is_told_with_what_is(world: LocalWorld, told: Told, tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text(BESIDE)
    told("apply", "-f", file, "--name", "small")
    file.write_text(BESIDE + DOWN)
    code, said, wrong = told("delete", "-f", file, "--name", "small")
    assert (code, said) == (2, "")
    assert f"{file}:9: metadata.name: there is no VirtualService default/front in this world" in wrong
    assert "there are: DestinationRule default/good" in wrong
    assert "DestinationRule" in told("get", "--name", "small")[1]


def test_a_world_without_sidecars_refuses_objects(state: Path, told: Told, tmp_path: Path) -> None:
    plain = asyncio.run(LocalTarget(state).up("small", rendered(deployment("front")), attached=True, seed=1))
    try:
        file = tmp_path / "down.yaml"
        file.write_text(DOWN)
        code, _, wrong = told("apply", "-f", file, "--name", "small")
    finally:
        asyncio.run(plain.down())
    assert code == 2
    assert "this world has no sidecars" in wrong


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "holds no object"),
        ("kind: VirtualService\n", "1: metadata.name: is missing"),
        ("kind: [a\n", "is not YAML"),
    ],
)
def test_a_file_without_objects_is_told_by_name(told: Told, tmp_path: Path, text: str, wrong: str) -> None:
    file = tmp_path / "odd.yaml"
    file.write_text(text)
    for command in ("apply", "delete"):
        code, _, said = told(command, "-f", file, "--name", "gone")
        assert code == 2
        assert f"{file}:" in said
        assert wrong in said


def test_a_file_and_a_world_that_do_not_exist_are_told(told: Told, tmp_path: Path, state: Path) -> None:
    assert "gone.yaml: cannot be read" in told("apply", "-f", tmp_path / "gone.yaml")[2]
    file = tmp_path / "down.yaml"
    file.write_text(DOWN)
    for command in (("apply", "-f", file), ("delete", "-f", file), ("get",)):
        code, _, wrong = told(*command, "--name", "gone")
        assert (code, wrong) == (2, "goaround: no world 'gone' runs; there are: none\n")

"""A server outside the mesh: what it is made of, what it answers, and that nothing of it is left."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from k8s.cluster import outside
from k8s.cluster.api import Api
from k8s.target import TargetError
from tests.k8s.cluster.fake import FakeCluster
from tests.ports import free_ports


def test_it_is_a_pod_without_a_sidecar_that_the_gateway_alone_may_call() -> None:
    policy, pod = outside.server("airport", "goaround:1")
    assert pod["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"
    assert "project" not in pod["metadata"]["labels"]  # it is none of the application's pods
    assert pod["spec"]["containers"][0]["image"] == "goaround:1"
    assert pod["spec"]["securityContext"]["runAsNonRoot"]
    [rule] = policy["spec"]["ingress"]
    assert rule["from"][0]["podSelector"] == {"matchLabels": {"istio": "ingressgateway"}}
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()


async def test_its_program_answers_and_writes_a_line_for_each_call(tmp_path: Path) -> None:
    [port] = free_ports(1)
    log = tmp_path / "log"
    program = outside.SERVER.replace("8080", str(port))
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=out, stderr=out)
        try:
            answers = [await asyncio.to_thread(_asked, port) for _ in range(3)]
        finally:
            process.kill()
            await process.wait()
    assert answers == [b"sunny"] * 3
    assert sum(line.startswith("asked ") for line in log.read_text().splitlines()) == 3


def _asked(port: int) -> bytes:
    """Ask as soon as it listens."""
    while True:
        try:
            with urlopen(f"http://127.0.0.1:{port}/weather") as answer:
                return bytes(answer.read())
        except ConnectionRefusedError:
            continue
        except OSError as error:
            if not isinstance(getattr(error, "reason", None), ConnectionRefusedError):
                raise


async def test_one_that_does_not_come_up_is_told_and_removed(
    cluster: FakeCluster, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "READY_S", 0.2)
    before = cluster.listing()
    with pytest.raises(TargetError, match=r"pod weather is not ready after 0\.2 s"):
        async with outside.serving(api, "default", "goaround:1"):
            pass
    assert cluster.listing() == before


async def test_its_calls_are_counted_by_its_log_and_it_ends_with_the_block(
    cluster: FakeCluster, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cluster.listing()
    cluster.log = "asked /weather\nsomething else\nasked /weather\n"

    async def ready(_api: Api, _path: str) -> dict[str, dict[str, str]]:
        return {"status": {"podIP": "10.0.0.5"}}

    monkeypatch.setattr(outside, "_ready", ready)
    async with outside.serving(api, "default", "goaround:1") as server:
        assert server.endpoint == {"address": "10.0.0.5", "ports": {"http": 8080}}
        assert await server.asked() == 2
    assert cluster.listing() == before

"""Addresses of pods are what a URL takes."""

from __future__ import annotations

import pytest

from k8s.cluster.api import Api
from k8s.cluster.reach import Inside
from k8s.cluster.target import ClusterTarget
from k8s.render import render
from tests.k8s.cluster.fake import FakeCluster, Object


@pytest.mark.parametrize(("ip", "address"), [("10.0.0.7", "10.0.0.7:9091"), ("fd00::7", "[fd00::7]:9091")])
def test_from_inside_a_pod_is_reached_at_its_own_address(ip: str, address: str) -> None:
    assert Inside().address("airport", "alerts-0", ip, 9091) == address


async def test_a_pod_with_an_address_of_ipv6_is_told_with_brackets(api: Api, cluster: FakeCluster) -> None:
    def six(pod: Object) -> None:
        pod["status"]["podIP"] = "fd00::7"

    cluster.trouble = six
    world = await ClusterTarget(api).up("airport", render("none"), attached=False, seed=1)
    assert {pod.admin for pod in (await world.status()).pods} == {"[fd00::7]:9090"}

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from k8s.local.discovery import endpoints, publish, replace
from k8s.local.manifests import read
from k8s.local.ports import HOST
from tests.k8s.local.pods import pod
from tests.k8s.tiny import service

SERVICES = read([service("front"), service("back")]).services


@given(st.lists(st.booleans(), max_size=6))
def test_endpoints_are_exactly_the_ready_pods(ready: list[bool]) -> None:
    pods = [pod("front", number, Path("not-written"), ready=one) for number, one in enumerate(ready)]
    found = endpoints(SERVICES, pods)
    assert found["back:8080"] == []
    assert found["front:8080"] == [[HOST, one.place.ports.app] for one in pods if one.ready]


def test_a_pod_with_a_sidecar_sends_everything_to_it(tmp_path: Path) -> None:
    one = pod("front", 0, tmp_path, proxy=True)
    one.place.directory.mkdir()
    publish(SERVICES, [one])
    content = json.loads(one.discovery_file.read_text())
    assert content == {"services": {}, "proxy": {"8080": [HOST, one.place.ports.outbound]}}


def test_pods_with_sidecars_are_reached_through_them(tmp_path: Path) -> None:
    one = pod("front", 0, tmp_path, proxy=True)
    assert endpoints(SERVICES, [one])["front:8080"] == [[HOST, one.place.ports.inbound]]


def test_a_file_that_says_so_already_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "discovery.json"
    replace(path, {"a": 1})
    before = path.stat()
    replace(path, {"a": 1})
    assert path.stat().st_ino == before.st_ino
    replace(path, {"a": 2})
    assert path.stat().st_ino != before.st_ino

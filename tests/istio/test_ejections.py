"""Envoy's log of ejections, as a running Envoy writes it."""

import json
import time
from pathlib import Path

import pytest

from istio.ejections import Ejection, read_ejections
from tests.istio.running import PODS, Mesh, eventually, running_mesh
from tests.istio.test_sidecar import BAD, FOR_LONG, NO_RETRIES, until_ejected


async def logged(mesh: Mesh, kind: str) -> Ejection:
    async def there() -> bool:
        return any(one.kind == kind for one in mesh.sidecar.ejections())

    await eventually(there)
    return next(one for one in mesh.sidecar.ejections() if one.kind == kind)


async def test_an_ejection_and_the_return_are_read_with_their_times(tmp_path: Path) -> None:
    before = time.time()
    async with running_mesh(tmp_path) as mesh:
        await mesh.apply(FOR_LONG.replace("300s", "100ms") + NO_RETRIES)
        await until_ejected(mesh)
        ejection = await logged(mesh, "ejection")
        back = await logged(mesh, "return")
        host, port = next(mesh.addresses[ip, 8080] for ip, name in PODS.items() if name == BAD)
        assert (ejection.callee, ejection.host) == ("image-analysis", f"{host}:{port}")
        assert (back.callee, back.host) == (ejection.callee, ejection.host)
        assert before - 1 <= ejection.at <= back.at <= time.time() + 1


def test_no_log_holds_no_ejection(tmp_path: Path) -> None:
    assert read_ejections(tmp_path / "none.log") == []


def line(**changes: object) -> str:
    event = {
        "type": "CONSECUTIVE_5XX",
        "cluster_name": "outbound|8080||alerts.airport.svc.cluster.local;",
        "upstream_url": "127.0.0.1:20000",
        "action": "EJECT",
        "enforced": True,
        "timestamp": "2026-11-23T00:00:00.250Z",
    }
    return json.dumps({**event, **changes}) + "\n"


def read(tmp_path: Path, text: str) -> list[Ejection]:
    path = tmp_path / "ejections.log"
    path.write_text(text)
    return read_ejections(path)


def test_an_ejection_that_was_not_enforced_is_none(tmp_path: Path) -> None:
    assert read(tmp_path, line(enforced=False)) == []


def test_an_inbound_cluster_is_no_edge(tmp_path: Path) -> None:
    assert read(tmp_path, line(cluster_name="inbound|8080||;")) == []


BROKEN = {
    "two events in one": line()[:-1] + line(),
    "words in the midst": line()[:60] + "info\txdsproxy connected\n" + line()[60:],
    "the first is cut off": line()[:-20] + "\n",
    "a name is cut out": line().replace('"timestamp"', '"time\tstamp"'),
    "no time": line(timestamp="now"),
    "another action": line(action="EJ"),
    "another event": '{"about": {"cluster_name": 1}}\n',
    "a number for a name": line(cluster_name=8080),
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_broken_line_is_no_ejection_and_the_next_one_is_read(tmp_path: Path, text: str) -> None:
    whole = Ejection(1795392000.25, "alerts", "127.0.0.1:20000", "ejection")
    assert read(tmp_path, text + line()) == [whole]


def test_half_a_line_is_left_for_the_next_reading(tmp_path: Path) -> None:
    whole = Ejection(1795392000.25, "alerts", "127.0.0.1:20000", "ejection")
    assert read(tmp_path, line() + line()[:40]) == [whole]

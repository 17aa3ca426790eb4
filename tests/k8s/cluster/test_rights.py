"""What a Job may do in a world is what a world's handle asks for: no call lacks its right, and no right its call."""

from __future__ import annotations

import copy
import inspect
import json
import re
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from k8s.cluster import operated, rest
from k8s.cluster import world as worlds
from k8s.cluster.api import Api
from k8s.cluster.rights import Rule, rules
from k8s.cluster.target import ClusterTarget
from k8s.cluster.world import ClusterWorld
from k8s.render import render
from tests.k8s.cluster.fake import NAMESPACES, FakeCluster
from tests.k8s.cluster.fake_wardens import FakeWardens
from tests.k8s.cluster.jobs import JobCluster

PATH = re.compile(r"(?:/api/v1|/apis/(?P<group>[^/]+)/[^/]+)/namespaces/airport/(?P<resource>[^/]+)(?P<rest>/.*)?")
STRUCK = "".join(
    f"cluster.outbound|8080||alerts.airport.svc.cluster.local;.outlier_detection.ejections_{name}: 1\n"
    for name in ("enforced_total", "active")
)
NOT_OF_A_JOB = {"down", "withdraw", "restore", "hold_discovery", "release_discovery", "expire", "renew", "proxy_calls"}
"""The end of a world is its user's; the others ask a cluster for nothing."""
Right = tuple[str, str, str]


def right(call: str) -> Right:
    """The right that a call to the API server needs: group, resource, verb."""
    method, _, path = call.partition(" ")
    if path == f"{NAMESPACES}/airport":
        return "", "namespaces", "get"
    found = PATH.fullmatch(path)
    assert found, call
    parts = (found["rest"] or "").strip("/").split("/")
    resource = "/".join([found["resource"], *parts[1:]])
    read = "get" if parts[0] else "list"
    verb = {"GET": read, "POST": "create", "PATCH": "patch", "DELETE": "delete"}[method]
    return found["group"] or "", resource, verb


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with JobCluster() as cluster:  # a world can rest in it
        yield cluster


@pytest_asyncio.fixture
async def wardens(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeWardens]:
    for module, name in ((operated, "POLL_S"), (worlds, "LOOK_S"), (rest, "POLL_S")):
        monkeypatch.setattr(module, name, 0.0)
    async with FakeWardens(cluster) as wardens:
        yield wardens


async def everything(world: ClusterWorld, api: Api, wardens: FakeWardens, cluster: FakeCluster) -> set[str]:
    """Do all that a Job does to a world; gives the names of the methods."""
    done = set()

    async def do(name: str, *args: object, **more: object) -> object:
        done.add(name)
        return await getattr(world, name)(*args, **more)

    for name in ("status", "beginning", "wait_ready", "usage", "proxy_stats", "ejections"):
        await do(name)
    for name in ("kill", "freeze"):
        await do(name, "alerts-0-0", ttl_s=1.0)
    await do("thaw", "alerts-0-0")
    await do("look", {"alerts-0-0"})
    await do("log", "alerts-0-0")
    await do("restart", "alerts-0-0")
    await do("restart", "alerts-0-1", {"NEW": "1"})
    await do("probe", "alerts", {"livenessProbe": None})
    await do("scale", "image-analysis", 2)
    [worn] = [one for one in cluster.of_kind("pods", "airport") if one["metadata"]["name"] == "collector-0-0"]
    worn["status"]["containerStatuses"][0]["restartCount"] = 1
    await do("mend")
    before = await do("config", "goaround-beginning")
    await do("configure", "goaround-beginning", before)
    wardens.stats["collector-0-0"] = STRUCK
    await do("reset_mesh")
    if world.mode == "mesh":
        kept = await do("get")
        assert isinstance(kept, list)
        await do("delete", kept)
        await do("apply", kept)
    await rest.rest(api, "airport")
    await rest.wake(api, "airport")
    return done


def grants(granted: tuple[Rule, ...]) -> set[Right]:
    return {(rule.group, rule.resource, verb) for rule in granted for verb in rule.verbs}


@pytest.mark.parametrize("mode", ["library", "mesh"])
async def test_each_call_is_granted_and_each_right_is_used(
    mode: str, api: Api, wardens: FakeWardens, cluster: FakeCluster
) -> None:
    target = ClusterTarget(api, reach=wardens)
    await target.up("airport", render(mode), seed=1)
    cluster.asked.clear()
    there = copy.deepcopy(set(cluster.objects))
    done = await everything(await target.world("airport"), api, wardens, cluster)
    used = {right(one) for one in cluster.asked if "selfsubject" not in one}
    # what is applied where it is not there is created
    deleted = {one.partition(" ")[2] for one in cluster.asked if one.startswith("DELETE")}
    used |= {
        right(f"POST {path.rpartition('/')[0]}")
        for method, _, path in (one.partition(" ") for one in cluster.asked)
        if method == "PATCH" and path in deleted & there
    }
    granted = grants(rules(sidecars=mode == "mesh"))
    assert used <= granted
    assert {one for one in granted - used if not one[0].endswith("istio.io")} == set()
    names = {name for name, _ in inspect.getmembers(ClusterWorld, inspect.iscoroutinefunction) if name[0] != "_"}
    without = set() if mode == "mesh" else {"get", "delete", "apply"}
    assert done == names - NOT_OF_A_JOB - without, json.dumps(sorted(names - NOT_OF_A_JOB - done))

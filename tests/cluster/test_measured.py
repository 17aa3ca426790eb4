"""A world with a mesh in a real cluster: measured by its wardens, broken on purpose, and as new again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import aiohttp
import pytest

from istio import stats
from k8s.cluster.api import Api, ApiError
from k8s.cluster.relay import Relay
from k8s.cluster.target import ClusterTarget
from k8s.cluster.world import ClusterWorld
from k8s.render import render
from k8s.target import Ability, Pod, TargetError
from tests.cluster.given import MISSING
from tests.cluster.listing import listing
from tests.services.scripted import frame

if MISSING:
    pytest.skip(MISSING, allow_module_level=True)

NAME = "goaround-measured"
RENDERED = render("mesh", "matched", {"interval_s": 1.0, "base_ejection_s": 60.0})
BROKEN = {"id": "broken", "kind": "abort", "status": 503, "rate": 1.0, "ttl_s": 120, "seed": 1}
pytestmark = [pytest.mark.timeout(900), pytest.mark.xdist_group("cluster")]
ROUNDING_S = 0.1
"""CPU seconds are told in thousandths, by each of 15 wardens."""
T = TypeVar("T")


class Running:
    """A world, and the one loop on which it and the way to its pods are used."""

    def __init__(self, api: Api, runner: asyncio.Runner, world: ClusterWorld) -> None:
        self.api, self.runner, self.world = api, runner, world

    def do(self, what: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(what)

    def pods(self, service: str) -> list[Pod]:
        return [pod for pod in self.do(self.world.status()).pods if pod.service == service]

    def pod(self, name: str) -> Pod:
        [found] = [pod for pod in self.do(self.world.status()).pods if pod.name == name]
        return found

    def told(self) -> float:
        """CPU seconds of all applications that are there, each as its warden tells it."""
        return sum(pod.app_usage.cpu_s for pod in self.do(self.world.status()).pods)

    def send(self, count: int, first: int) -> list[int]:
        """Give frames to the collectors, through the API server; their statuses."""
        path = f"/api/v1/namespaces/{NAME}/services/http:collector:8080/proxy/frame"

        def one(seed: int) -> int:
            try:
                self.api.post(path, frame(seed, section=1).to_json())
            except ApiError as error:
                return error.status
            return 200

        with ThreadPoolExecutor(4) as threads:
            return list(threads.map(one, range(first, first + count)))

    def ask(self, method: str, url: str, body: object = None, *, known: bool = True) -> int:
        """Ask an admin port, as one who has the token or as one who has not; the status."""

        async def asked() -> int:
            async with (
                aiohttp.ClientSession(headers=self.world.headers if known else {}) as session,
                session.request(method, f"http://{url}", json=body) as answer,
            ):
                return answer.status

        return self.do(asked())

    def edges(self, service: str) -> dict[str, stats.EdgeStats]:
        """What all sidecars of a service counted, by callee."""
        names = {pod.name for pod in self.pods(service)}
        total: dict[str, stats.EdgeStats] = {}
        for pod, flat in self.do(self.world.proxy_stats()).items():
            for callee, edge in stats.edges(flat).items() if pod in names else ():
                total[callee] = total.get(callee, stats.EdgeStats()) + edge
        return total


@pytest.fixture(scope="module")
def running(api: Api) -> Iterator[Running]:
    before = listing(api)
    with asyncio.Runner() as runner:
        relay = Relay(api.access())
        runner.run(relay.__aenter__())
        try:
            target = ClusterTarget(api, say=print, reach=relay)
            world = runner.run(target.up(NAME, RENDERED, seed=1))
            yield Running(api, runner, world)
            runner.run(world.down())
        finally:
            runner.run(relay.__aexit__(None, None, None))
    assert listing(api) == before


def until(what: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Ask until it is so, or until the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return True
    return what()


def test_every_pod_has_a_warden_and_says_what_it_uses(running: Running) -> None:
    status = running.do(running.world.status())
    assert status.ready
    assert status.notes == ()
    for pod in status.pods:
        assert pod.app_usage.rss > 2**20
        assert pod.app_usage.pss
        assert pod.proxy_usage
        assert pod.proxy_usage.rss > pod.app_usage.rss
        assert pod.proxy_usage.pss is None


def test_usage_grows_under_load_for_applications_and_proxies_apart(running: Running) -> None:
    before = running.do(running.world.usage())
    assert set(running.send(60, first=1000)) == {200}
    after = running.do(running.world.usage())
    assert after.app.cpu_s > before.app.cpu_s
    assert after.proxy.cpu_s > before.proxy.cpu_s


def test_the_sidecars_tell_what_they_sent(running: Running) -> None:
    before = running.edges("collector")["image-analysis"].requests
    running.send(20, first=2000)
    assert running.edges("collector")["image-analysis"].requests >= before + 20


def test_a_fault_is_set_by_whoever_has_the_token_and_by_nobody_else(running: Running) -> None:
    [alerts] = running.pods("alerts")
    assert running.ask("POST", f"{alerts.admin}/faults", BROKEN, known=False) == 401
    assert running.ask("GET", f"{alerts.admin}/counters", known=False) == 401
    assert running.ask("GET", f"{alerts.admin}/metrics", known=False) == 200
    assert running.ask("POST", f"{alerts.admin}/faults", BROKEN) == 201
    assert running.ask("DELETE", f"{alerts.admin}/faults/broken") == 204


def test_a_warden_obeys_nobody_who_has_not_the_token(running: Running) -> None:
    [alerts] = running.pods("alerts")
    warden = alerts.admin.replace("9090", "9091")
    order = {"container": "app", "ttl_s": 0}
    assert running.ask("POST", f"{warden}/kill", order, known=False) == 401
    assert running.pod(alerts.name).restarts == alerts.restarts


def test_a_bad_replica_is_retried_ejected_told_in_the_timeline_and_forgotten_by_a_reset(running: Running) -> None:
    bad = running.pods("image-analysis")[0]
    policies = running.do(running.world.get())
    began = time.time()
    assert running.ask("POST", f"{bad.admin}/faults", BROKEN) == 201
    seeds = iter(range(3000, 9000, 20))
    assert until(lambda: bool(running.send(20, next(seeds)) and _ejected(running)))
    edge = running.edges("collector")["image-analysis"]
    assert edge.retries > 0
    assert edge.ejections > 0
    told = [one for each in running.do(running.world.ejections()).values() for one in each if one.at > began - 5]
    assert {(one.callee, one.kind) for one in told} == {("image-analysis", "ejection")}
    assert running.ask("DELETE", f"{bad.admin}/faults") == 204
    running.do(running.world.reset_mesh())
    assert not _ejected(running)
    assert running.do(running.world.get()) == policies
    counted = _received(running)
    assert until(lambda: bool(running.send(20, next(seeds)) and _received(running)[bad.name] > counted[bad.name]))


def _ejected(running: Running) -> int:
    return running.edges("collector")["image-analysis"].active_ejections


def _received(running: Running) -> dict[str, int]:
    """How many requests each replica of image-analysis has got from the collectors."""

    async def counted(session: aiohttp.ClientSession, pod: Pod) -> int:
        async with session.get(f"http://{pod.admin}/counters") as answer:
            return int((await answer.json())["received"].get("collector", 0))

    async def all_of_them(pods: list[Pod]) -> dict[str, int]:
        async with aiohttp.ClientSession(headers=running.world.headers) as session:
            return {pod.name: await counted(session, pod) for pod in pods}

    return running.do(all_of_them(running.pods("image-analysis")))


def test_a_frozen_application_stands_still_until_its_time_is_over(running: Running) -> None:
    pod = running.pods("face-recognition")[0]
    began = time.monotonic()
    running.do(running.world.freeze(pod.name, ttl_s=4))
    assert until(lambda: running.pod(pod.name).frozen == ("app",), 3)
    assert until(lambda: running.pod(pod.name).frozen == ())
    assert time.monotonic() - began >= 4
    assert until(lambda: running.pod(pod.name).ready)
    assert running.pod(pod.name).restarts == pod.restarts


def test_a_killed_application_is_held_down_and_its_pod_is_replaced_before_the_next_cell(running: Running) -> None:
    pod = running.pods("image-analysis")[0]
    told = running.told()
    usage = running.do(running.world.usage())
    began = time.monotonic()
    running.do(running.world.kill(pod.name, ttl_s=8))
    assert until(lambda: not running.pod(pod.name).ready)
    assert until(lambda: running.pod(pod.name).frozen == ("app",))
    assert until(lambda: running.pod(pod.name).ready and running.pod(pod.name).restarts == pod.restarts + 1)
    assert time.monotonic() - began >= 8
    grown = running.do(running.world.usage()).app.cpu_s - usage.app.cpu_s
    # what was told around it bounds it: no second is counted that no warden told
    assert 0 <= grown <= running.told() - told + ROUNDING_S
    running.do(running.world.mend())
    names = [one.name for one in running.pods("image-analysis")]
    assert len(names) == 3
    assert pod.name not in names
    assert running.do(running.world.status()).ready


def test_sidecars_cannot_be_killed_there_and_that_is_told(running: Running) -> None:
    [alerts] = running.pods("alerts")
    with pytest.raises(TargetError, match="not on a cluster: a sidecar's processes are another user's"):
        running.do(running.world.kill(alerts.name, "proxy"))
    target = ClusterTarget(running.api)
    assert "another user's" in target.supports(Ability.SIDECARS, RENDERED)


def test_a_service_is_told_a_variable_in_a_rollout_and_then_no_more(running: Running) -> None:
    path = f"/apis/apps/v1/namespaces/{NAME}/deployments/face-recognition"

    def template() -> Any:
        return running.api.get(path)["spec"]["template"]

    original, before = template(), {one.name for one in running.pods("face-recognition")}
    for name in sorted(before):
        running.do(running.world.restart(name, {"CPU_MS": "1"}, 60))
    assert {"name": "CPU_MS", "value": "1"} in template()["spec"]["containers"][0]["env"]
    assert not before & {one.name for one in running.pods("face-recognition")}
    running.do(running.world.mend())
    assert template() == original
    assert running.do(running.world.status()).ready


def test_a_pod_that_is_restarted_is_replaced_and_its_cpu_time_stays(running: Running) -> None:
    before = {one.name for one in running.pods("image-analysis")}
    told, gone, began = running.told(), running.pod(min(before)).app_usage.cpu_s, time.monotonic()
    usage = running.do(running.world.usage())
    running.do(running.world.restart(min(before)))
    after = {one.name for one in running.pods("image-analysis")}
    assert before - after == {min(before)}
    assert len(after) == 3
    grown = running.do(running.world.usage()).app.cpu_s - usage.app.cpu_s
    # the wardens that are there tell the rest; who is gone ran on one core, and took no longer than this
    assert 0 <= grown <= running.told() - (told - gone) + (time.monotonic() - began) + ROUNDING_S

"""A world of a cluster is measured, told other things, broken on purpose, and made whole again."""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
import pytest_asyncio

from k8s.cluster import operated
from k8s.cluster import world as worlds
from k8s.cluster.api import Api
from k8s.cluster.control import HEADER, KEPT, token_of
from k8s.cluster.target import ClusterTarget
from k8s.cluster.world import ClusterWorld
from k8s.render import render
from k8s.target import Ability, KindUsage, Target, TargetError, World
from tests.k8s.cluster.fake import NAMESPACES, FakeCluster
from tests.k8s.cluster.fake_wardens import FakeWardens

EJECTED = "cluster.outbound|8080||alerts.airport.svc.cluster.local;.outlier_detection.ejections_{}: {}\n"
STRUCK = EJECTED.format("enforced_total", 3) + EJECTED.format("active", 1)
EVENT = {
    "timestamp": "2026-11-26T15:00:00.5Z",
    "cluster_name": "outbound|8080||alerts.airport.svc.cluster.local",
    "upstream_url": "10.0.0.3:8080",
    "action": "EJECT",
    "enforced": True,
}


@pytest_asyncio.fixture
async def wardens(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeWardens]:
    monkeypatch.setattr(operated, "POLL_S", 0.0)
    monkeypatch.setattr(worlds, "LOOK_S", 0.0)
    async with FakeWardens(cluster) as wardens:
        yield wardens


@pytest.fixture
def target(api: Api, wardens: FakeWardens) -> ClusterTarget:
    return ClusterTarget(api, reach=wardens)


@pytest_asyncio.fixture
async def world(target: ClusterTarget) -> ClusterWorld:
    return await target.up("airport", render("mesh"), seed=1)


@pytest_asyncio.fixture
async def library(target: ClusterTarget) -> ClusterWorld:
    return await target.up("airport", render("library"), seed=1)


async def names(world: ClusterWorld, service: str) -> list[str]:
    return [pod.name for pod in (await world.status()).pods if pod.service == service]


def template(cluster: FakeCluster, name: str) -> dict[str, Any]:
    [found] = [one for one in cluster.of_kind("deployments", "airport") if one["metadata"]["name"] == name]
    return copy.deepcopy(dict(found["spec"]["template"]))


def told(cluster: FakeCluster, name: str) -> dict[str, str | None]:
    env = template(cluster, name)["spec"]["containers"][0]["env"]
    return {one["name"]: one.get("value") for one in env}


async def test_it_is_a_world_and_its_target_one_where_worlds_are_measured(
    world: ClusterWorld, target: ClusterTarget
) -> None:
    measured: World = world
    place: Target = target
    assert (await place.world("airport")).name == measured.name


async def test_the_token_is_in_the_secret_and_whoever_finds_the_world_has_it(
    world: ClusterWorld, target: ClusterTarget, cluster: FakeCluster
) -> None:
    [secret] = cluster.of_kind("secrets", "airport")
    assert world.headers == {HEADER: token_of(secret)}
    assert (await target.world("airport")).headers == world.headers


async def test_a_token_that_is_given_is_used(target: ClusterTarget) -> None:
    world = await target.up("airport", render("none"), seed=1, token="given")  # noqa: S106 - of a fake cluster
    assert world.headers == {HEADER: "given"}


async def test_every_request_to_a_warden_has_the_token(world: ClusterWorld, wardens: FakeWardens) -> None:
    await world.usage()
    await world.kill((await names(world, "alerts"))[0])
    assert wardens.tokens == {world.headers[HEADER]}


async def test_status_says_what_each_pod_uses_and_whose_processes_stand_still(
    world: ClusterWorld, wardens: FakeWardens
) -> None:
    [pod] = await names(world, "alerts")
    wardens.usage[pod] = {
        "app": {"cpu_s": 9.0, "rss": 7, "pss": 5},
        "proxy": {"cpu_s": 3.0, "rss": 2, "pss": None},
        "frozen": ["app"],
    }
    status = await world.status()
    [found] = [one for one in status.pods if one.name == pod]
    assert (found.app_usage, found.proxy_usage) == (KindUsage(9.0, 7, 5), KindUsage(3.0, 2, None))
    assert (found.frozen, status.notes) == (("app",), ())


async def test_a_look_at_a_pod_lists_pods_once_and_asks_no_warden_but_its_own_and_not_for_its_usage(
    world: ClusterWorld, wardens: FakeWardens, cluster: FakeCluster
) -> None:
    [pod] = await names(world, "alerts")
    wardens.usage[pod] = {"frozen": ["app"]}
    wardens.asked.clear()
    cluster.asked.clear()
    [found] = await world.look([pod, "one-that-is-gone"])
    assert (found.name, found.ready, found.restarts, found.frozen) == (pod, True, 0, ("app",))
    assert wardens.asked == [(pod, "frozen")]
    assert cluster.asked == [f"GET {NAMESPACES}/airport/pods"]


async def test_status_gives_addresses_by_which_pods_are_reached(world: ClusterWorld, wardens: FakeWardens) -> None:
    pod = (await world.status()).pods[0]
    at = wardens.address("airport", pod.name, "", 0).removesuffix("/0")
    assert (pod.entry, pod.app, pod.admin) == (f"{at}/8080", f"{at}/8080", f"{at}/9090")
    assert pod.proxy_admin == f"{at}/9091/proxy"


async def test_a_warden_that_does_not_answer_is_named_in_the_status(world: ClusterWorld, wardens: FakeWardens) -> None:
    [pod] = await names(world, "alerts")
    wardens.silent.add(pod)
    assert (await world.status()).notes == (f"the warden of {pod} does not answer: no Envoy answers",)


async def test_usage_adds_up_applications_and_proxies_apart(world: ClusterWorld) -> None:
    usage = await world.usage()
    assert usage.app == KindUsage(15.0, 1500, 900)
    assert usage.proxy == KindUsage(30.0, 3000, None)


async def test_without_sidecars_no_proxy_uses_anything(library: ClusterWorld, wardens: FakeWardens) -> None:
    for pod in (await library.status()).pods:
        wardens.usage[pod.name] = {"app": {"cpu_s": 1.0, "rss": 10, "pss": 6}, "proxy": None, "frozen": []}
    usage = await library.usage()
    assert (usage.app, usage.proxy) == (KindUsage(15.0, 150, 90), KindUsage(0.0, 0, 0))


async def test_a_pod_that_is_gone_counts_on_with_what_it_had_used(world: ClusterWorld) -> None:
    before = await world.usage()
    await world.scale("image-analysis", 1)
    after = await world.usage()
    assert after.app.cpu_s == before.app.cpu_s
    assert after.app.rss == before.app.rss - 200


async def test_usage_is_not_told_where_the_warden_of_a_ready_pod_does_not_answer(
    world: ClusterWorld, wardens: FakeWardens
) -> None:
    [pod] = await names(world, "alerts")
    wardens.silent.add(pod)
    with pytest.raises(TargetError, match=f"the warden of {pod} does not answer: no Envoy answers"):
        await world.usage()


async def test_a_pod_that_is_not_ready_may_be_silent(
    world: ClusterWorld, wardens: FakeWardens, cluster: FakeCluster
) -> None:
    [pod] = await names(world, "alerts")
    await world.usage()
    wardens.silent.add(pod)
    cluster.objects[f"{NAMESPACES}/airport/pods/{pod}"]["status"]["conditions"] = []
    assert (await world.usage()).app.cpu_s == 15.0


async def test_orders_go_to_the_warden_of_the_pod(world: ClusterWorld, wardens: FakeWardens) -> None:
    [pod] = await names(world, "alerts")
    await world.kill(pod, ttl_s=2.0)
    await world.freeze(pod, ttl_s=3.0)
    await world.thaw(pod)
    assert wardens.orders == [
        (pod, "kill", {"container": "app", "ttl_s": 2.0}),
        (pod, "freeze", {"container": "app", "ttl_s": 3.0}),
        (pod, "thaw", {"container": "app"}),
    ]


async def test_what_a_warden_refuses_is_told_in_its_words(world: ClusterWorld, wardens: FakeWardens) -> None:
    [pod] = await names(world, "alerts")
    wardens.refuses = ["no process of app runs"]
    with pytest.raises(TargetError, match=f"{pod}: kill: no process of app runs"):
        await world.kill(pod)


async def test_an_unknown_pod_is_told_with_the_choices(world: ClusterWorld) -> None:
    with pytest.raises(TargetError, match=r"no pod 'alert'; choose from: alerts-0-0, "):
        await world.kill("alert")


async def test_sidecars_are_neither_killed_nor_frozen(world: ClusterWorld, wardens: FakeWardens) -> None:
    [pod] = await names(world, "alerts")
    for act in (world.kill, world.freeze):
        with pytest.raises(TargetError, match="not on a cluster: a sidecar's processes are another user's"):
            await act(pod, "proxy")
    assert wardens.orders == []


async def test_a_restarted_pod_is_replaced_and_the_others_stay(world: ClusterWorld) -> None:
    before = await names(world, "image-analysis")
    await world.restart(before[0])
    after = await names(world, "image-analysis")
    assert len(after) == len(before) == 3
    assert set(before) - set(after) == {before[0]}


async def test_a_restart_with_variables_is_a_rollout_to_all_replicas_and_the_next_restart_undoes_it(
    world: ClusterWorld, cluster: FakeCluster
) -> None:
    original, before = template(cluster, "image-analysis"), await names(world, "image-analysis")
    for pod in before:
        await world.restart(pod, {"CPU_MS": "9", "NEW": "1"}, 60)
    between = await names(world, "image-analysis")
    assert not set(before) & set(between)
    env = told(cluster, "image-analysis")
    assert (env["CPU_MS"], env["NEW"], env["SERVICE_NAME"]) == ("9", "1", "image-analysis")
    for pod in before:
        await world.restart(pod)
    assert template(cluster, "image-analysis") == original
    assert not set(between) & set(await names(world, "image-analysis"))


async def test_the_replicas_that_a_rollout_has_replaced_are_not_replaced_once_more(world: ClusterWorld) -> None:
    before = await names(world, "image-analysis")
    await world.restart(before[0], {"CPU_MS": "9"}, 60)
    rolled_out = await names(world, "image-analysis")
    for pod in before[1:]:
        await world.restart(pod, {"CPU_MS": "9"}, 60)
    assert await names(world, "image-analysis") == rolled_out


async def test_a_pod_of_no_deployment_is_refused(world: ClusterWorld) -> None:
    with pytest.raises(TargetError, match="no deployment 'colector'; choose from: alerts"):
        await world.restart("colector-0-0")


async def test_probes_are_merged_and_put_back(world: ClusterWorld, cluster: FakeCluster) -> None:
    original = template(cluster, "collector")
    patch = {"readinessProbe": {"httpGet": None, "tcpSocket": {"port": "http"}}, "livenessProbe": None}
    await world.probe("collector", patch)
    container = template(cluster, "collector")["spec"]["containers"][0]
    period = original["spec"]["containers"][0]["readinessProbe"]["periodSeconds"]
    assert container["readinessProbe"]["tcpSocket"] == {"port": "http"}
    assert container["readinessProbe"]["periodSeconds"] == period
    assert "httpGet" not in container["readinessProbe"]
    assert "livenessProbe" not in container
    await world.probe("collector", {})
    assert template(cluster, "collector") == original


async def test_what_is_no_probe_is_refused(world: ClusterWorld) -> None:
    with pytest.raises(TargetError, match="aliveProbe: is no probe; choose from: livenessProbe,"):
        await world.probe("collector", {"aliveProbe": {}})


async def test_variables_and_probes_are_undone_apart(world: ClusterWorld, cluster: FakeCluster) -> None:
    original = template(cluster, "collector")
    await world.probe("collector", {"livenessProbe": None})
    await world.restart((await names(world, "collector"))[0], {"NEW": "1"}, 60)
    await world.probe("collector", {})
    container = template(cluster, "collector")["spec"]["containers"][0]
    assert container["livenessProbe"] == original["spec"]["containers"][0]["livenessProbe"]
    assert told(cluster, "collector")["NEW"] == "1"


async def test_entries_of_a_configmap_are_replaced(library: ClusterWorld) -> None:
    before = await library.config("policies")
    assert set(before) == {"policies.json"}
    await library.configure("policies", {"policies.json": "{}", "more": "x"})
    assert await library.config("policies") == {"policies.json": "{}", "more": "x"}
    await library.configure("policies", before)
    assert await library.config("policies") == before


async def test_mending_a_world_that_is_whole_changes_nothing(world: ClusterWorld, cluster: FakeCluster) -> None:
    before = copy.deepcopy(cluster.objects)
    await world.mend()
    assert cluster.objects == before


async def test_mending_replaces_pods_that_were_started_again(world: ClusterWorld, cluster: FakeCluster) -> None:
    before = await names(world, "image-analysis")
    worn = cluster.objects[f"{NAMESPACES}/airport/pods/{before[1]}"]
    worn["status"]["containerStatuses"][0]["restartCount"] = 1
    await world.mend()
    assert set(before) - set(await names(world, "image-analysis")) == {before[1]}
    assert not any(pod.restarts for pod in (await world.status()).pods)


async def test_mending_replaces_pods_that_waiting_would_not_make_ready(
    world: ClusterWorld, cluster: FakeCluster
) -> None:
    before = await names(world, "image-analysis")
    for pod in before[:2]:
        status = cluster.objects[f"{NAMESPACES}/airport/pods/{pod}"]["status"]
        status["conditions"] = []
        status["containerStatuses"][0] |= {"restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    await world.mend()
    after = await names(world, "image-analysis")
    assert (len(after), set(before) & set(after)) == (3, {before[2]})
    assert (await world.status()).ready


async def test_mending_replaces_no_pod_for_a_restart_of_its_warden(world: ClusterWorld, cluster: FakeCluster) -> None:
    before = await names(world, "alerts")
    statuses = cluster.objects[f"{NAMESPACES}/airport/pods/{before[0]}"]["status"]["containerStatuses"]
    [warden] = [one for one in statuses if one["name"] == "warden"]
    warden["restartCount"] = 3
    await world.mend()
    assert await names(world, "alerts") == before


async def test_mending_undoes_what_was_told_by_somebody_who_died(
    world: ClusterWorld, target: ClusterTarget, cluster: FakeCluster
) -> None:
    original = template(cluster, "collector")
    await world.restart((await names(world, "collector"))[0], {"NEW": "1"}, 60)
    await (await target.world("airport")).mend()
    assert template(cluster, "collector") == original


async def test_the_counters_of_every_sidecar_are_told_by_pod(world: ClusterWorld, wardens: FakeWardens) -> None:
    [pod] = await names(world, "alerts")
    wardens.stats[pod] = "cluster.x.upstream_rq_total: 3\nversion: abc\nhttp.y: 4\n"
    found = await world.proxy_stats()
    assert len(found) == 15
    assert found[pod] == {"cluster.x.upstream_rq_total": 3, "http.y": 4}


async def test_without_sidecars_there_is_nothing_of_them(library: ClusterWorld, cluster: FakeCluster) -> None:
    assert await library.proxy_stats() == {}
    assert await library.ejections() == {}
    await library.reset_mesh()


async def test_ejections_are_read_in_the_logs_of_the_sidecars(
    world: ClusterWorld, wardens: FakeWardens, cluster: FakeCluster
) -> None:
    back = {**EVENT, "timestamp": "2026-11-26T15:00:02Z", "action": "UNEJECT"}
    cluster.log = "\n".join(
        ["2026-11-26T14:59:00Z info started", json.dumps(EVENT), '{"level":"info"}', json.dumps(back)]
    )
    wardens.stats["alerts-0-0"] = STRUCK
    found = (await world.ejections())["collector-0-0"]
    assert [(one.callee, one.host, one.kind) for one in found] == [("alerts", "10.0.0.3:8080", "ejection")]
    cluster.log += "\n"
    found = (await world.ejections())["collector-0-0"]
    assert [one.kind for one in found] == ["ejection", "return"]
    assert found[1].at - found[0].at == 1.5


async def test_a_log_is_read_from_where_it_was_left_and_what_it_said_before_is_told_again(
    world: ClusterWorld, cluster: FakeCluster
) -> None:
    back = {**EVENT, "timestamp": "2026-11-26T15:00:02Z", "action": "UNEJECT"}
    cluster.log = f"{json.dumps(EVENT)}\n"
    await world.ejections()
    cluster.log = f"{json.dumps(EVENT)}\n{json.dumps(back)}\n"
    cluster.logs.clear()
    found = await world.ejections()
    assert [one.kind for one in found["collector-0-0"]] == ["ejection", "return"]
    cluster.log = "2026-11-26T15:01:00Z info nothing new\n"
    assert await world.ejections() == found
    assert {"sinceSeconds" in query for _, query in cluster.logs} == {True}
    assert all(0 < int(query["sinceSeconds"]) < 600 for _, query in cluster.logs)


async def test_a_pod_that_is_gone_before_its_log_is_read_is_left_out(world: ClusterWorld, cluster: FakeCluster) -> None:
    cluster.log = f"{json.dumps(EVENT)}\n"
    cluster.gone = {"alerts-0-0"}
    found = await world.ejections()
    assert ("alerts-0-0" in found, len(found)) == (False, 14)


async def test_a_reset_deletes_outlier_detection_and_applies_it_again(
    world: ClusterWorld, wardens: FakeWardens, cluster: FakeCluster
) -> None:
    before = await world.get()
    wardens.stats["collector-0-0"] = STRUCK
    await world.reset_mesh()
    deleted = [one for one in cluster.asked if one.startswith("DELETE") and "destinationrules" in one]
    with_outliers = [one for one in before if "outlierDetection" in json.dumps(one["spec"])]
    assert len(deleted) == len(with_outliers) > 0
    assert await world.get() == before
    assert await world.config(KEPT) == {}


async def test_a_reset_where_nothing_was_ejected_deletes_nothing(world: ClusterWorld, cluster: FakeCluster) -> None:
    await world.reset_mesh()
    assert not [one for one in cluster.asked if one.startswith("DELETE")]


async def test_a_reset_after_which_nothing_was_ejected_is_not_done_again(
    world: ClusterWorld, wardens: FakeWardens, cluster: FakeCluster
) -> None:
    wardens.stats["collector-0-0"] = STRUCK

    def returned() -> None:
        wardens.stats["collector-0-0"] = EJECTED.format("enforced_total", 3) + EJECTED.format("active", 0)

    wardens.returned = returned
    await world.reset_mesh()
    asked = len(cluster.asked)
    await world.reset_mesh()
    assert not [one for one in cluster.asked[asked:] if one.startswith("DELETE")]
    wardens.stats["collector-0-0"] = EJECTED.format("enforced_total", 4) + EJECTED.format("active", 0)
    await world.reset_mesh()
    assert [one for one in cluster.asked[asked:] if one.startswith("DELETE")]


async def test_a_host_that_stays_ejected_is_told(
    world: ClusterWorld, wardens: FakeWardens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worlds, "FOLLOWED_S", 0.0)
    wardens.stats["collector-0-0"] = STRUCK
    wardens.returned = lambda: None
    with pytest.raises(TargetError, match="after 0 s sidecars still eject a host: collector-0-0"):
        await world.reset_mesh()


async def test_rules_that_a_reset_could_not_apply_again_are_applied_when_the_world_is_mended(
    world: ClusterWorld, target: ClusterTarget, wardens: FakeWardens, cluster: FakeCluster
) -> None:
    before = await world.get()
    wardens.stats["collector-0-0"] = STRUCK
    cluster.refused = {one["metadata"]["name"] for one in before if one["kind"] == "DestinationRule"}
    with pytest.raises(TargetError, match="denied"):
        await world.reset_mesh()
    assert await world.get() != before
    cluster.refused = set()
    await (await target.world("airport")).mend()
    assert await world.get() == before
    assert await world.config(KEPT) == {}


async def test_what_no_cluster_does_is_told_and_the_target_says_so_before(
    world: ClusterWorld, target: ClusterTarget
) -> None:
    attempts: dict[Ability, list[Coroutine[Any, Any, object]]] = {
        Ability.DISCOVERY: [world.hold_discovery(1), world.release_discovery()],
        Ability.WITHDRAWAL: [world.withdraw(1), world.restore()],
        Ability.CERTIFICATES: [world.expire("x", 1), world.renew()],
    }
    for ability, each in attempts.items():
        why = target.supports(ability, render("mesh"))
        assert why.startswith("not on a cluster: ")
        for attempt in each:
            with pytest.raises(TargetError) as refused:
                await attempt
            assert str(refused.value) == why


@pytest.mark.parametrize("mode", ["none", "library", "mesh"])
def test_applications_can_be_signalled_in_every_mode_and_sidecars_in_none(target: ClusterTarget, mode: str) -> None:
    assert target.supports(Ability.SIGNALS, render(mode)) == ""
    assert target.supports(Ability.SIDECARS, render(mode)).startswith("not on a cluster: ")


@pytest.mark.parametrize(("mode", "can"), [("none", False), ("library", True), ("mesh", True), ("sidecar", True)])
def test_policies_can_be_changed_where_there_are_any(target: ClusterTarget, mode: str, can: bool) -> None:
    assert (target.supports(Ability.POLICIES, render(mode)) == "") == can


def test_a_world_with_sidecars_needs_more_memory(target: ClusterTarget) -> None:
    library, mesh = (target.need(render(mode)) for mode in ("library", "mesh"))
    assert (library.pods, mesh.pods) == (15, 15)
    assert library.memory < mesh.memory


async def test_without_a_way_to_the_pods_that_is_told(world: ClusterWorld, api: Api) -> None:
    far = await ClusterTarget(api).world("airport")
    assert (await far.status()).notes == ("addresses are those inside the cluster",)
    with pytest.raises(TargetError, match="the pods of world airport cannot be reached from here"):
        await far.usage()


async def test_a_world_without_wardens_is_told_to_have_none(
    world: ClusterWorld, target: ClusterTarget, cluster: FakeCluster
) -> None:
    del cluster.objects[f"{NAMESPACES}/airport/secrets/goaround-control"]
    found = await target.world("airport")
    assert found.headers == {}
    with pytest.raises(TargetError, match="world airport has no wardens"):
        await found.kill("alerts-0-0")

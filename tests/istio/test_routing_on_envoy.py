"""Where a running Envoy sends a request: by header, path, source, share, hash, copy; and what it injects."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.istio.running import eventually
from tests.istio.scripted import Scripted, Seen, scripted_mesh
from tests.istio.world import destination_rule, virtual_service

pytestmark = pytest.mark.asyncio(loop_scope="module")

SUBSETS = destination_rule(
    "cpanel",
    f"subsets: [{', '.join(f'{{name: {one}, labels: {{version: {one}}}}}' for one in ('v1', 'v2', 'v3'))}]",
)
TO_V1, TO_V2 = (f"route: [{{destination: {{host: cpanel, subset: {one}}}}}]" for one in ("v1", "v2"))
TICK_S = 0.005
"""Envoy's timers go by its own clock, in whole milliseconds."""
TO_ALERTS = "route: [{destination: {host: alerts}}]"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def envoy(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scripted]:
    async with scripted_mesh(tmp_path_factory.mktemp("envoy")) as scripted:
        yield scripted


async def version(envoy: Scripted, path: str = "/", **headers: str) -> str:
    """Call cpanel and return the version that answered."""
    status, [one] = await envoy.call("cpanel", path, **headers)
    assert status == 200
    return one.pod.split("-")[1]


def matching(match: str) -> str:
    """What matches goes to v2, all else to v1."""
    return SUBSETS + virtual_service("cpanel", f"{{match: [{match}], {TO_V2}}}, {{{TO_V1}}}")


async def test_a_header_chooses_by_its_value_its_beginning_and_its_pattern(envoy: Scripted) -> None:
    for how, value, others in (
        ("exact: admin", "admin", ("admins", "")),
        ("prefix: adm", "admin", ("xadm", "ad")),
        ("regex: 'a[0-9]+'", "a12", ("a12b", "a")),
    ):
        await envoy.apply(matching(f"{{headers: {{x-user: {{{how}}}}}}}"))
        assert await version(envoy, x_user=value) == "v2"
        assert [await version(envoy, x_user=one) for one in others] == ["v1", "v1"]
        assert await version(envoy) == "v1"


async def test_a_header_that_must_be_there_or_must_not(envoy: Scripted) -> None:
    await envoy.apply(matching("{headers: {x-user: {}}}"))
    assert (await version(envoy, x_user="anybody"), await version(envoy)) == ("v2", "v1")
    await envoy.apply(matching("{withoutHeaders: {x-user: {exact: admin}}}"))
    assert [await version(envoy, x_user=one) for one in ("admin", "other")] == ["v1", "v2"]
    assert await version(envoy) == "v2"


async def test_a_path_chooses_by_all_of_it_its_beginning_and_its_pattern_and_its_query(envoy: Scripted) -> None:
    for match, path, other in (
        ("{uri: {exact: /a}}", "/a", "/a/b"),
        ("{uri: {prefix: /a}}", "/ab", "/b/a"),
        ("{uri: {regex: '/a/[0-9]+'}}", "/a/1", "/a/1/b"),
        ("{uri: {prefix: /Adm}, ignoreUriCase: true}", "/aDMin", "/b"),
        ("{queryParams: {user: {exact: admin}}}", "/?user=admin", "/?user=other"),
    ):
        await envoy.apply(matching(match))
        assert (await version(envoy, path), await version(envoy, other)) == ("v2", "v1")


async def test_the_first_rule_that_matches_is_taken(envoy: Scripted) -> None:
    both = f"{{match: [{{uri: {{prefix: /a}}}}], {TO_V2}}}, {{match: [{{uri: {{prefix: /a/b}}}}], {TO_V1}}}"
    await envoy.apply(SUBSETS + virtual_service("cpanel", both))
    assert await version(envoy, "/a/b") == "v2"
    assert await envoy.call("cpanel", "/c") == (404, [])


async def test_a_rule_for_callers_with_other_labels_is_not_this_callers(envoy: Scripted) -> None:
    for labels, taken in (("app: collector", "v2"), ("app: cpanel", "v1"), ("app: collector, version: v9", "v1")):
        await envoy.apply(matching(f"{{sourceLabels: {{{labels}}}}}"))
        assert await version(envoy) == taken
    for namespace, taken in (("airport", "v2"), ("default", "v1")):
        await envoy.apply(matching(f"{{sourceNamespace: {namespace}}}"))
        assert await version(envoy) == taken


@pytest.mark.parametrize("share", [5, 50, 90])
async def test_shares_are_within_the_binomial_interval(envoy: Scripted, share: int) -> None:
    n = 400
    destinations = ", ".join(
        f"{{destination: {{host: cpanel, subset: {one}}}, weight: {weight}}}"
        for one, weight in (("v1", 100 - share), ("v2", share))
    )
    await envoy.apply(SUBSETS + virtual_service("cpanel", f"{{route: [{destinations}]}}"))
    found = Counter([await version(envoy) for _ in range(n)])
    expected = n * share / 100
    # 4.5 standard deviations: one in 150 000 runs is outside
    assert found["v2"] == pytest.approx(expected, abs=4.5 * (expected * (1 - share / 100)) ** 0.5)
    assert found.total() == n


async def test_a_subset_without_pods_is_unavailable(envoy: Scripted) -> None:
    await envoy.apply(SUBSETS + virtual_service("cpanel", f"{{{TO_V1.replace('v1', 'v3')}}}"))
    assert await envoy.mesh.get("cpanel") == (503, "no healthy upstream")


async def test_a_subset_that_no_rule_names_is_unavailable_too(envoy: Scripted) -> None:
    await envoy.apply(virtual_service("cpanel", f"{{{TO_V1}}}"))
    assert await envoy.mesh.get("cpanel") == (503, "")


async def test_the_same_key_goes_to_the_same_replica_and_keys_spread(envoy: Scripted) -> None:
    for key, ways in (
        ("httpHeaderName: x-user", lambda user: {"x_user": user}),
        ("httpCookie: {name: user}", lambda user: {"cookie": f"user={user}"}),
    ):
        await envoy.apply(
            destination_rule("image-analysis", f"trafficPolicy: {{loadBalancer: {{consistentHash: {{{key}}}}}}}")
        )
        where: dict[str, set[str]] = {}
        for turn in range(60):
            user = f"user-{turn % 20}"
            _, [one] = await envoy.call("image-analysis", **ways(user))
            where.setdefault(user, set()).add(one.pod)
        assert {len(pods) for pods in where.values()} == {1}
        assert len(set().union(*where.values())) == 3


async def test_a_query_parameter_can_be_the_key(envoy: Scripted) -> None:
    hashed = "trafficPolicy: {loadBalancer: {consistentHash: {httpQueryParameterName: user}}}"
    await envoy.apply(destination_rule("image-analysis", hashed))
    pods = [{(await envoy.call("image-analysis", f"/?user={n}"))[1][0].pod for _ in range(3)} for n in range(12)]
    assert {len(one) for one in pods} == {1}
    assert len(set().union(*pods)) > 1


async def test_a_mirror_gets_a_copy_and_its_answer_counts_for_nothing(envoy: Scripted) -> None:
    await envoy.apply(virtual_service("alerts", f"{{{TO_ALERTS}, mirror: {{host: momentum}}}}"))
    before = len(envoy.seen)
    status, _ = await envoy.call("alerts", "/copied", "200")
    assert status == 200

    async def copied() -> bool:
        return len(envoy.seen) >= before + 2

    await eventually(copied)
    seen = {one.pod: one for one in envoy.seen[before:]}
    assert seen.keys() == {"alerts-0", "momentum-0"}
    assert {one.path for one in seen.values()} == {"/copied"}
    assert {one.headers["host"] for one in seen.values()} == {"alerts"}


async def test_a_mirror_copies_its_share(envoy: Scripted) -> None:
    n, share = 300, 30
    copies = f"mirror: {{host: momentum}}, mirrorPercentage: {{value: {share}}}"
    await envoy.apply(virtual_service("alerts", f"{{{TO_ALERTS}, {copies}}}"))
    name = "cluster.outbound|8080||momentum.airport.svc.cluster.local;.upstream_rq_total"
    before = (await envoy.mesh.sidecar.stats()).get(name, 0)
    for _ in range(n):
        assert (await envoy.call("alerts"))[0] == 200
    found = (await envoy.mesh.sidecar.stats())[name] - before
    expected = n * share / 100
    assert found == pytest.approx(expected, abs=4.5 * (expected * (1 - share / 100)) ** 0.5)


def injected(fault: str, rest: str = "") -> str:
    return virtual_service("alerts", f"{{fault: {{{fault}}}, {rest}{TO_ALERTS}}}")


async def counted(envoy: Scripted, name: str) -> int:
    found = await envoy.mesh.sidecar.stats()
    return sum(value for key, value in found.items() if key.endswith(f".fault.{name}"))


async def test_an_abort_answers_in_the_services_place_for_its_share(envoy: Scripted) -> None:
    n, share = 300, 40
    await envoy.apply(injected(f"abort: {{httpStatus: 418, percentage: {{value: {share}}}}}"))
    before = await counted(envoy, "aborts_injected")
    answers = [await envoy.call("alerts") for _ in range(n)]
    found = sum(status == 418 for status, _ in answers)
    assert {status: len(seen) for status, seen in answers} == {418: 0, 200: 1}
    expected = n * share / 100
    assert found == pytest.approx(expected, abs=4.5 * (expected * (1 - share / 100)) ** 0.5)
    assert await counted(envoy, "aborts_injected") - before == found


async def test_a_delay_holds_requests_back_and_no_timeout_of_the_route_bounds_it(envoy: Scripted) -> None:
    await envoy.apply(injected("delay: {fixedDelay: 150ms, percentage: {value: 100}}", "timeout: 60ms, "))
    before, started = await counted(envoy, "delays_injected"), asyncio.get_running_loop().time()
    status, [one] = await envoy.call("alerts")
    assert status == 200
    assert one.at - started >= 0.15 - TICK_S
    assert await counted(envoy, "delays_injected") == before + 1


async def test_both_faults_are_a_late_abort(envoy: Scripted) -> None:
    everything = "percentage: {value: 100}"
    await envoy.apply(injected(f"delay: {{fixedDelay: 50ms, {everything}}}, abort: {{httpStatus: 503, {everything}}}"))
    before = [await counted(envoy, name) for name in ("delays_injected", "aborts_injected")]
    started = asyncio.get_running_loop().time()
    assert await envoy.call("alerts") == (503, [])
    assert asyncio.get_running_loop().time() - started >= 0.05 - TICK_S
    assert [await counted(envoy, name) for name in ("delays_injected", "aborts_injected")] == [n + 1 for n in before]


async def test_a_fault_for_some_requests_leaves_the_others_alone(envoy: Scripted) -> None:
    abort = "fault: {abort: {httpStatus: 500, percentage: {value: 100}}}"
    some = f"{{match: [{{headers: {{x-user: {{exact: tester}}}}}}], {abort}, {TO_ALERTS}}}, {{{TO_ALERTS}}}"
    await envoy.apply(virtual_service("alerts", some))
    assert [(await envoy.call("alerts", x_user=user))[0] for user in ("tester", "other")] == [500, 200]


async def test_what_the_proxy_answers_itself_reaches_no_service(envoy: Scripted) -> None:
    await envoy.apply(virtual_service("alerts", "{directResponse: {status: 451, body: {string: sorry}}}"))
    assert await envoy.mesh.get("alerts") == (451, "sorry")


async def test_a_rewrite_and_headers_change_what_the_service_sees(envoy: Scripted) -> None:
    rules = "rewrite: {uri: /new, authority: other.example}"
    changes = "headers: {request: {set: {x-a: one}, add: {x-b: two}, remove: [x-c]}}"
    rule = f"match: [{{uri: {{prefix: /old}}}}], {rules}, {changes}, {TO_ALERTS}"
    await envoy.apply(virtual_service("alerts", f"{{{rule}}}"))
    _, seen = await envoy.call("alerts", "/old/x", x_a="zero", x_b="one", x_c="gone")
    [one] = seen
    assert isinstance(one, Seen)
    assert (one.path, one.headers["host"], one.headers["x-a"]) == ("/new/x", "other.example", "one")
    assert "x-c" not in one.headers

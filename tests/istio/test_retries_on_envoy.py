"""How often and how fast a running Envoy tries again, for every condition that Istio takes."""

import asyncio
import contextlib
import statistics
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from istio.objects.virtual_service import RETRY_CONDITIONS
from tests.istio.http2 import RefusesStreams
from tests.istio.running import eventually
from tests.istio.scripted import REFUSED, Scripted, Seen, scripted_mesh
from tests.istio.world import destination_rule, virtual_service

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOST = {"reset", "hang", "refused", "refused-stream"}
SERVER_ERRORS = {"500", "501", "502", "503", "504"}
RATE_LIMITED = "429 x-envoy-ratelimited: true"
GRPC = {"cancelled": 1, "deadline-exceeded": 4, "resource-exhausted": 8, "internal": 13, "unavailable": 14}
# config.route.v3.RetryPolicy.retry_on and source/common/router/retry_state_impl.cc; an answer that says of itself that
# it was rate limited is tried again for that reason alone, whatever its status.
TRIED_AGAIN: dict[str, set[str]] = {
    "5xx": SERVER_ERRORS | LOST,
    "gateway-error": {"502", "503", "504"} | LOST,
    "reset": LOST,
    "reset-before-request": {"refused"},
    "connect-failure": {"refused"},
    "retriable-4xx": {"409"},
    "refused-stream": {"refused-stream"},
    "retriable-status-codes": set(),
    "retriable-headers": set(),  # Istio cannot list them
    "envoy-ratelimited": {RATE_LIMITED},
    "http3-post-connect-failure": set(),
    **{word: {f"200 grpc-status: {number}"} for word, number in GRPC.items()},
    "503": {"503"},
    "429": {"429"},
    "409,gateway-error": {"409", "502", "503", "504"} | LOST,
    "": {"refused", "refused-stream", "200 grpc-status: 1", "200 grpc-status: 14"},  # Istio's own
}
FAILURES = sorted(set().union(*TRIED_AGAIN.values()) | {"404"})
HTTP2 = "trafficPolicy: {connectionPool: {http: {h2UpgradePolicy: UPGRADE}}}"
CALLEES = {"refused": "momentum", "refused-stream": "section-1", "hang": "camera-agent-1"}
"""Who fails in ways that are no matter of one answer; all others fail at the alerts."""


def prefix(condition: str) -> str:
    return f"/{condition.replace(',', '-') or 'istio'}/"


def conditions(host: str) -> str:
    """A rule for each condition, told apart by its path; two retries without a pause."""
    bound = "perTryTimeout: 60ms, " if host == CALLEES["hang"] else ""
    return virtual_service(
        host,
        ", ".join(
            f"{{match: [{{uri: {{prefix: {prefix(each)}}}}}], route: [{{destination: {{host: {host}}}}}], "
            f"retries: {{attempts: 2, backoff: 1ms, {bound}retryOn: '{each}'}}}}"
            for each in TRIED_AGAIN
        ),
    )


PAUSE_S, PAUSES, SAMPLES = 0.1, 3, 60
PAUSED = virtual_service(
    "face-recognition",
    f"{{route: [{{destination: {{host: face-recognition}}}}], "
    f"retries: {{attempts: {PAUSES}, backoff: {PAUSE_S * 1000:.0f}ms, retryOn: '503'}}}}",
)
OBJECTS = "".join(map(conditions, ("alerts", *CALLEES.values()))) + destination_rule("section-1", HTTP2) + PAUSED


@dataclass
class Upstreams:
    """The scripted ones, and the one that refuses streams."""

    scripted: Scripted
    http2: RefusesStreams

    async def tries(self, condition: str, failure: str) -> int:
        """Call under a condition, have every try fail in one way, and count the tries."""
        host = CALLEES.get(failure, "alerts")
        retries, refused = (await self.scripted.mesh.edge(host)).retries, self.http2.refused
        _, seen = await self.scripted.call(host, prefix(condition), failure)
        if failure in ("refused", "hang"):  # of these not every try is seen before the call is over
            return (await self.scripted.mesh.edge(host)).retries - retries + 1
        return self.http2.refused - refused if failure == "refused-stream" else len(seen)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def upstreams(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Upstreams]:
    async with scripted_mesh(tmp_path_factory.mktemp("envoy")) as scripted, contextlib.AsyncExitStack() as stack:
        http2 = RefusesStreams()
        server = await asyncio.start_server(http2.serve, "127.0.0.1", 0)
        stack.callback(server.close)
        scripted.places |= {"section-1-0": server.sockets[0].getsockname(), "momentum-0": REFUSED}
        await scripted.apply(OBJECTS)
        yield Upstreams(scripted, http2)


async def test_every_condition_that_istio_takes_is_here() -> None:
    assert set(RETRY_CONDITIONS) < TRIED_AGAIN.keys()


@pytest.mark.parametrize("condition", TRIED_AGAIN)
async def test_a_condition_tries_again_after_what_it_names_and_after_nothing_else(
    upstreams: Upstreams, condition: str
) -> None:
    found = {failure: await upstreams.tries(condition, failure) for failure in FAILURES}
    assert found == {failure: 3 if failure in TRIED_AGAIN[condition] else 1 for failure in FAILURES}


async def test_an_answer_that_is_good_in_the_end_is_what_the_caller_gets(upstreams: Upstreams) -> None:
    status, seen = await upstreams.scripted.call("alerts", prefix("5xx"), "503; reset; 200")
    assert (status, len(seen)) == (200, 3)
    status, seen = await upstreams.scripted.call("alerts", prefix("503"), "503; 404; 200")
    assert (status, len(seen)) == (404, 2)


async def test_pauses_are_drawn_below_a_bound_that_doubles(upstreams: Upstreams) -> None:
    """Each pause is uniform below backoff * 2^n; a slow machine only makes them longer."""
    scripted = upstreams.scripted
    results = await asyncio.gather(*(scripted.call("face-recognition", f"/{n}", "503") for n in range(SAMPLES)))
    assert {status for status, _ in results} == {503}
    by_call: dict[str, list[Seen]] = {}
    for one in scripted.seen:
        if one.headers["host"] == "face-recognition":
            by_call.setdefault(one.path, []).append(one)
    assert {len(tries) for tries in by_call.values()} == {1 + PAUSES}
    for n in range(PAUSES):
        bound = PAUSE_S * 2**n
        pauses = [tries[n + 1].at - tries[n].at for tries in by_call.values()]
        # 4 standard errors of the mean of uniform numbers
        assert statistics.mean(pauses) > bound / 2 - 4 * bound / (12 * SAMPLES) ** 0.5
        assert sorted(pauses)[SAMPLES // 4] < bound


async def test_retries_are_counted_as_envoy_counts_them(upstreams: Upstreams) -> None:
    before = (await upstreams.scripted.mesh.edge("alerts")).retries
    await upstreams.scripted.call("alerts", prefix("5xx"), "503")

    async def counted() -> bool:
        return (await upstreams.scripted.mesh.edge("alerts")).retries == before + 2

    await eventually(counted)

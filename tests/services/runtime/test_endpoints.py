"""A client that sees the replicas: it chooses among them, ejects them, and follows discovery."""

from pathlib import Path

import pytest

from resilience_lib import BalancerPolicy, EndpointPolicy, OutlierPolicy, RetryPolicy
from services.runtime.settings import BadSettings
from tests.services.runtime.scripted import CALLEE, led, serving
from tests.services.scripted import settings_of

ROUND = BalancerPolicy("ROUND_ROBIN")


async def test_requests_are_spread_over_all_replicas_on_kept_connections(tmp_path: Path) -> None:
    policy = EndpointPolicy(balancer=ROUND)
    async with (
        serving(200, 200, 200) as (one, first),
        serving(200, 200, 200) as (two, second),
        led(tmp_path, "endpoints", first, second, policy=policy.to_json()) as world,
    ):
        for _ in range(6):
            assert (await world.client.get("/a")).ok
        assert (len(one.requests), len(two.requests)) == (3, 3)
        assert (one.connections, two.connections) == (1, 1)
        assert sum(world.recorded.opens.values()) == 2


async def test_a_request_names_the_service_and_not_the_replica(tmp_path: Path) -> None:
    async with serving(200) as (server, address), led(tmp_path, "endpoints", address) as world:
        await world.client.get("/a")
        [(_, headers, _)] = server.requests
        assert headers["host"] == f"{CALLEE}:8080"


async def test_a_retry_goes_to_another_replica(tmp_path: Path) -> None:
    policy = EndpointPolicy(RetryPolicy(1, "5xx", 0.001, 0.001), balancer=ROUND)
    async with (
        serving(503, 503, 503) as (bad, first),
        serving(200, 200, 200) as (_, second),
        led(tmp_path, "endpoints", first, second, policy=policy.to_json()) as world,
    ):
        assert [(await world.client.get("/a")).status for _ in range(3)] == [200, 200, 200]
        assert len(bad.requests) <= 3


async def test_a_bad_replica_is_ejected_and_a_reset_forgets_it(tmp_path: Path) -> None:
    outlier = OutlierPolicy(consecutive_5xx=1, max_ejection_percent=50, base_ejection_s=300)
    policy = EndpointPolicy(outlier=outlier, balancer=ROUND)
    async with (
        serving(503, 503) as (bad, first),
        serving(*[200] * 8) as (_, second),
        led(tmp_path, "endpoints", first, second, policy=policy.to_json()) as world,
    ):
        statuses = [(await world.client.get("/a")).status for _ in range(6)]
        assert (statuses.count(503), len(bad.requests)) == (1, 1)
        assert world.recorded.events.count("ejection") == 1
        await world.clients.reset(1)
        assert 503 in [(await world.client.get("/a")).status for _ in range(2)]


def test_without_discovery_it_does_not_start(tmp_path: Path) -> None:
    file = tmp_path / "policies.json"
    file.write_text("{}")
    with pytest.raises(BadSettings, match="DISCOVERY_FILE"):
        settings_of(tmp_path, RESILIENCE_MODE="endpoints", POLICIES_FILE=str(file))


@pytest.mark.parametrize("suffix", ["replicas", "-Replicas", "-a b", "-"])
def test_a_suffix_that_makes_no_service_name_is_refused(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / "policies.json"
    file.write_text("{}")
    with pytest.raises(BadSettings, match=r"REPLICAS_SUFFIX='.*': must begin with '-', as in -replicas"):
        settings_of(tmp_path, RESILIENCE_MODE="endpoints", POLICIES_FILE=str(file), REPLICAS_SUFFIX=suffix)

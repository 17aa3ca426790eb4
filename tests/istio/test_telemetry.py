"""Requests under Istio's names, from two real sidecars."""

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from istio.compile import compile_proxy
from istio.sidecar import Sidecar
from istio.telemetry import instrument
from services.runtime.metrics import LABELS
from tests.istio.pair import ALERTS, COLLECTOR, REGISTRY, Pair, running_pair
from tests.istio.running import eventually
from tests.istio.world import objects

ABORTED = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: alerts, namespace: airport}
spec:
  hosts: [alerts]
  http:
  - fault: {abort: {httpStatus: 503, percentage: {value: 100}}}
    route: [{destination: {host: alerts}}]
"""
Sample = tuple[dict[str, str], float]


async def samples(pair: Pair, sidecar: Sidecar, name: str) -> list[Sample]:
    families = text_string_to_metric_families(await pair.metrics(sidecar))
    return [(one.labels, one.value) for family in families for one in family.samples if one.name == f"envoy_{name}"]


async def counted(pair: Pair, sidecar: Sidecar) -> list[Sample]:
    """Wait for the first request: a log is written after the answer is sent."""

    async def any_of_them() -> bool:
        return bool(await samples(pair, sidecar, "istio_requests_total"))

    await eventually(any_of_them)
    return await samples(pair, sidecar, "istio_requests_total")


async def test_both_ends_report_a_request_with_istios_labels(tmp_path: Path) -> None:
    async with running_pair(tmp_path, telemetry=True) as pair:
        assert await pair.call(**{"x-goaround-source": "collector"}) == 200
        [(sent, times)], [(received, also)] = await counted(pair, pair.caller), await counted(pair, pair.callee)
    assert times == also == 1
    assert set(sent) == set(received) == set(LABELS)
    same = {
        "source_workload": "collector",
        "source_workload_namespace": "airport",
        "destination_app": "alerts",
        "destination_service": "alerts.airport.svc.cluster.local",
        "destination_service_name": "alerts",
        "destination_service_namespace": "airport",
        "request_protocol": "http",
        "response_code": "200",
        "response_flags": "-",
    }
    assert same.items() <= sent.items()
    assert same.items() <= received.items()
    assert (sent["reporter"], sent["connection_security_policy"]) == ("source", "unknown")
    assert (received["reporter"], received["connection_security_policy"]) == ("destination", "mutual_tls")
    assert received["source_principal"] == "spiffe://cluster.local/ns/airport/sa/collector"


async def test_a_caller_that_does_not_say_who_it_is_is_unknown(tmp_path: Path) -> None:
    async with running_pair(tmp_path, telemetry=True) as pair:
        assert await pair.call_in_plaintext() == 200
        [(labels, times)] = await counted(pair, pair.callee)
    assert times == 1
    assert labels["source_app"] == labels["source_workload_namespace"] == labels["source_principal"] == "unknown"
    assert labels["connection_security_policy"] == "none"


async def test_a_response_flag_is_reported(tmp_path: Path) -> None:
    async with running_pair(tmp_path, ABORTED, telemetry=True) as pair:
        assert await pair.call() == 503
        [(labels, _)] = await counted(pair, pair.caller)
        assert (labels["response_code"], labels["response_flags"]) == ("503", "FI")
        assert await samples(pair, pair.callee, "istio_requests_total") == []


async def test_a_requests_time_falls_into_istios_buckets(tmp_path: Path) -> None:
    async with running_pair(tmp_path, telemetry=True) as pair:
        assert await pair.call() == 200

        async def merged() -> bool:  # Envoy adds up its histograms every few seconds
            found = await samples(pair, pair.caller, "istio_request_duration_milliseconds_count")
            return [value for _, value in found] == [1]

        await eventually(merged)
        buckets = await samples(pair, pair.caller, "istio_request_duration_milliseconds_bucket")
    bounds = [labels["le"] for labels, _ in buckets]
    assert (bounds[0], bounds[-2:]) == ("0.5", ["3600000", "+Inf"])
    assert len(bounds) == 20


def test_only_logs_and_names_are_added() -> None:
    for proxy in (COLLECTOR, ALERTS):
        config = compile_proxy(REGISTRY, objects(""), proxy, mtls=True)
        counting = instrument(config, proxy)
        assert counting.routes == config.routes
        assert counting.endpoints == config.endpoints
        for name, cluster in config.clusters.items():
            assert {**counting.clusters[name], "metadata": cluster.get("metadata")} == {
                **cluster,
                "metadata": cluster.get("metadata"),
            }
        for name, listener in config.listeners.items():
            for was, now in zip(listener["filter_chains"], counting.listeners[name]["filter_chains"], strict=True):
                for before, after in zip(was["filters"], now["filters"], strict=True):
                    left = {key: value for key, value in after["typed_config"].items() if key != "access_log"}
                    assert left == before["typed_config"]

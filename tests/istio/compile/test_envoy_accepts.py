"""Whatever is accepted loads: generated objects are compiled, and the real Envoy reads the result."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from istio.compile import ProxyConfig, compile_proxy
from istio.envoy import binary
from istio.objects import Document, Objects, parse
from istio.registry import Registry
from tests.istio.compile.strategies import HOST, KINDS, istio_object

OBJECTS, BATCH = 500, 100
Drawn = tuple[str, dict[str, Any]]
STATIC = [{"name": name, "type": "STATIC", "connect_timeout": "1s"} for name in ("sds-grpc", "xds-grpc")]
ADS = {
    "api_type": "GRPC",
    "transport_api_version": "V3",
    "grpc_services": [{"envoy_grpc": {"cluster_name": "xds-grpc"}}],
}


def named(drawn: Drawn, number: int) -> Document:
    """Return an object with a name and a service of its own."""
    kind, spec = drawn
    security = kind in ("PeerAuthentication", "AuthorizationPolicy")
    group = "security" if security else "networking"
    text = json.dumps(spec).replace(HOST, f"s{number}")
    data = {
        "apiVersion": f"{group}.istio.io/v1",
        "kind": kind,
        "metadata": {"name": f"o{number}", "namespace": "airport"},
    }
    return Document({**data, "spec": json.loads(text)})


def registry(numbers: Sequence[int]) -> Registry:
    """Return one service, with one pod behind it, for every object; and a gateway's pod."""
    made: list[dict[str, Any]] = []
    for place, app in enumerate([*(f"s{number}" for number in numbers), "gateway"]):
        ip = f"10.1.1.{place}"
        meta = {"name": app, "namespace": "airport"}
        ports = [{"name": "http", "port": 8080, "targetPort": 8080}]
        labels = {"kubernetes.io/service-name": app}
        target = {"kind": "Pod", "name": app, "namespace": "airport"}
        made += [
            {
                "kind": "Service",
                "metadata": meta,
                "spec": {"clusterIP": ip, "selector": {"app": app}, "ports": ports},
            },
            {"kind": "Pod", "metadata": {**meta, "labels": {"app": app, "security.istio.io/tlsMode": "istio"}}},
            {
                "kind": "EndpointSlice",
                "metadata": {**meta, "labels": labels},
                "endpoints": [{"addresses": ["10.0.0.1"], "targetRef": target}],
                "ports": ports,
            },
        ]  # fmt: skip
    return Registry.from_kubernetes([Document(one) for one in made])


def bootstrap(configs: Mapping[str, ProxyConfig]) -> dict[str, Any]:
    """Return everything that these proxies are told as one file: routes inside their listeners, names kept apart."""
    clusters: dict[str, Any] = {one["name"]: one for one in STATIC}
    listeners: list[dict[str, Any]] = []
    for proxy, config in configs.items():
        clusters |= {name: one for name, one in config.clusters.items() if name.startswith("outbound|")}
        own = {name: {**one, "name": f"{proxy}/{name}"} for name, one in config.clusters.items()}
        clusters |= {one["name"]: one for name, one in own.items() if not name.startswith("outbound|")}
        for name, one in config.listeners.items():
            text = json.dumps({**one, "name": f"{proxy}/{name}"})
            listener = json.loads(text, object_hook=partial(with_routes, config))
            address = {"socket_address": {"address": "127.0.0.1", "port_value": 1024 + len(listeners)}}
            listeners.append({**listener, "address": address})
    return {
        "node": {"id": "a", "cluster": "b"},
        "dynamic_resources": {"ads_config": ADS},
        "static_resources": {"clusters": list(clusters.values()), "listeners": listeners},
    }


def with_routes(config: ProxyConfig, part: dict[str, Any]) -> dict[str, Any]:
    """Put the routes of a manager where it would ask for them; those of clusters elsewhere are not looked for."""
    if "rds" not in part:
        return part
    routes = config.routes[part["rds"]["route_config_name"]]
    return {**{key: one for key, one in part.items() if key != "rds"}, "route_config": routes}


def refusal(configs: Mapping[str, ProxyConfig], folder: Path) -> str:
    """Return what Envoy says against a configuration; nothing when it would take it."""
    file = folder / "bootstrap.json"
    file.write_text(json.dumps(bootstrap(configs)))
    command = [str(binary()), "--mode", "validate", "-c", str(file), "--log-level", "error"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - Envoy itself
    return "" if done.returncode == 0 else done.stderr[-2000:] + done.stdout[-2000:]


def compiled(batch: Sequence[tuple[int, Drawn]]) -> dict[str, ProxyConfig]:
    """Compile a batch for the first pods, whose policies differ, and for the gateway."""
    objects: Objects = parse([named(drawn, number) for number, drawn in batch])
    world = registry([number for number, _ in batch])
    own = [f"s{number}" for number, (kind, _) in batch if kind in ("PeerAuthentication", "Sidecar")]
    proxies = [*own[:6], f"s{batch[0][0]}", "gateway"]
    return {
        name: compile_proxy(world, objects, world.proxy(name, "airport"), mtls=True) for name in dict.fromkeys(proxies)
    }


def test_the_real_envoy_takes_whatever_was_accepted(tmp_path: Path) -> None:
    drawn: list[Drawn] = []

    @settings(
        max_examples=OBJECTS,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(istio_object)
    def draw(one: Drawn) -> None:
        drawn.append(one)

    draw()
    numbered = list(enumerate(drawn))
    assert len(numbered) >= OBJECTS
    assert {kind for kind, _ in drawn} == set(KINDS)
    for start in range(0, len(numbered), BATCH):
        configs = compiled(numbered[start : start + BATCH])
        assert refusal(configs, tmp_path) == ""


@settings(max_examples=200, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(istio_object)
def test_whatever_is_accepted_is_written_out_and_read_back_as_it_was(one: Drawn) -> None:
    first = parse([named(one, 0)])
    assert parse([Document(data) for data in first.to_data()]) == first


def test_a_configuration_that_envoy_would_refuse_is_seen(tmp_path: Path) -> None:
    bad: Drawn = ("AuthorizationPolicy", {"rules": [{"to": [{"operation": {"paths": ["/a"]}}]}]})
    configs = compiled([(0, bad)])
    [cluster] = [one for name, one in configs["s0"].clusters.items() if name.startswith("outbound|8080||s0")]
    broken = dict(cluster, connect_timeout="-1s")
    clusters = {**configs["s0"].clusters, cluster["name"]: broken}
    one = configs["s0"]
    assert "Expected positive duration" in refusal(
        {"s0": ProxyConfig(clusters, one.routes, one.listeners, one.endpoints)}, tmp_path
    )

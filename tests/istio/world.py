"""The golden world, and short ways to objects in it."""

from pathlib import Path

from istio.compile import ProxyConfig, compile_proxy
from istio.objects import Objects, parse, read
from istio.registry import Proxy, Registry

GOLDEN = Path(__file__).parents[1] / "golden"
REGISTRY = Registry.from_kubernetes(read((GOLDEN / "world.yaml").read_text(), "world.yaml"))
COLLECTOR = REGISTRY.proxy("collector-0", "airport")


def objects(text: str) -> Objects:
    return parse(read(text, "test.yaml"))


def virtual_service(host: str, http: str) -> str:
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {host}, namespace: airport}}
spec: {{hosts: [{host}], http: [{http}]}}
---
"""


def destination_rule(host: str, spec: str) -> str:
    return f"""
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {host}, namespace: airport}}
spec: {{host: {host}, {spec}}}
---
"""


def compiled(text: str = "", proxy: Proxy = COLLECTOR) -> ProxyConfig:
    return compile_proxy(REGISTRY, objects(text), proxy)

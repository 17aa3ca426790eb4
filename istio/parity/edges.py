"""Edge by edge: what each arm will do, whose number each is, and why two arms are apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from istio.compile import ProxyConfig, compile_proxy
from istio.compile.versions import as_of
from istio.library import NotCarried, endpoint_policies, policies, strengthened
from istio.library.strengths import EVERY
from istio.parity import envoy
from istio.parity.client import edge_numbers, endpoint_numbers, through_proxy
from istio.parity.compiled import UNSAID, Compiled, compiled
from istio.parity.numbers import CARRIED, ENVOY, ISTIO, LIBRARY, Edge, Number, Row, Value
from istio.parity.origins import Inputs, Origins, behind
from istio.parity.places import Places, Written
from istio.parity.settings import SETTINGS, Setting
from istio.registry import Proxy

MESH = "mesh"
_BY_ENVOYS_RULES = {"retries.max-backoff", "outlier.max-time", "outlier.replicas"}


def parity(given: Inputs, callers: Sequence[Proxy], callees: Sequence[str], namespace: str) -> Iterator[Edge]:
    """Compare the arms on every edge between `callers` and `callees` (short names of services in `namespace`).

    Callers for whom everything is equal are one edge; a service's own pods are no callers of it.

    Raises:
        UnknownVersion: no defaults of the release are known.

    """
    places = Places(given.objects, given.documents)
    configs = [(one, _config(given, one)) for one in callers]
    for callee in callees:
        pods = behind(given, callee, namespace)
        inbound = _config(given, pods[0]) if pods else None
        edges: list[Edge] = []
        for caller, config in configs:
            if caller in pods:
                continue
            found = Origins(given, places, caller, callee, namespace)
            edge = _edge(given, found, compiled(config, inbound, found.hostname, given.port, found.target), len(pods))
            alike = next((one for one in edges if replace(one, callers=edge.callers) == edge), None)
            if alike is not None:
                edges.remove(alike)
                edge = replace(edge, callers=(*alike.callers, *edge.callers))
            edges.append(edge)
        yield from edges


def _edge(given: Inputs, found: Origins, destinations: Sequence[Compiled], replicas: int) -> Edge:
    callees, namespace = [found.callee], found.namespace
    edge, edge_left = policies(given.objects, callees, namespace=namespace, port=given.port)
    endpoint, endpoint_left = endpoint_policies(given.objects, callees, namespace=namespace, port=given.port)
    own = {name: parts for name, parts in given.strengths.items() if name in (EVERY, found.callee)}
    edge, endpoint = strengthened(edge, own)[0], strengthened(endpoint, own)[0]
    arms = {
        "library": edge_numbers(edge[found.callee], given.client),
        "library-endpoints": endpoint_numbers(endpoint[found.callee], given.client, replicas),
    }
    known = [one for one in destinations if one.cluster]
    mesh = _mesh(found, known) | through_proxy(given.client)
    left = {"library": tuple(edge_left), "library-endpoints": tuple(endpoint_left)}
    rows = []
    for name, setting in SETTINGS.items():
        written = found.written(name, "")
        clients = {mode: _sourced(numbers[name], mesh[name], written) for mode, numbers in arms.items()}
        apart = {
            mode: _why(setting, mode, mesh[name], left[mode])
            for mode, number in clients.items()
            if number.value != mesh[name].value
        }
        rows.append(Row(name, setting.unit, {**clients, MESH: mesh[name]}, apart))
    return Edge((found.caller.name,), found.callee, tuple(rows), tuple(_notes(destinations, known)), left)


def _mesh(found: Origins, destinations: Sequence[Compiled]) -> dict[str, Number]:
    """What the proxy does; where destinations differ, each is named with its subset."""
    told = [(one.subset, _destination(found, one)) for one in destinations]
    made: dict[str, Number] = {}
    for name in SETTINGS:
        numbers = {subset: numbers[name] for subset, numbers in told if name in numbers}
        values = {number.value for number in numbers.values()}
        if not numbers:
            made[name] = Number(None, ISTIO)
        elif len(values) == 1:
            made[name] = next(iter(numbers.values()))
        else:
            listed = ", ".join(f"{subset or 'all'}: {number.value}" for subset, number in numbers.items())
            made[name] = replace(next(iter(numbers.values())), value=listed)
    return made


def _destination(found: Origins, one: Compiled) -> dict[str, Number]:
    made: dict[str, Number] = {}
    for name, value in envoy.told(one).items():
        written = found.written(name, one.subset)
        is_envoys = value is UNSAID or (name in _BY_ENVOYS_RULES and value is not None)
        value = envoy.DEFAULTS[name] if value is UNSAID else value
        made[name] = _written(value, written) if written else Number(value, ENVOY if is_envoys else ISTIO)
    return made


def _written(value: Value, written: Written) -> Number:
    return Number(value, written.object, written.path, written.file, written.line)


def _sourced(number: Number, mesh: Number, written: Written | None) -> Number:
    """Say whose a library's number is: the object's that writes it, or whose the mesh's equal number is."""
    if number.whose != CARRIED:
        return number
    if written is not None:
        return _written(number.value, written)
    return replace(mesh, value=number.value) if number.value == mesh.value else replace(number, whose=LIBRARY)


def _why(setting: Setting, mode: str, mesh: Number, left: Sequence[NotCarried]) -> str:
    """Return why a client's number is another: what is said of the field that writes the mesh's, else the setting's."""
    about = [one for one in left if one.object == mesh.whose and _overlap(one.path.removesuffix(".match"), mesh.path)]
    if about:
        return max(about, key=lambda one: len(one.path)).why
    return setting.apart.get(mode, "the library has nothing like it")


def _overlap(one: str, other: str) -> bool:
    """Whether one path stands inside the other."""
    short, long = sorted((one, other), key=len)
    return long == short or long.startswith((f"{short}.", f"{short}["))


def _notes(destinations: Sequence[Compiled], known: Sequence[Compiled]) -> Iterator[str]:
    """What differs in time or order even where all numbers are equal (docs/policies.md has how it was found)."""
    if not destinations:
        yield "the proxy answers requests by itself, or some find no route (404): a client sends them all"
        return
    if len(known) < len(destinations):
        yield "a route leads to a subset that no rule names, where the proxy answers 503: a client calls the service"
    told = [envoy.told(one) for one in known]
    if any(one["outlier.failures"] is not None or one["outlier.gateway-errors"] is not None for one in told):
        yield "Envoy ejects on its main thread: a retry of the call that ejects a replica may still go to it"
        yield "changes of health within one second reach Envoy's worker together; a library acts at once"
    if any(one["outlier.replicas"] is not None and one["outlier.replicas"].startswith("0 of") for one in told):
        yield "the share that may be ejected is less than one replica: outlier detection ejects nobody"
    if any(one["pool.connections"] is not None for one in told):
        yield "at a cold pool a request that waits for its connection to open counts as pending in Envoy alone"
    if any(_is_only_of_connections(one["retries.on"]) for one in told):
        yield "an application that is dead behind its live proxy is a 503 to the caller's proxy, which is not retried"
    yield "an answer that breaks off reaches a client behind Envoy up to a second later (delayed_close_timeout)"


def _is_only_of_connections(conditions: str | None) -> bool:
    words = set((conditions or "").split(","))
    return "connect-failure" in words and not words & {"5xx", "gateway-error", "503"}


def _config(given: Inputs, proxy: Proxy) -> ProxyConfig:
    return as_of(compile_proxy(given.registry, given.objects, proxy, mtls=given.mtls), given.version)

"""What the mesh knows of Kubernetes: services, pods, and which pods stand behind which service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from istio.objects.document import Document
from istio.objects.refusal import Fault, Refused
from istio.wellformed import malformations

DOMAIN = "cluster.local"
SERVICE_LABEL = "kubernetes.io/service-name"
TLS_LABEL = "security.istio.io/tlsMode"
"""What the injector writes on a pod that has a sidecar; its value is then ``istio``."""

Resolution: TypeAlias = Literal["EDS", "STRICT_DNS", "LOGICAL_DNS"]


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a service; ``target`` is the pods' port, by number or by the name of a container port."""

    number: int
    name: str
    target: int | str
    protocol: str  # HTTP, HTTP2 or GRPC; of a ServiceEntry TCP, TLS or HTTPS too

    @property
    def is_http(self) -> bool:
        """Whether a proxy reads what is sent there; otherwise it passes bytes on."""
        return self.protocol in ("HTTP", "HTTP2", "GRPC")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address behind a service port."""

    ip: str
    port: int
    ready: bool | None  # None: nobody checks it
    pod: str
    labels: Mapping[str, str]
    service_account: str
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Service:
    """A service of Kubernetes, or of a ServiceEntry, which then has a ``host`` and ``addresses`` of its own.

    ``endpoints`` are by the name of the service port; ``created`` is a time as Kubernetes writes it.
    """

    name: str
    namespace: str
    cluster_ip: str
    ports: tuple[Port, ...]
    selector: Mapping[str, str]
    endpoints: Mapping[str, tuple[Endpoint, ...]] = field(default_factory=dict)
    subject_alt_names: tuple[str, ...] = ()
    external: bool = False
    host: str = ""
    addresses: tuple[str, ...] = ()
    resolution: Resolution = "EDS"
    created: str = ""

    @property
    def rank(self) -> tuple[str, str, str]:
        """What decides which of two services has a listener that only one can have: the older, else by name."""
        return self.created, self.name, self.namespace

    @property
    def hostname(self) -> str:
        """The fully qualified name."""
        return self.host or f"{self.name}.{self.namespace}.svc.{DOMAIN}"

    def port(self, number: int) -> Port | None:
        """Return the port of this number."""
        return next((port for port in self.ports if port.number == number), None)


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod; ``ports`` are its container ports by name."""

    name: str
    namespace: str
    ip: str
    labels: Mapping[str, str]
    service_account: str
    ports: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Proxy:
    """Whose sidecar it is."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    service_account: str = "default"


@dataclass(frozen=True, slots=True)
class Registry:
    """Every service and pod, services in the order of their hostnames."""

    services: tuple[Service, ...]
    pods: Mapping[tuple[str, str], Pod]

    @staticmethod
    def from_kubernetes(documents: Sequence[Document]) -> Registry:
        """Read Services, Pods and EndpointSlices; other Kubernetes kinds mean nothing to the mesh.

        Raises:
            Refused: an object without what is read of it, or a service that the compiler cannot carry (headless,
                without an HTTP-named port).

        """
        malformed = [fault for one in documents for fault in malformations(one)]
        if malformed:
            raise Refused(malformed)
        pods = {(pod.namespace, pod.name): pod for pod in map(_pod, _of(documents, "Pod"))}
        slices: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        for document in _of(documents, "EndpointSlice"):
            namespace, labels = _namespace(document.data), document.data["metadata"].get("labels") or {}
            slices.setdefault((namespace, labels.get(SERVICE_LABEL, "")), []).append(document.data)
        services, faults = [], []
        for document in _of(documents, "Service"):
            found = _service(document, slices, pods)
            if isinstance(found, Service):
                services.append(found)
            else:
                faults.extend(found)
        if faults:
            raise Refused(faults)
        return Registry(tuple(sorted(services, key=lambda service: service.hostname)), pods)

    def proxy(self, pod: str, namespace: str) -> Proxy:
        """Return the sidecar of a pod.

        Raises:
            KeyError: no such pod; the message lists those that exist.

        """
        found = self.pods.get((namespace, pod))
        if found is None:
            names = ", ".join(sorted(f"{name}.{space}" for space, name in self.pods))
            raise KeyError(f"no pod {pod}.{namespace}; there are {names}")
        return Proxy(found.name, found.namespace, found.labels, found.service_account)

    def services_of(self, proxy: Proxy) -> list[Service]:
        """Return the services whose selector picks this proxy's pod."""
        return [
            service
            for service in self.services
            if service.namespace == proxy.namespace
            and service.selector
            and service.selector.items() <= proxy.labels.items()
        ]

    def target_port(self, port: Port, proxy: Proxy) -> int | None:
        """Return a service port's target on this proxy's pod; None when the pod has no port of that name."""
        if isinstance(port.target, int):
            return port.target
        pod = self.pods.get((proxy.namespace, proxy.name))
        return pod.ports.get(port.target) if pod else None


def _of(documents: Sequence[Document], kind: str) -> list[Document]:
    return [document for document in documents if document.kind == kind]


def _namespace(data: Mapping[str, Any]) -> str:
    return str(data["metadata"].get("namespace") or "default")


def _pod(document: Document) -> Pod:
    data = document.data
    spec = data.get("spec") or {}
    ports = {
        str(port["name"]): int(port["containerPort"])
        for container in spec.get("containers") or ()
        for port in container.get("ports") or ()
        if "name" in port
    }
    return Pod(
        name=str(data["metadata"]["name"]),
        namespace=_namespace(data),
        ip=str((data.get("status") or {}).get("podIP", "")),
        labels=data["metadata"].get("labels") or {},
        service_account=str(spec.get("serviceAccountName") or "default"),
        ports=ports,
    )


def _protocol(port: Mapping[str, Any]) -> str | None:
    """Istio's explicit protocol selection: appProtocol, else the port name's prefix; None when it is not HTTP."""
    word = str(port.get("appProtocol") or str(port.get("name", "")).partition("-")[0]).lower()
    return {"http": "HTTP", "http2": "HTTP2", "grpc": "GRPC", "kubernetes.io/h2c": "HTTP2"}.get(word)


def _service(
    document: Document,
    slices: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]],
    pods: Mapping[tuple[str, str], Pod],
) -> Service | list[Fault]:
    data = document.data
    name, namespace, spec = str(data["metadata"]["name"]), _namespace(data), data.get("spec") or {}
    faults: list[Fault] = []
    if spec.get("clusterIP") in (None, "", "None"):
        faults.append(document.fault(("spec", "clusterIP"), "must be an address: headless services are not supported"))
    ports = []
    for index, port in enumerate(spec.get("ports") or ()):
        protocol = _protocol(port)
        if protocol is None:
            place = ("spec", "ports", index, "name")
            faults.append(
                document.fault(place, "must start with http, http2 or grpc: other protocols are not supported")
            )
            continue
        ports.append(
            Port(int(port["port"]), str(port.get("name", "")), port.get("targetPort") or int(port["port"]), protocol)
        )
    if faults:
        return faults
    own = slices.get((namespace, name), ())
    endpoints = {port.name: tuple(_endpoints(own, port.name, namespace, pods)) for port in ports}
    created = str(data["metadata"].get("creationTimestamp") or "")
    address, selector = str(spec["clusterIP"]), spec.get("selector") or {}
    return Service(name, namespace, address, tuple(ports), selector, endpoints, created=created)


def _endpoints(
    slices: Sequence[Mapping[str, Any]], port_name: str, namespace: str, pods: Mapping[tuple[str, str], Pod]
) -> list[Endpoint]:
    """Return the endpoints of a port, without those that are going away (istiod sends no terminating endpoint)."""
    found = []
    for data in slices:
        number = next((port["port"] for port in data.get("ports") or () if (port.get("name") or "") == port_name), None)
        if number is None:
            continue
        for endpoint in data.get("endpoints") or ():
            conditions = endpoint.get("conditions") or {}
            if conditions.get("terminating"):
                continue
            target = str((endpoint.get("targetRef") or {}).get("name", ""))
            pod = pods.get((namespace, target))
            found.append(
                Endpoint(
                    ip=str(endpoint["addresses"][0]),
                    port=int(number),
                    ready=conditions.get("ready") is not False,
                    pod=target,
                    labels=pod.labels if pod else {},
                    service_account=pod.service_account if pod else "",
                )
            )
    return found

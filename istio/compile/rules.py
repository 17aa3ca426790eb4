"""Which DestinationRule speaks for a host, and what of it holds for a port and a subset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from istio.compile.names import ROOT_NAMESPACE, matches, qualified
from istio.objects.destination_rule import (
    ClientTls,
    ConnectionPool,
    ConsistentHash,
    DestinationRule,
    LoadBalancer,
    OutlierDetection,
    PortPolicy,
    RetryBudget,
    Subset,
    TrafficPolicy,
)
from istio.objects.parse import Objects
from istio.registry import Proxy, Service

_ROOT_ALONE = "."


@dataclass(frozen=True, slots=True)
class Policy:
    """The blocks that hold for one cluster."""

    load_balancer: LoadBalancer | None = None
    connection_pool: ConnectionPool | None = None
    outlier_detection: OutlierDetection | None = None
    retry_budget: RetryBudget | None = None
    tls: ClientTls | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """The merged rules of one host (pilot/pkg/model/destination_rule.go): the first policy, every subset once."""

    policy: TrafficPolicy | None = None
    subsets: tuple[Subset, ...] = ()
    source: DestinationRule | None = None

    def subset(self, name: str) -> Subset | None:
        """Return the subset of this name."""
        return next((subset for subset in self.subsets if subset.name == name), None)

    def choices(self, port: int) -> list[tuple[str, Mapping[str, str], Policy]]:
        """Return what a port has a cluster for: every host, and each subset; by name, with labels and policy."""
        subsets = [(one.name, one.labels, self.for_subset(one, port)) for one in self.subsets]
        return [("", {}, self.for_port(port)), *subsets]

    def for_port(self, port: int) -> Policy:
        """Return the top-level policy as one port sees it: a port-level entry replaces it whole."""
        return _at_port(self.policy, port)

    def balancer_of(self, subset: str) -> LoadBalancer | None:
        """Return the balancer that the rule itself, or a subset itself, is written with, whatever a port says."""
        own = self.subset(subset) if subset else None
        policy = own.traffic_policy if own else self.policy
        return policy.load_balancer if policy and (own or not subset) else None

    def hash_at(self, port: int) -> ConsistentHash | None:
        """Return what requests are hashed by where no route speaks of a service: the port's hash, else the rule's."""
        return next((own for own in self._hashes(self.policy, port) if own), _hash(self.policy))

    def hash_for(self, subset: str, port: int | None) -> ConsistentHash | None:
        """Return what a route's destination is hashed by: its subset's, else its port's, else the rule's.

        A port's is asked only where the destination names its port. It is not the cluster's balancer: a port without a
        hash keeps the rule's (route.go, HashForHTTPDestination).
        """
        own = self.subset(subset)
        policy = own.traffic_policy if own else None
        chosen = [*self._hashes(policy, port), _hash(policy), *self._hashes(self.policy, port)]
        return next((one for one in chosen if one), _hash(self.policy))

    @staticmethod
    def _hashes(policy: TrafficPolicy | None, port: int | None) -> list[ConsistentHash | None]:
        entries = policy.port_level_settings if policy else ()
        return [_hash(entry) for entry in entries if entry.port.number == port][:1]

    def for_subset(self, subset: Subset, port: int) -> Policy:
        """Return a subset's policy: its blocks over the port's; its own port-level blocks replace, even when empty."""
        base, own = self.for_port(port), subset.traffic_policy
        if own is None:
            return base
        over = Policy(
            own.load_balancer or base.load_balancer,
            own.connection_pool or base.connection_pool,
            own.outlier_detection or base.outlier_detection,
            own.retry_budget or base.retry_budget,
            own.tls or base.tls,
        )
        for entry in own.port_level_settings:
            if entry.port.number == port:
                return Policy(
                    entry.load_balancer, entry.connection_pool, entry.outlier_detection, base.retry_budget, entry.tls
                )
        return over


class Rules:
    """The DestinationRules that a proxy sees: its own namespace first, then the service's, then the root's.

    A proxy of the root namespace, as gateways are, has no rules of its own but those that are exported to nobody else:
    what is said there for everybody must not come before what a service's namespace says (push_context.go).
    """

    def __init__(self, objects: Objects, proxy: Proxy):
        self._by_namespace: dict[str, dict[str, Rule]] = {}
        for rule in objects.destination_rules:
            namespace = rule.metadata.namespace
            if namespace == ROOT_NAMESPACE == proxy.namespace and set(rule.spec.export_to) in ({"."}, {ROOT_NAMESPACE}):
                namespace = _ROOT_ALONE
            hosts = self._by_namespace.setdefault(namespace, {})
            hostname = qualified(rule.spec.host, rule.metadata.namespace)
            hosts[hostname] = _merged(hosts.get(hostname, Rule()), rule)
        self._wildcards = {
            space: [host for host in hosts if host.startswith("*")] for space, hosts in self._by_namespace.items()
        }
        self._first = _ROOT_ALONE if proxy.namespace == ROOT_NAMESPACE else proxy.namespace

    def of(self, service: Service) -> Rule:
        """Return the rule of a service; an empty one when there is none."""
        return self.at(service.hostname, service.namespace)

    def at(self, hostname: str, namespace: str) -> Rule:
        """Return the rule of a host that lives in a namespace."""
        for space in dict.fromkeys((self._first, namespace, ROOT_NAMESPACE)):
            hosts = self._by_namespace.get(space, {})
            covering = [host for host in self._wildcards.get(space, ()) if matches(host, hostname)]
            host = hostname if hostname in hosts else max(covering, key=len, default="")
            if host:
                return hosts[host]
        return Rule()


def _hash(policy: TrafficPolicy | PortPolicy | None) -> ConsistentHash | None:
    balancer = policy.load_balancer if policy else None
    return balancer.consistent_hash if balancer else None


def _merged(rule: Rule, more: DestinationRule) -> Rule:
    known = {subset.name for subset in rule.subsets}
    new = tuple(subset for subset in more.spec.subsets if subset.name not in known)
    return Rule(rule.policy or more.spec.traffic_policy, rule.subsets + new, rule.source or more)


def _at_port(policy: TrafficPolicy | None, port: int) -> Policy:
    if policy is None:
        return Policy()
    for entry in policy.port_level_settings:
        if entry.port.number == port:
            return Policy(entry.load_balancer, entry.connection_pool, entry.outlier_detection, tls=entry.tls)
    return Policy(
        policy.load_balancer, policy.connection_pool, policy.outlier_detection, policy.retry_budget, policy.tls
    )

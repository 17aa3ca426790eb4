"""What a bench's Job may do in the namespace of a world: what the methods of its handle ask for, and no more."""

from __future__ import annotations

from dataclasses import dataclass

from istio.objects.parse import KINDS
from k8s.cluster.api import PLURALS
from k8s.cluster.control import SECRET


@dataclass(frozen=True, slots=True)
class Rule:
    """Verbs on one resource (or, behind a slash, a part of it) of an API group; on the one called `name`, if given."""

    group: str
    resource: str
    verbs: tuple[str, ...]
    name: str = ""


OF_EVERY_WORLD: tuple[Rule, ...] = (
    # found by its name: the namespace itself, which a Role in it may show
    Rule("", "namespaces", ("get",)),
    # what its fault control and its wardens ask for
    Rule("", "secrets", ("get",), SECRET),
    # who there is and whether it is ready; a restart replaces
    Rule("", "pods", ("list", "delete")),
    Rule("", "events", ("list",)),
    # when a sidecar ejected whom stands in its log
    Rule("", "pods/log", ("get",)),
    # the library's policies, and what `mend` needs
    Rule("", "configmaps", ("get", "patch")),
    # replicas, probes, what an application is told, and a world that rests
    Rule("apps", "deployments", ("list", "patch")),
    Rule("apps", "deployments/scale", ("patch",)),
)
OF_SIDECARS: tuple[Rule, ...] = tuple(
    # what is applied is created where it is not there, and what is deleted is looked for until it is gone
    Rule(versions[0].partition("/")[0], PLURALS[kind], ("get", "list", "create", "patch", "delete"))
    for kind, (_, versions) in sorted(KINDS.items())
)


def rules(*, sidecars: bool) -> tuple[Rule, ...]:
    """What is granted in a world with sidecars, or without: Istio's objects are nothing to the latter."""
    return (*OF_EVERY_WORLD, *OF_SIDECARS) if sidecars else OF_EVERY_WORLD


def asked(granted: tuple[Rule, ...]) -> list[tuple[str, str, str]]:
    """What somebody must have themselves to grant that, as Kubernetes has it: group, resource, verb."""
    return [(rule.group, rule.resource, verb) for rule in granted for verb in rule.verbs]

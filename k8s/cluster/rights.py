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


RULES: tuple[Rule, ...] = (
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
    # what is applied is created where it is not there
    *(
        Rule(versions[0].partition("/")[0], PLURALS[kind], ("list", "create", "patch", "delete"))
        for kind, (_, versions) in sorted(KINDS.items())
    ),
)

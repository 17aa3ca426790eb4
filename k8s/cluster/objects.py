"""What a cluster is sent for a world: the rendered objects, in a namespace that says whose it is."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from istio.objects.parse import KINDS
from k8s.cluster.control import controlled
from k8s.target import Beginning, Document, Rendered

MANAGED_BY, OURS = "app.kubernetes.io/managed-by", "goaround"
WORLD, MODE, POLICIES = "goaround/world", "goaround/mode", "goaround/policies"
BEGINNING = "goaround-beginning"
"""The ConfigMap in which a world keeps what it was when it started."""
# What others refer to comes first; pods come last, and find all of it.
ORDER = (
    "Namespace",
    "NetworkPolicy",
    "ServiceAccount",
    "ConfigMap",
    "Secret",
    "Service",
    "*",
    "PodDisruptionBudget",
    "Deployment",
)
PLAINTEXT: Document = {
    "apiVersion": "security.istio.io/v1",
    "kind": "PeerAuthentication",
    "metadata": {"name": "default"},
    "spec": {"mtls": {"mode": "DISABLE"}},
}
"""Sidecars of this namespace speak no mutual TLS, whatever the mesh does elsewhere."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The objects of a world: its namespace, and what is in it, in the order in which it is sent."""

    namespace: Document
    objects: list[Document]

    @property
    def pods(self) -> int:
        """How many pods its deployments want."""
        return sum(int(one["spec"]["replicas"]) for one in self.objects if one["kind"] == "Deployment")


def sent(name: str, rendered: Rendered, seed: int, image: str | None = None, token: str | None = None) -> Sent:
    """Put a rendered world into the namespace `name`. `seed` goes to every pod; `image` in place of the manifests' own.

    With a `token` the world can be measured and broken by whoever has it (`k8s.cluster.control`). Every object carries
    labels that say that goaround made it, and for which world; the namespace's annotations keep the policy set.
    """
    objects = [copy.deepcopy(one) for one in (*rendered.objects, *rendered.istio)]
    if rendered.mesh is not None and not rendered.mesh.mtls:
        objects.append(copy.deepcopy(PLAINTEXT))
    if token is not None:
        objects = controlled(objects, token)
    for one in objects:
        metadata = one["metadata"]
        metadata["labels"] = {**metadata.get("labels", {}), MANAGED_BY: OURS, WORLD: name}
        if one["kind"] != "Namespace":
            metadata["namespace"] = name
        if one["kind"] == "Deployment":
            _tell(one["spec"]["template"]["spec"]["containers"], seed, image)
    objects.append(_kept(name, objects))
    [namespace] = [one for one in objects if one["kind"] == "Namespace"]
    namespace["metadata"]["name"] = name
    namespace["metadata"]["labels"][MODE] = rendered.mode
    namespace["metadata"]["annotations"] = {POLICIES: rendered.policies or ""}
    return Sent(namespace, sorted((one for one in objects if one is not namespace), key=_place))


def is_ours(namespace: Mapping[str, Any]) -> bool:
    """Whether goaround made this namespace, so that it may end it."""
    labels = namespace["metadata"].get("labels") or {}
    return labels.get(MANAGED_BY) == OURS and labels.get(WORLD) == namespace["metadata"]["name"]


def beginning(kept: Mapping[str, Any]) -> Beginning:
    """Read what a world was when it started, from its ConfigMap."""
    told = json.loads(kept["data"]["beginning.json"])
    return Beginning(kept["metadata"]["namespace"], told["istio"], told["replicas"])


def bare(one: Mapping[str, Any], version: str, kind: str) -> Document:
    """An object as a person would write it: without what the server and `up` have added."""
    metadata = {"name": one["metadata"]["name"], "namespace": one["metadata"]["namespace"]}
    for key in ("labels", "annotations"):
        kept = {
            name: value for name, value in (one["metadata"].get(key) or {}).items() if name not in (MANAGED_BY, WORLD)
        }
        if kept:
            metadata[key] = kept
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": one.get("spec", {})}


def _kept(name: str, objects: Sequence[Mapping[str, Any]]) -> Document:
    """What can be gone back to: whoever shows or tries something may not be who started the world."""
    told = {
        "istio": [bare(one, one["apiVersion"], one["kind"]) for one in objects if one["kind"] in KINDS],
        "replicas": {
            one["metadata"]["name"]: int(one["spec"]["replicas"]) for one in objects if one["kind"] == "Deployment"
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": BEGINNING, "namespace": name, "labels": {MANAGED_BY: OURS, WORLD: name}},
        "data": {"beginning.json": json.dumps(told)},
    }


def _tell(containers: Sequence[dict[str, Any]], seed: int, image: str | None) -> None:
    app = containers[0]
    others: Sequence[dict[str, Any]] = [one for one in app["env"] if one["name"] != "SEED"]
    app["env"] = [*others, {"name": "SEED", "value": str(seed)}]
    for one in containers if image else ():
        one["image"] = image


def _place(one: Mapping[str, Any]) -> int:
    return ORDER.index(one["kind"] if one["kind"] in ORDER else "*")

"""What a cluster must have for a world, looked at one by one before anything is made in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from k8s.cluster import mesh
from k8s.cluster.abilities import ABSENT, OF_SIDECARS, WHAT
from k8s.cluster.api import PLURALS, Api, ApiError
from k8s.image import TAG
from k8s.target import Rendered, TargetError


class Found(Enum):
    """What a look came to."""

    GOOD = "yes"
    BAD = "no"
    UNKNOWN = "unknown"
    ABSENT = "never"
    """What no cluster has, and no world needs: faults that only the local target has."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, what was found, and what that means."""

    what: str
    found: Found
    says: str


def examine(api: Api, name: str, rendered: Rendered, image: str | None = None) -> Iterator[Check]:
    """Look whether this world could run in this cluster, under this name. Nothing is made or changed.

    Without a cluster that answers there is one check only.
    """
    first = _look("cluster", lambda: _answers(api))
    yield first
    if first.found is Found.BAD:
        return
    yield _look("permissions", lambda: _permissions(api, name, rendered))
    yield _look("room", lambda: _room(api, rendered))
    yield _look("image", lambda: _image(api, image or TAG))
    if rendered.mesh is not None:
        istio = _look("Istio", lambda: _istio(api))
        yield istio
        if istio.found is not Found.BAD:
            yield _look("sidecar injection", lambda: _injection(api))
    for ability, what in WHAT.items():
        if rendered.mesh is not None or ability not in OF_SIDECARS:
            yield Check(what, Found.ABSENT, ABSENT[ability])


def _look(what: str, how: Callable[[], tuple[Found, str]]) -> Check:
    """A check that may not be made is unknown; one that fails otherwise is bad."""
    try:
        return Check(what, *how())
    except ApiError as error:
        return Check(what, Found.UNKNOWN if error.status == 403 else Found.BAD, str(error))
    except TargetError as error:
        return Check(what, Found.BAD, str(error))


def _answers(api: Api) -> tuple[Found, str]:
    return Found.GOOD, f"Kubernetes {api.get('/version')['gitVersion']}, context {api.context}"


def _permissions(api: Api, name: str, rendered: Rendered) -> tuple[Found, str]:
    """Ask for each right that `up`, `status` and `down` use; Kubernetes answers for whoever asks."""
    wanted = [("", "namespaces", verb) for verb in ("create", "get", "list", "delete")]
    wanted += [("", "pods", "list"), ("", "pods/log", "get"), ("", "events", "list")]
    for kind in sorted({(one["apiVersion"], one["kind"]) for one in (*rendered.objects, *rendered.istio)}):
        group = kind[0].rpartition("/")[0]
        if kind[1] != "Namespace":
            wanted += [(group, PLURALS[kind[1]], "create"), (group, PLURALS[kind[1]], "patch")]
    wanted += [("apps", "deployments/scale", "patch"), ("", "secrets", "create"), ("", "secrets", "patch")]
    lacking: dict[str, list[str]] = {}
    for group, what, verb in wanted:
        if not _may(api, name, group, what, verb):
            lacking.setdefault(what, []).append(verb)
    if lacking:
        each = (f"{', '.join(verbs)} {what}" for what, verbs in lacking.items())
        return Found.BAD, f"you may not {'; '.join(each)}"
    return Found.GOOD, f"all {len(wanted)} rights that a world in namespace {name} needs"


def _may(api: Api, name: str, group: str, what: str, verb: str) -> bool:
    resource, _, part = what.partition("/")
    asked = {"verb": verb, "group": group, "resource": resource, "subresource": part}
    if resource != "namespaces":
        asked["namespace"] = name
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    answer = api.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


def _room(api: Api, rendered: Rendered) -> tuple[Found, str]:
    """The pods that the nodes take, beside those that run: the scheduler has the last word on CPU and memory."""
    nodes = api.get("/api/v1/nodes")["items"]
    free = sum(int(one["status"]["allocatable"]["pods"]) for one in nodes)
    free -= len(api.get("/api/v1/pods", fieldSelector="status.phase=Running")["items"])
    wanted = sum(int(one["spec"]["replicas"]) for one in rendered.objects if one["kind"] == "Deployment")
    said = f"{wanted} pods wanted, {free} more fit on {len(nodes)} node{'s' * (len(nodes) != 1)}"
    return (Found.GOOD if free >= wanted else Found.BAD), said


def _image(api: Api, image: str) -> tuple[Found, str]:
    nodes = api.get("/api/v1/nodes")["items"]
    holding = sum(_holds(node, image) for node in nodes)
    if holding == len(nodes):
        return Found.GOOD, f"{image} is on every node"
    # a node lists its 50 largest images only, and one from a registry comes when it is wanted
    return (
        Found.UNKNOWN,
        f"{image} is listed by {holding} of {len(nodes)} nodes; docs/cluster.md says how it gets there",
    )


def _holds(node: Mapping[str, Any], image: str) -> bool:
    """Whether a node lists this image, under its short name or the one that Docker's registry gives it."""
    names = {image, f"docker.io/{image}", f"docker.io/library/{image}", f"localhost/{image}"}
    return any(names & set(one.get("names") or ()) for one in node["status"].get("images") or ())


def _istio(api: Api) -> tuple[Found, str]:
    release = mesh.require(api)
    return (Found.GOOD, release) if release else (Found.UNKNOWN, "it is there; which release, could not be found out")


def _injection(api: Api) -> tuple[Found, str]:
    """Tried where it can be without making anything: by a dry run in a namespace that every cluster has."""
    mesh.require_injection(api, "default")
    return Found.GOOD, "a labelled pod gets a sidecar (tried by a dry run)"

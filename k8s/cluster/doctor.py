"""What a cluster must have for a world, looked at one by one before anything is made in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

from k8s.cluster import mesh, room
from k8s.cluster.abilities import ABSENT, WHAT
from k8s.cluster.api import NAMESPACES, PLURALS, Api, ApiError
from k8s.cluster.rights import asked, rules
from k8s.image import TAG
from k8s.target import OF_SIDECARS, Rendered, TargetError


class Found(Enum):
    """What a look came to."""

    GOOD = "yes"
    BAD = "no"
    UNKNOWN = "unknown"
    ABSENT = "never"
    """What no cluster has, and no world needs: faults that only the local target has."""


LISTED = 50
"""How many of its images a node lists, as the kubelet has it by default."""
BENCH = (
    *(("", what, verb) for what in ("serviceaccounts", "secrets", "configmaps") for verb in ("create", "patch")),
    ("", "secrets", "get"),
    *(("rbac.authorization.k8s.io", what, verb) for what in ("roles", "rolebindings") for verb in ("create", "patch")),
    ("batch", "jobs", "create"),
    ("batch", "jobs", "patch"),
    ("", "pods/proxy", "get"),
    ("", "pods/proxy", "create"),
)
"""What a bench needs beside the rights that its worlds need and those that it grants: group, resource, verb."""
BY_HAND = (("", "secrets", "get"), *(("", "pods/proxy", verb) for verb in ("get", "create", "update", "delete")))
"""What faults, load, and looking on need from outside the cluster: the token, and the way through the API server."""
OWN_INJECTION = ("istio-injection", "istio.io/rev")
"""Labels by which a namespace has an injection of its own, which a world's namespace has not."""


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
    yield _look("permissions", lambda: _permissions(api, name, rendered, BY_HAND))
    yield _look("room", lambda: _room(api, rendered))
    yield _look("image", lambda: _image(api, image or TAG))
    if rendered.mesh is not None:
        mtls = rendered.mesh.mtls
        istio = _look("Istio", lambda: _istio(api, mtls=mtls))
        yield istio
        if istio.found is not Found.BAD:
            yield _look("sidecar injection", lambda: _injection(api))
    for ability, what in WHAT.items():
        if rendered.mesh is not None or ability not in OF_SIDECARS:
            yield Check(what, Found.ABSENT, ABSENT[ability])


def unfit(
    api: Api, name: str, rendered: Sequence[Rendered], images: Sequence[str], *, at_once: int, counted: bool
) -> list[str]:
    """What keeps a bench from running there, a sentence each; nothing is made, and what may not be seen keeps nothing.

    `name` is that of a namespace that it would make. `images` are the services' and the harness's; `at_once`: how many
    of the worlds have pods at the same time; `counted`: whether there is room for them is looked at.
    """
    with_mesh = next((one for one in rendered if one.mesh is not None), None)
    first = _look("cluster", lambda: _answers(api))
    checks = [first]
    if first.found is not Found.BAD:
        # nobody may grant what they may not do themselves
        more = (*BENCH, *asked(rules(sidecars=with_mesh is not None)))
        checks.append(_look("permissions", lambda: _permissions(api, name, with_mesh or rendered[0], more)))
        if counted:
            wanted = sorted((pods(one) for one in rendered), reverse=True)[:at_once]
            checks.append(_look("room", lambda: _free(api, sum(wanted) + 1)))
            checks.append(_look("room", lambda: _cores(api, rendered, at_once)))
        checks += [_look("image", partial(_image, api, image)) for image in images]
        if with_mesh is not None:
            mtls = any(one.mesh is not None and one.mesh.mtls for one in rendered)
            checks.append(_look("Istio", lambda: _istio(api, mtls=mtls)))
            if checks[-1].found is not Found.BAD:
                checks.append(_look("sidecar injection", lambda: _injection(api)))
    return [one.says for one in checks if one.found is Found.BAD]


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


def _permissions(
    api: Api, name: str, rendered: Rendered, more: Sequence[tuple[str, str, str]] = ()
) -> tuple[Found, str]:
    """Ask for each right that `up`, `status` and `down` use, and `more`; Kubernetes answers for whoever asks."""
    wanted = [("", "namespaces", verb) for verb in ("create", "get", "list", "delete")]
    wanted += [("", "pods", "list"), ("", "pods/log", "get"), ("", "events", "list"), ("apps", "deployments", "list")]
    for kind in sorted({(one["apiVersion"], one["kind"]) for one in (*rendered.objects, *rendered.istio)}):
        group = kind[0].rpartition("/")[0]
        if kind[1] != "Namespace":
            wanted += [(group, PLURALS[kind[1]], "create"), (group, PLURALS[kind[1]], "patch")]
    wanted += [("apps", "deployments/scale", "patch"), ("", "secrets", "create"), ("", "secrets", "patch")]
    wanted = list(dict.fromkeys([*wanted, *more]))
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
    question = {"verb": verb, "group": group, "resource": resource, "subresource": part}
    if resource != "namespaces":
        question["namespace"] = name
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": question},
    }
    answer = api.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


def pods(rendered: Rendered) -> int:
    """How many pods a world has when it is up."""
    return sum(int(one["spec"]["replicas"]) for one in rendered.objects if one["kind"] == "Deployment")


def _room(api: Api, rendered: Rendered) -> tuple[Found, str]:
    return _free(api, pods(rendered))


def _free(api: Api, wanted: int) -> tuple[Found, str]:
    """The pods that the nodes take, beside those that run: the scheduler has the last word on CPU and memory."""
    nodes = api.get("/api/v1/nodes")["items"]
    free = sum(int(one["status"]["allocatable"]["pods"]) for one in nodes)
    free -= len(api.get("/api/v1/pods", fieldSelector="status.phase=Running")["items"])
    said = f"{wanted} pods wanted, {free} more fit on {len(nodes)} node{'s' * (len(nodes) != 1)}"
    return (Found.GOOD if free >= wanted else Found.BAD), said


def _cores(api: Api, rendered: Sequence[Rendered], at_once: int) -> tuple[Found, str]:
    """The CPU that so many of these worlds ask for at once, the largest of them, and a harness."""
    asked = sorted(map(room.wanted, rendered), reverse=True)
    wanted, free = sum(asked[:at_once]) + room.HARNESS, room.free(api)
    if free is None or wanted <= free:
        return Found.GOOD, f"{wanted:.2f} CPU wanted"
    turns = f"; --one-world-at-a-time wants {asked[0] + room.HARNESS:.2f}" if at_once > 1 else ""
    return Found.BAD, f"{wanted:.2f} CPU wanted by requests, {max(0.0, free):.2f} are free{turns}"


def _image(api: Api, image: str) -> tuple[Found, str]:
    nodes = api.get("/api/v1/nodes")["items"]
    holding = sum(_holds(node, image) for node in nodes)
    if holding == len(nodes):
        return Found.GOOD, f"{image} is on every node"
    # a node lists its largest images only, and one from a registry comes when it is wanted
    if not holding and "/" not in image and all(len(one["status"].get("images") or ()) < LISTED for one in nodes):
        return Found.BAD, f"image {image} is on no node: docs/cluster.md says how it gets there"
    return (
        Found.UNKNOWN,
        f"{image} is listed by {holding} of {len(nodes)} nodes; docs/cluster.md says how it gets there",
    )


def _holds(node: Mapping[str, Any], image: str) -> bool:
    """Whether a node lists this image under a name by which its runtime finds it.

    That is the short name, or the one that Docker's registry gives it; CRI-O alone looks for one of localhost too.
    """
    names = {image, f"docker.io/{image}", f"docker.io/library/{image}"}
    runtime = str((node["status"].get("nodeInfo") or {}).get("containerRuntimeVersion", ""))
    if runtime.startswith("cri-o"):
        names.add(f"localhost/{image}")
    return any(names & set(one.get("names") or ()) for one in node["status"].get("images") or ())


def _istio(api: Api, *, mtls: bool) -> tuple[Found, str]:
    """Its release; a mesh that takes no plaintext refuses a harness, which is no part of it, each frame.

    A world without mutual TLS says so itself, whatever its mesh does elsewhere.
    """
    release = mesh.require(api)
    if mtls and (name := mesh.strict(api)):
        rule = f"PeerAuthentication {name} in {mesh.ISTIO_SYSTEM}"
        return Found.BAD, f"{rule} is STRICT for the whole mesh, which would refuse the load from outside it"
    return (Found.GOOD, release) if release else (Found.UNKNOWN, "it is there; which release, could not be found out")


def _injection(api: Api) -> tuple[Found, str]:
    """Tried where it can be without making anything: by a dry run in a namespace that every cluster has."""
    labels = api.get(f"{NAMESPACES}/default")["metadata"].get("labels") or {}
    if own := [one for one in OWN_INJECTION if one in labels]:
        return Found.UNKNOWN, (
            f"namespace default, where it would be tried, has one of its own (label {', '.join(own)}): "
            "`up` tries it in the world's"
        )
    mesh.require_injection(api, "default")
    return Found.GOOD, "a labelled pod gets a sidecar (tried by a dry run)"

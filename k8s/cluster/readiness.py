"""Why a world is not ready: what a pod, its deployment and the cluster's events say, in a sentence each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from k8s.local.models import INJECT

APP, PROXY = "app", "istio-proxy"
NO_IMAGE = frozenset({"ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"})
NEVER_STARTS = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
HOPELESS_RESTARTS = 2
REFUSED = ("not found", "denied", "unauthorized", "forbidden", "does not exist")
"""What a registry that has answered says of an image that it will not give at the next try either."""
PASSING = (
    # the API server, or a webhook that it asks, could not do its work this time (status 500)
    "Internal error occurred",
    "failed calling webhook",
    # a kubelet that has not been told yet what a new pod mounts
    "failed to sync secret cache",
    "failed to sync configmap cache",
    # a container runtime with too much to do: an order ran out of time, and its second try finds the first at work
    "context deadline exceeded",
    "failed to reserve container name",
)
"""Of messages that tell of a node or a control plane with too much to do: whoever says it tries again by itself."""
ENDED = ("Succeeded", "Failed")
_ADDRESS = re.compile(r"\b\d+(?:\.\d+){3}(?=:\d)")
_OWN_END = re.compile(r"[^\s(]+:\d+->(?=\S)")


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps a pod or a deployment from being ready. `fatal`: waiting will not mend it."""

    what: str
    why: str
    fatal: bool

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


def obstacles(
    deployments: Sequence[Mapping[str, Any]], pods: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, Any]]
) -> Iterator[Obstacle]:
    """What the deployments and pods of a world still lack, as the API server lists them; none when all are ready."""
    for one in deployments:
        failed = condition(one, "ReplicaFailure", "True")
        if failed:
            cause = "the cluster tries again" if passes(failed) else "a quota, or a policy"
            yield Obstacle(f"deployment {one['metadata']['name']}", f"{failed} ({cause})", not passes(failed))
    wanted = {one["metadata"]["name"]: int(one["spec"]["replicas"]) for one in deployments}
    there = Counter(deployment_of(one["metadata"]["name"]) for one in pods if not has_ended(one))
    for pod in pods:
        name = pod["metadata"]["name"]
        if has_ended(pod) and there[deployment_of(name)] >= wanted.get(deployment_of(name), 0):
            continue  # another is there in its place
        found = reason(pod, events)
        if found:
            yield Obstacle(f"pod {name}", *found)


def passes(message: str) -> bool:
    """Whether what a message tells of passes by itself."""
    return any(one in message for one in PASSING)


def has_ended(pod: Mapping[str, Any]) -> bool:
    """Whether a pod is over for good, as one that was evicted, or refused by its node: it stays listed as it is.

    Its controller makes another in its place.
    """
    return _status(pod).get("phase") in ENDED


def deployment_of(pod: str) -> str:
    """The name of the Deployment that a pod is of, which its own name begins with."""
    return pod.rsplit("-", 2)[0]


def crashing(pod: Mapping[str, Any]) -> str:
    """The name of a container that ends again and again; empty when none does."""
    found = (one["name"] for one in containers(pod) if _waiting(one).get("reason") == "CrashLoopBackOff")
    return next((str(name) for name in found), "")


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether a pod may get requests."""
    return any(one["type"] == "Ready" and one["status"] == "True" for one in _status(pod).get("conditions", ()))


def has_sidecar(pod: Mapping[str, Any]) -> bool:
    """Whether Istio's injector gave it a proxy, as a container or as a native sidecar."""
    spec = pod["spec"]
    return any(one["name"] == PROXY for one in (*spec.get("containers", ()), *spec.get("initContainers", ())))


def wants_sidecar(pod: Mapping[str, Any]) -> bool:
    """Whether its deployment asked for a proxy."""
    labels = pod["metadata"].get("labels") or {}
    return bool(labels.get(INJECT) == "true")


def reason(pod: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> tuple[str, bool] | None:
    """Why a pod is not ready, and whether waiting is of no use; None when it is ready."""
    if has_ended(pod):
        status = _status(pod)
        why = ": ".join(filter(None, (status.get("reason"), status.get("message"))))
        return f"it has ended: {why or status['phase']}", False
    if wants_sidecar(pod) and not has_sidecar(pod):
        return "it got no sidecar: Istio's injection does not act on it", True
    if is_ready(pod):
        return None
    if pod["metadata"].get("deletionTimestamp"):
        return "it is ending", False
    unscheduled = condition(pod, "PodScheduled", "False")
    if unscheduled:
        return f"no node takes it: {unscheduled}", False
    for container in containers(pod):
        found = _held_up(container)
        if found:
            return found
    said = _last_words(pod, events)
    return (said or "it is starting"), False


def condition(one: Mapping[str, Any], kind: str, status: str) -> str:
    """The message of a condition that has this status; empty when it has another."""
    found = (each for each in _status(one).get("conditions", ()) if each["type"] == kind and each["status"] == status)
    return next((str(each.get("message") or each.get("reason") or kind) for each in found), "")


def containers(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The statuses of a pod's containers, those first that start first."""
    status = _status(pod)
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _waiting(container: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (container.get("state") or {}).get("waiting") or {}
    return found


def _held_up(container: Mapping[str, Any]) -> tuple[str, bool] | None:
    waiting = _waiting(container)
    why, name = waiting.get("reason", ""), container["name"]
    if why in NO_IMAGE:
        image = container["image"]
        return f"its image {image} cannot be had ({why}): load it into the cluster, or push it to a registry", True
    if why == "ErrImagePull":
        message = str(waiting.get("message") or why)
        refused = any(one in message.lower() for one in REFUSED)
        return f"its image {container['image']} could not be pulled: {_of_all(message)}", refused
    if why in NEVER_STARTS:
        message = str(waiting.get("message") or why)
        return f"container {name} cannot be started: {message}", not passes(message)
    if why == "CrashLoopBackOff":
        ended = (container.get("lastState") or {}).get("terminated") or {}
        how = ended.get("reason") or "Error"
        hopeless = int(container.get("restartCount", 0)) >= HOPELESS_RESTARTS
        return f"container {name} ends again and again: {how}, exit code {ended.get('exitCode', '?')}", hopeless
    return None


def _last_words(pod: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> str:
    """What the newest warning about a pod says, which is where a failing probe is told."""
    own = [
        one
        for one in events
        if one.get("type") == "Warning" and (one.get("involvedObject") or {}).get("uid") == pod["metadata"]["uid"]
    ]
    if not own:
        return ""
    newest = max(own, key=lambda one: str(one.get("lastTimestamp") or one.get("eventTime") or ""))
    return _of_all(str(newest.get("message", "")))


def _of_all(message: str) -> str:
    """A message on one line, without addresses of pods and ports by chance: one cause for many is told once."""
    return _ADDRESS.sub("ADDRESS", _OWN_END.sub("", " ".join(message.split())))


def _status(one: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = one.get("status") or {}
    return found

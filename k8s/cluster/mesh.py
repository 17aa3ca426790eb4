"""What the cluster's Istio is: whether there is one, how old, and whether it gives sidecars to our pods."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from k8s.cluster.api import Api, ApiError, folder
from k8s.cluster.readiness import PROXY, has_sidecar
from k8s.image import TAG
from k8s.local.models import INJECT
from k8s.target import Document, TargetError

OLDEST = (1, 24)
ISTIO_SYSTEM = "istio-system"
_RELEASE = re.compile(r"(\d+)\.(\d+)")


def require(api: Api) -> str:
    """Return the release of the cluster's Istio, "" where it cannot be found out.

    Raises TargetError: there is none, or it is older than what goaround is written for.
    """
    oldest = ".".join(map(str, OLDEST))
    if api.find("/apis/networking.istio.io") is None:
        raise TargetError(
            f"there is no Istio in this cluster: install {oldest} or newer, or choose mode none or library"
        )
    version = release(api)
    found = _RELEASE.match(version)
    if found and (int(found[1]), int(found[2])) < OLDEST:
        raise TargetError(f"Istio {version} is too old: {oldest} or newer is needed")
    return version


def release(api: Api) -> str:
    """What istiod says its release is, else the tag of its image; "" where neither can be seen."""
    try:
        said = api.text(f"/api/v1/namespaces/{ISTIO_SYSTEM}/services/http:istiod:15014/proxy/version")
        found = _RELEASE.match(_version(said))
        if found:
            return _version(said)
    except TargetError:
        pass  # not allowed, or not reachable from the API server: the image's tag is the other way
    try:
        pods = api.get(f"/api/v1/namespaces/{ISTIO_SYSTEM}/pods", labelSelector="app=istiod")["items"]
    except ApiError:
        return ""
    tags = (one["image"].rpartition(":")[2] for pod in pods for one in pod["spec"]["containers"])
    return next((tag for tag in tags if _RELEASE.match(tag)), "")


def strict(api: Api) -> str:
    """The name of a PeerAuthentication by which the whole mesh takes no plaintext; empty without one.

    Raises ApiError: that may not be looked at.
    """
    found = api.get(folder("security.istio.io/v1", "PeerAuthentication", ISTIO_SYSTEM))["items"]
    specs = {str(one["metadata"]["name"]): one.get("spec") or {} for one in found}
    strict = (name for name, spec in specs.items() if not spec.get("selector") and _mode(spec) == "STRICT")
    return next(strict, "")


def injects(api: Api, namespace: str) -> bool:
    """Whether a pod of ours in this namespace would get a sidecar: the cluster is asked, and nothing is made.

    A dry run goes through the same webhooks as a real pod. Raises ApiError when even that is refused.
    """
    made = api.post(folder("v1", "Pod", namespace), _probe(), dryRun="All")
    return has_sidecar(made)


def require_injection(api: Api, namespace: str) -> None:
    """Raise TargetError when pods of ours would get no sidecar in this namespace."""
    if not injects(api, namespace):
        raise TargetError(
            f"sidecar injection is off: a pod labelled {INJECT}=true gets no {PROXY} in namespace {namespace}; "
            "see that istiod's webhook istio-sidecar-injector (or istio-revision-tag-default) is there, and not for "
            "another revision only"
        )


def _mode(spec: Mapping[str, Any]) -> str:
    return str((spec.get("mtls") or {}).get("mode", ""))


def _version(said: str) -> str:
    try:
        answer = json.loads(said)
    except ValueError:
        return said.strip()
    return str(answer.get("version", "") if isinstance(answer, dict) else answer)


def _probe() -> Document:
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    limits = {"cpu": "10m", "memory": "16Mi"}
    container = {
        "name": "app",
        "image": TAG,
        "securityContext": restricted,
        "resources": {"requests": limits, "limits": limits},
    }
    security = {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "goaround-dry-run-", "labels": {INJECT: "true"}},
        "spec": {"containers": [container], "securityContext": security, "automountServiceAccountToken": False},
    }

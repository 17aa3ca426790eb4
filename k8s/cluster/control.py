"""What makes a world of a cluster measurable and breakable: fault control behind a token, and a warden in each pod.

It is added to a world that goaround starts, and is in none of the overlays, which show what a team would run. A warden
(`k8s.cluster.warden`) is a small second container of a pod that sees the processes of the others. The token is a
Secret of the namespace; the ports that it guards are past the sidecar, as the harness is no part of the mesh.
"""

from __future__ import annotations

import base64
import copy
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from k8s.cluster.warden.door import HEADER
from k8s.cluster.warden.door import PORT as WARDEN_PORT
from k8s.local.models import INJECT
from k8s.target import Document

__all__ = ["HEADER", "WARDEN_PORT", "controlled", "new_token", "secret", "token_of", "token_variable"]

SECRET, KEY = "goaround-control", "token"
VARIABLE = "CONTROL_TOKEN"
WARDEN = "warden"
APP_PORT, ADMIN_PORT = 8080, 9090
BENCH: Mapping[str, str] = {"goaround/part": "bench"}
"""Labels of the pods that may come to the ports of a world: those of a harness, in a namespace of goaround's."""
KEPT = "goaround-kept"
"""A ConfigMap for what must be put back, should whoever took it away die."""
BOOTSTRAP = "goaround-bootstrap"
EVENT_LOG: Document = {"cluster_manager": {"outlier_detection": {"event_log_path": "/dev/stdout"}}}
"""What Istio's bootstrap of an Envoy lacks: a line in its log for each host that is ejected, and for each return."""
STATS = (r"cluster\.(in|out)bound.*", r"http\..*\.fault\..*")
"""Envoy's counters by which an edge is measured: Istio leaves them out by default."""
_CONFIG = "proxy.istio.io/config"
_PAST_THE_SIDECAR = "traffic.sidecar.istio.io/excludeInboundPorts"
_OVERRIDE = "sidecar.istio.io/bootstrapOverride"


def new_token() -> str:
    """A secret that nobody guesses."""
    return secrets.token_urlsafe(32)


def token_of(secret: Mapping[str, Any]) -> str:
    """The token that the Secret of a world holds."""
    return base64.b64decode(secret["data"][KEY]).decode()


def controlled(objects: Sequence[Mapping[str, Any]], token: str) -> list[Document]:
    """Return the objects of a world with fault control, wardens, and the token that both ask for."""
    made = [copy.deepcopy(dict(one)) for one in objects]
    deployments = [one for one in made if one["kind"] == "Deployment"]
    for one in deployments:
        _watched(one["spec"]["template"])
    made.append(secret(token))
    if any(_injected(one["spec"]["template"]) for one in deployments):
        made.append(_object("v1", "ConfigMap", BOOTSTRAP, data={"custom_bootstrap.json": json.dumps(EVENT_LOG)}))
        made.append(_object("v1", "ConfigMap", KEPT, data={}))
    if any(one["kind"] == "NetworkPolicy" for one in made):
        made.append(_policy())
    return made


def secret(token: str) -> Document:
    """The Secret that holds a token."""
    return _object("v1", "Secret", SECRET, type="Opaque", data={KEY: base64.b64encode(token.encode()).decode()})


def token_variable() -> Document:
    """The variable by which a container is told the token."""
    return {"name": VARIABLE, "valueFrom": {"secretKeyRef": {"name": SECRET, "key": KEY}}}


def _watched(template: dict[str, Any]) -> None:
    """Add a warden to a pod, and turn on the fault control of its application."""
    app = template["spec"]["containers"][0]
    app["env"] = [
        *(one for one in app["env"] if one["name"] not in ("FAULT_CONTROL", VARIABLE)),
        {"name": "FAULT_CONTROL", "value": "on"},
        token_variable(),
    ]
    template["spec"]["containers"].append(_warden(app))
    template["spec"]["shareProcessNamespace"] = True
    if _injected(template):
        notes = template["metadata"]["annotations"]
        notes[_PAST_THE_SIDECAR] = ",".join([*notes[_PAST_THE_SIDECAR].split(","), str(WARDEN_PORT)])
        config = yaml.safe_load(notes[_CONFIG])
        notes[_CONFIG] = yaml.safe_dump({**config, "proxyStatsMatcher": {"inclusionRegexps": list(STATS)}})
        notes[_OVERRIDE] = BOOTSTRAP


def _warden(app: Mapping[str, Any]) -> Document:
    """The warden's container: of the application's image and user, since it signals the application's processes."""
    return {
        "name": WARDEN,
        "image": app["image"],
        "imagePullPolicy": app["imagePullPolicy"],
        "command": ["python", "-m", "k8s.cluster.warden"],
        "ports": [{"name": WARDEN, "containerPort": WARDEN_PORT}],
        "env": [token_variable()],
        "securityContext": copy.deepcopy(app["securityContext"]),
        "resources": {"requests": {"cpu": "10m", "memory": "48Mi"}, "limits": {"cpu": "500m", "memory": "96Mi"}},
        # asked until it answers, and never again: what is measured shall not pay for it
        "startupProbe": {
            "httpGet": {"path": "/livez", "port": WARDEN},
            "periodSeconds": 1,
            "timeoutSeconds": 2,
            "failureThreshold": 60,
        },
    }


def _policy() -> Document:
    """Who may come to the pods besides those whom the application's own policies let in: a harness."""
    managed = {"app.kubernetes.io/managed-by": "goaround"}
    peer = {"namespaceSelector": {"matchLabels": managed}, "podSelector": {"matchLabels": dict(BENCH)}}
    rule = {"from": [peer], "ports": [{"port": port} for port in (APP_PORT, ADMIN_PORT, WARDEN_PORT)]}
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [rule]}
    return _object("networking.k8s.io/v1", "NetworkPolicy", "goaround-control", spec=spec)


def _object(version: str, kind: str, name: str, **content: object) -> Document:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **content}


def _injected(template: Mapping[str, Any]) -> bool:
    return bool(template["metadata"]["labels"].get(INJECT) == "true")

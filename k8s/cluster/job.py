"""A bench inside a cluster, as objects: the harness as a Job in its own namespace, and what it may do in worlds."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from k8s.cluster.control import BENCH, secret, token_variable
from k8s.cluster.objects import MANAGED_BY, OURS
from k8s.cluster.rights import rules
from k8s.image import TAG, bench_of
from k8s.render import MODES, WITH_SIDECARS
from k8s.target import Document

RUN = "goaround/run"
COMPLETE = "goaround/complete"
PREFIX = "goaround-bench-"
"""With which the name of every namespace begins that a bench makes."""
NAME = "bench"
"""Of the Job, its ServiceAccount, its Role in each world, and its container."""
IMAGE = bench_of(TAG)
CPU = "100m"
"""What it asks for."""
PORT = 8080
ARCHIVE = "run.tar.gz"
ARCHIVE_LIMIT = 2**20
"""Bytes that a ConfigMap takes."""
KEPT_S = 3600
"""How long an ended Job stays, should nobody take it away."""
RESULTS_S = 24 * 3600
"""How long a harness whose worlds rest keeps its results, which end with it: whoever began it in the evening sleeps."""
USER = 10001
FOLDERS = {"run": "/run/goaround", "results": "/results", "tmp": "/tmp"}  # noqa: S108 - of a pod of its own
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Harness:
    """What a Job is made of: the run's name, its folder as an archive, and the namespaces of its worlds by arm.

    `deadline_s`: when Kubernetes ends it whatever it does. `collect_s`: how long it waits, at its end, until its
    results have been fetched.
    """

    run: str
    archive: bytes
    worlds: Mapping[str, str]
    token: str = field(repr=False)
    deadline_s: int
    collect_s: int
    image: str = IMAGE

    @property
    def namespace(self) -> str:
        """The Job's own."""
        return namespace(self.run)


def namespace(run: str) -> str:
    """The namespace of a run's Job. Whoever knows the run's name finds it, and what else the run has made."""
    return f"{PREFIX}{hashlib.sha256(run.encode()).hexdigest()[:10]}"


def world(run: str, number: int, mode: str) -> str:
    """The namespace of a run's world, which begins with that of the Job."""
    return f"{namespace(run)}-{number}-{mode}"


def has_sidecars(world: str) -> bool:
    """Whether a run's world has sidecars, as its namespace's name tells; another namespace may."""
    return not any(world.endswith(f"-{mode}") for mode in MODES if mode not in WITH_SIDECARS)


def made_by(run: str, name: str) -> bool:
    """Whether a namespace has the name of one that this run makes."""
    return name == namespace(run) or name.startswith(f"{namespace(run)}-")


def of_a_bench(name: str) -> bool:
    """Whether a namespace has the name of one that some run makes."""
    return name.startswith(PREFIX)


def label(run: str) -> str:
    """The run's name as the value of a label: as it is, or cut and told apart by a digest."""
    if _LABEL.fullmatch(run):
        return run
    legal = re.sub(r"[^A-Za-z0-9._-]+", "_", run)[:50].strip("._-")
    return f"{legal}.{hashlib.sha256(run.encode()).hexdigest()[:8]}"


def own_namespace(run: str) -> Document:
    """The namespace that all of a Job is in; nothing in it may be more than restricted."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": namespace(run),
            "labels": {**_labels(run), "pod-security.kubernetes.io/enforce": "restricted"},
            "annotations": {RUN: run},
        },
    }


def objects(harness: Harness) -> list[Document]:
    """Everything of a Job in its namespace, and its rights in the namespaces of the worlds; the Job comes last."""
    own = harness.namespace
    made: list[Document] = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME, "namespace": own}},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "run", "namespace": own},
            "binaryData": {ARCHIVE: base64.b64encode(harness.archive).decode()},
        },
    ]
    for place in harness.worlds.values():
        made += rights(place, own)
    complete = guard(harness.run, harness.token)
    complete["metadata"]["annotations"] = {COMPLETE: "true"}
    made += [complete, _job(harness)]
    for one in made:
        one["metadata"]["labels"] = _labels(harness.run)
    return made


def guard(run: str, token: str) -> Document:
    """The Secret with the token, made first of all: a process that finds it knows that another one was faster."""
    one = _placed(secret(token), namespace(run))
    one["metadata"]["labels"] = _labels(run)
    return one


def is_complete(guard: Document) -> bool:
    """Whether the worlds stood, and the Job was made: else somebody is still about it."""
    return COMPLETE in (guard["metadata"].get("annotations") or {})


def rights(place: str, own: str) -> list[Document]:
    """What the Job in the namespace `own` may do in the world that is the namespace `place`."""
    api = "rbac.authorization.k8s.io"
    return [
        {
            "apiVersion": f"{api}/v1",
            "kind": "Role",
            "metadata": {"name": f"goaround-{NAME}", "namespace": place},
            "rules": [
                {
                    "apiGroups": [rule.group],
                    "resources": [rule.resource],
                    "verbs": list(rule.verbs),
                    **({"resourceNames": [rule.name]} if rule.name else {}),
                }
                for rule in rules(sidecars=has_sidecars(place))
            ],
        },
        {
            "apiVersion": f"{api}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": f"goaround-{NAME}", "namespace": place},
            "roleRef": {"apiGroup": api, "kind": "Role", "name": f"goaround-{NAME}"},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": own}],
        },
    ]


def _placed(one: Document, namespace: str) -> Document:
    one["metadata"]["namespace"] = namespace
    return one


def _labels(run: str) -> dict[str, str]:
    return {MANAGED_BY: OURS, RUN: label(run)}


def _job(harness: Harness) -> Document:
    """One pod, tried once: a bench that failed goes on by `--resume`, which knows what is missing."""
    variables = {
        "WORLDS": json.dumps(dict(harness.worlds)),
        "COLLECT_S": str(harness.collect_s),
        "RUN_ARCHIVE": f"{FOLDERS['run']}/{ARCHIVE}",
        "RESULTS": FOLDERS["results"],
        "HOME": FOLDERS["tmp"],
    }
    container = {
        "name": NAME,
        "image": harness.image,
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"name": "results", "containerPort": PORT}],
        "env": [
            *({"name": name, "value": value} for name, value in variables.items()),
            token_variable(),
        ],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        # no limit of the CPU: a generator that is held back sends late, and voids the cell
        "resources": {"requests": {"cpu": CPU, "memory": "256Mi"}, "limits": {"memory": "2Gi"}},
        "readinessProbe": {"httpGet": {"path": "/livez", "port": "results"}, "periodSeconds": 1, "timeoutSeconds": 2},
        "volumeMounts": [
            {"name": name, "mountPath": path, **({"readOnly": True} if name == "run" else {})}
            for name, path in FOLDERS.items()
        ],
    }
    pod = {
        "serviceAccountName": NAME,
        "restartPolicy": "Never",
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 10,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [
            {"name": "run", "configMap": {"name": "run"}},
            {"name": "results", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }
    # a proxy beside the generator would be in every latency that it measures
    labels = {**_labels(harness.run), **BENCH, "sidecar.istio.io/inject": "false"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": NAME, "namespace": harness.namespace},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": harness.deadline_s,
            "ttlSecondsAfterFinished": KEPT_S,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }

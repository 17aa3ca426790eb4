"""What a local world is given, read strictly: every unknown field and every loose end is an error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from k8s.local.models import (
    ConfigMap,
    Deployment,
    Model,
    Namespace,
    NetworkPolicy,
    PodDisruptionBudget,
    Probe,
    Service,
    ServiceAccount,
)
from k8s.target import TargetError

KINDS: dict[str, type[Model]] = {
    "Deployment": Deployment,
    "Service": Service,
    "ConfigMap": ConfigMap,
    "Namespace": Namespace,
    "ServiceAccount": ServiceAccount,
    "PodDisruptionBudget": PodDisruptionBudget,
    "NetworkPolicy": NetworkPolicy,
}
PROBES = frozenset({"startupProbe", "readinessProbe", "livenessProbe"})
ONLY_IN_A_CLUSTER = {"NetworkPolicy": "NetworkPolicies", "PodDisruptionBudget": "PodDisruptionBudgets"}


@dataclass(frozen=True, slots=True)
class Manifests:
    """What a local world runs, by name; `notes` says what is not enforced."""

    deployments: dict[str, Deployment]
    services: dict[str, Service]
    config_maps: dict[str, ConfigMap]
    notes: tuple[str, ...]


def read(objects: Sequence[Mapping[str, Any]]) -> Manifests:
    """Read the objects of a rendered overlay.

    Raises TargetError with every field that is unknown, missing or wrong, each by its path.
    """
    errors: list[str] = []
    found: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
    for index, data in enumerate(objects):
        kind, name = data.get("kind"), (data.get("metadata") or {}).get("name", f"number {index}")
        if kind not in KINDS:
            errors.append(f"{kind} {name}: the local target runs only {', '.join(KINDS)}")
            continue
        try:
            found[kind][name] = TypeAdapter(KINDS[kind]).validate_python(data)
        except ValidationError as error:
            errors += [f"{kind} {name}: {_sentence(detail)}" for detail in error.errors(include_url=False)]
    manifests = Manifests(found["Deployment"], found["Service"], found["ConfigMap"], tuple(_notes(found)))
    errors += _loose_ends(manifests)
    if errors:
        raise TargetError(errors)
    return manifests


def probed(manifests: Manifests, name: str, probes: Mapping[str, Any]) -> Deployment:
    """Return a deployment with other probes: `probes` is merged into those of its container, as a patch of kubectl is.

    A null takes a field away. Raises TargetError with all that is wrong.
    """
    deployment = manifests.deployments.get(name)
    if deployment is None:
        raise TargetError(f"no deployment {name!r}; choose from: {', '.join(sorted(manifests.deployments))}")
    if strange := sorted(probes.keys() - PROBES):
        raise TargetError([f"{one}: is no probe; choose from: {', '.join(sorted(PROBES))}" for one in strange])
    data = deployment.model_dump(by_alias=True, exclude_none=True)
    spec = data["spec"]["template"]["spec"]
    spec["containers"] = [merged(container, probes) for container in spec["containers"]]
    try:
        made = Deployment.model_validate(data)
    except ValidationError as error:
        raise TargetError([f"Deployment {name}: {_sentence(one)}" for one in error.errors(include_url=False)]) from None
    if errors := list(_loose_ends(replace(manifests, deployments={name: made}, services={}))):
        raise TargetError(errors)
    return made


def merged(there: Any, patch: Any) -> Any:
    """JSON merge patch (RFC 7386): for maps of plain fields what kubectl's strategic merge does too."""
    if not isinstance(patch, Mapping):
        return patch
    kept = there if isinstance(there, Mapping) else {}
    both = {**kept, **{name: merged(kept.get(name), value) for name, value in patch.items()}}
    return {name: value for name, value in both.items() if value is not None}


def _sentence(detail: ErrorDetails) -> str:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in detail["loc"]).lstrip(".")
    if detail["type"] == "extra_forbidden":
        return f"{path}: is not a field that the local target runs; remove it"
    if detail["type"] == "missing":
        return f"{path}: is missing; it is required"
    return f"{path}: {detail['msg'].replace('Input should be', 'must be')}, not {detail['input']!r}"


def _loose_ends(manifests: Manifests) -> Iterator[str]:
    """Names that lead nowhere."""
    for name, deployment in manifests.deployments.items():
        spec, container = deployment.spec.template.spec, deployment.container
        at = f"Deployment {name}: spec.template.spec"
        for index, volume in enumerate(spec.volumes):
            if (volume.empty_dir is None) == (volume.config_map is None):
                yield f"{at}.volumes[{index}]: must have exactly one of emptyDir and configMap"
            elif volume.config_map and volume.config_map.name not in manifests.config_maps:
                yield f"{at}.volumes[{index}].configMap.name: no ConfigMap {volume.config_map.name!r}"
        volumes = {volume.name for volume in spec.volumes}
        for index, mount in enumerate(container.volume_mounts):
            if mount.name not in volumes:
                yield f"{at}.containers[0].volumeMounts[{index}].name: no volume {mount.name!r}"
        for kind in ("startup", "readiness", "liveness"):
            probe: Probe | None = getattr(container, f"{kind}_probe")
            if probe is None:
                continue
            ways = [way for way in ("http_get", "tcp_socket", "exec") if getattr(probe, way)]
            if len(ways) != 1:
                yield f"{at}.containers[0].{kind}Probe: must have exactly one of httpGet, tcpSocket and exec"
            elif probe.port is not None and container.port(probe.port) is None:
                yield f"{at}.containers[0].{kind}Probe.{to_camel(ways[0])}.port: no container port {probe.port!r}"
        for port in ("http", "admin"):
            if container.port(port) is None:
                yield f"{at}.containers[0].ports: must have a port named {port}"
    for name, service in manifests.services.items():
        if service.port.target_port not in ("http", 8080):
            yield f"Service {name}: spec.ports[0].targetPort: must be the app's port, http"


def _notes(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What the manifests ask for and only a cluster does."""
    deployments: Iterable[Deployment] = found["Deployment"].values()
    limited = [d for d in deployments if d.container.resources.limits or d.container.resources.requests]
    if limited:
        yield f"resource requests and limits of {len(limited)} deployments are not enforced on the local target"
    ignored = [name for kind, name in ONLY_IN_A_CLUSTER.items() if found[kind]]
    if ignored:
        yield f"{' and '.join(ignored)} are not enforced on the local target"

"""From a mode and a policy set to everything that a target is given."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from istio import library, policies, settings
from istio.compile.versions import VERSIONS
from istio.objects import Document as Read
from istio.objects import Objects, Refused
from k8s import kustomize
from k8s.target import AS_INSTALLED, Document, MeshOptions, Rendered, TargetError

__all__ = ["MODES", "Rendered", "render"]

Derive: TypeAlias = Callable[[Objects, Sequence[str]], tuple[Mapping[str, Any], list[library.NotCarried]]]
MODES = ("none", "library", "library-endpoints", "sidecar", "mesh", "both")
LIBRARIES: dict[str, Derive] = {
    "library": library.policies,
    "library-endpoints": library.endpoint_policies,
    "both": library.policies,
}
"""How the policies of each mode with a library are derived from Istio objects."""
OVERLAYS = Path(__file__).parent / "overlays"
WITH_SIDECARS = frozenset({"sidecar", "mesh", "both"})
OVERRIDES = ("interval_s", "base_ejection_s", "env", "settings")
NAMESPACE = "airport"
"""Where our manifests say that the application is."""
DEFAULT_POLICIES = "matched"
# The only policy of mode `sidecar`: without a VirtualService Istio would retry twice by itself.
RETRIES_OFF = "none"


def render(
    mode: str,
    policy_set: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    mesh: MeshOptions = AS_INSTALLED,
    namespace: str = NAMESPACE,
) -> Rendered:
    """Render the overlay of a mode, with the policy set (by name or folder) in the form that the mode reads.

    `overrides` may hold `interval_s` and `base_ejection_s` (seconds; outlier detection's times are shortened to
    them, in both arms), `env` ({deployment or "*": {variable: value}}) and `settings` (`istio.settings`). `mesh` means
    nothing to the modes without sidecars. `namespace` is where the application will be, with the objects of the policy
    set that are where our manifests have it. `notes` says what of the policy set was shortened, and what the library
    does not carry.

    Raises TargetError: unknown mode, override, deployment or policy set; Istio objects that are refused; no kubectl.
    """
    overrides = overrides or {}
    errors = [] if mode in MODES else [f"unknown mode {mode!r}; choose from: {', '.join(MODES)}"]
    errors += [
        f"unknown override {key!r}; choose from: {', '.join(OVERRIDES)}" for key in overrides if key not in OVERRIDES
    ]
    if ("interval_s" in overrides) != ("base_ejection_s" in overrides):
        errors.append("interval_s and base_ejection_s come together: give both")
    if mesh.istio_version not in VERSIONS:
        errors.append(f"no defaults of Istio {mesh.istio_version!r} are known; choose one of {', '.join(VERSIONS)}")
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", namespace):
        errors.append(f"namespace {namespace!r}: use a to z, 0 to 9 and '-'")
    if errors:
        raise TargetError(errors)
    built = kustomize.build(OVERLAYS / mode, [OVERLAYS.parent, policies.FOLDER])
    # the overlay's Istio objects are those of the default policy set, for whoever applies it by hand
    objects = [moved(one, namespace) for one in built if not is_istio(one)]
    _set_env(objects, overrides.get("env", {}))
    if mode == "none":
        return Rendered(mode, None, objects)
    name = RETRIES_OFF if mode == "sidecar" else policy_set or DEFAULT_POLICIES
    loaded, notes = policy_objects(name, overrides)
    istio: list[Document] = []
    if mode in WITH_SIDECARS:
        at_the_edge = policy_objects(policies.BASE, {})[0].to_data() if mesh.gateway else []
        istio = [moved(one, namespace) for one in (*at_the_edge, *loaded.to_data())]
    if mode in LIBRARIES:
        notes += _fill_in(objects, mode, name, loaded)
    return Rendered(mode, name, objects, istio, notes, mesh if mode in WITH_SIDECARS else None)


def unchangeable(rendered: Rendered) -> str:
    """Why the policies of a world made of this could not be changed while it runs; empty when they can."""
    if rendered.mesh is None and rendered.mode not in LIBRARIES:
        return f"mode {rendered.mode} has no policies that could be changed"
    return ""


def is_istio(one: Mapping[str, Any]) -> bool:
    """Whether an object is for istiod, and not for Kubernetes itself."""
    return Read(one).is_istio


def moved(one: Document, namespace: str) -> Document:
    """Return an object of the application's namespace in another one; the Namespace itself has its name changed."""
    metadata = one["metadata"]
    if one["kind"] == "Namespace" and metadata["name"] == NAMESPACE:
        return {**one, "metadata": {**metadata, "name": namespace}}
    if metadata.get("namespace") != NAMESPACE:
        return one
    return {**one, "metadata": {**metadata, "namespace": namespace}}


def _fill_in(objects: list[Document], mode: str, name: str, loaded: Objects) -> list[str]:
    """Write the library's policies into the ConfigMap that its pods mount; return what is to be said of them."""
    services = [one for one in objects if one["kind"] == "Service" and one["spec"].get("clusterIP") != "None"]
    callees = [one["metadata"]["name"] for one in services]
    carried, left = LIBRARIES[mode](loaded, callees)
    carried, own = _strengthened(name, carried)
    policies_of = {callee: policy.to_json() for callee, policy in carried.items()}
    text = json.dumps(policies_of, indent=1, sort_keys=True)
    config = next(one for one in objects if one["kind"] == "ConfigMap" and one["metadata"]["name"] == "policies")
    config["data"]["policies.json"] = text
    return [
        *(f"{one.object}: {one.path}: not carried by the library: {one.why}" for one in left),
        *(f"{policies.STRENGTHS}: {line}" for line in own),
    ]


def policy_objects(name: str, overrides: Mapping[str, Any]) -> tuple[Objects, list[str]]:
    """The objects of a policy set as a world is given them, and what was shortened; `overrides` as in `render`.

    Raises TargetError: there is no such set, or its objects are refused.
    """
    try:
        loaded = policies.load(name)
    except Refused as refused:
        raise TargetError([str(error) for error in refused.errors]) from refused
    except policies.UnknownPolicies as unknown:
        raise TargetError(str(unknown)) from unknown
    notes: list[str] = []
    if "interval_s" in overrides:
        times = {name: overrides[name] for name in ("interval_s", "base_ejection_s")}
        loaded, notes = policies.compressed(loaded, **times)
    try:
        # last: what a sweep says of a time is what is tried
        return settings.changed(loaded, overrides.get("settings", {})), notes
    except Refused as refused:
        raise TargetError([str(error) for error in refused.errors]) from refused


def _strengthened(name: str, carried: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    try:
        return library.strengthened(carried, policies.strengths(name), f"{name}/{policies.STRENGTHS}")
    except Refused as refused:
        raise TargetError([str(error) for error in refused.errors]) from refused


def _set_env(objects: list[Document], env: Mapping[str, Mapping[str, str]]) -> None:
    deployments = {one["metadata"]["name"]: one for one in objects if one["kind"] == "Deployment"}
    unknown = [name for name in env if name != "*" and name not in deployments]
    if unknown:
        choices = ", ".join(["*", *deployments])
        raise TargetError([f"env override: unknown deployment {name!r}; choose from: {choices}" for name in unknown])
    for name, deployment in deployments.items():
        wanted = {**env.get("*", {}), **env.get(name, {})}
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            container["env"] = [
                *_without(container["env"], wanted),
                *({"name": k, "value": v} for k, v in wanted.items()),
            ]


def _without(env: list[Document], names: Mapping[str, str]) -> Iterator[Document]:
    return (copy.deepcopy(one) for one in env if one["name"] not in names)

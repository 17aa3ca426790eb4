"""Policy sets: folders of Istio objects, and the same objects with shorter times."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from istio.objects.destination_rule import DestinationRule, OutlierDetection, PortPolicy, Subset, TrafficPolicy
from istio.objects.document import Document, files_in, read_files
from istio.objects.duration import go_duration
from istio.objects.parse import Objects, parse
from istio.objects.refusal import Fault, Refused

FOLDER = Path(__file__).parent / "manifests" / "policies"
BASE = str(FOLDER.parent / "base")
"""The folder of the objects that bring calls from outside to the application, whatever the policies."""
STRENGTHS = "library.json"
"""The file of a policy set that is the library's own; see `istio.library.strengthened`."""
_KUSTOMIZATION = "kustomization.yaml"
_SAYS_NOTHING = "`resources: []` in a kustomization.yaml is a policy set that says nothing"
_KEYS = {"apiVersion", "kind", "metadata", "resources"}
_Block = TypeVar("_Block", TrafficPolicy, PortPolicy)


class UnknownPolicies(ValueError):
    """There is no policy set of this name; the message lists those that exist."""


def names() -> list[str]:
    """Return the policy sets that come with goaround."""
    return sorted(folder.name for folder in FOLDER.iterdir() if (folder / _KUSTOMIZATION).is_file())


def documents(name: str) -> list[Document]:
    """Return the objects of a policy set as they are written: by its name, or by the path of a folder.

    Of a folder with a kustomization the listed resources are read, otherwise every ``*.yaml`` and ``*.yml``.

    Raises:
        UnknownPolicies: neither a name nor a folder.
        Refused: a file cannot be read, the kustomization does more than list resources, or there is no file at all.

    """
    return read_files(_files(_folder(name)))


def strengths(name: str) -> dict[str, Any]:
    """Return what a policy set's library.json says, by callee: what a client does and a sidecar cannot; {} without one.

    Raises:
        UnknownPolicies: neither a name nor a folder.
        Refused: the file is no JSON object.

    """
    file = _folder(name) / STRENGTHS
    if not file.is_file():
        return {}
    try:
        said = json.loads(file.read_bytes())
    except ValueError as error:
        raise Refused([Fault(str(file), getattr(error, "lineno", 0), "", f"must be JSON: {error}")]) from error
    if not isinstance(said, dict):
        raise Refused([Fault(str(file), 0, "", "must be an object of parts by callee, or by * for all of them")])
    return said


def _folder(name: str) -> Path:
    folder = FOLDER / name if name in names() else Path(name)
    if not folder.is_dir():
        raise UnknownPolicies(f"no policy set {name!r}; choose from {', '.join(names())}, or give the path of a folder")
    return folder


def load(name: str) -> Objects:
    """Return the parsed objects of a policy set.

    Raises:
        UnknownPolicies: neither a name nor a folder.
        Refused: with every fault of every object.

    """
    return parse(documents(name))


def compressed(objects: Objects, *, interval_s: float, base_ejection_s: float) -> tuple[Objects, list[str]]:
    """Shorten the times of outlier detection; gives back the objects, and a line for each time that changed.

    Only ``interval`` and ``baseEjectionTime`` change, Istio's defaults for them included, and only downwards. Seconds.
    """
    lines: dict[str, None] = {}
    limits = timedelta(seconds=interval_s), timedelta(seconds=base_ejection_s)

    def shorten(outlier: OutlierDetection) -> OutlierDetection:
        now = {"interval": outlier.interval_or_default, "base_ejection_time": outlier.base_ejection_or_default}
        changes: dict[str, timedelta] = {}
        for (name, value), limit in zip(now.items(), limits, strict=True):
            if value > limit:
                changes[name] = limit
                alias = OutlierDetection.model_fields[name].alias
                lines[f"outlierDetection.{alias} {go_duration(value)} -> {go_duration(limit)}"] = None
        return outlier.model_copy(update=changes)

    rules = tuple(_with_outliers(rule, shorten) for rule in objects.destination_rules)
    return replace(objects, destination_rules=rules), list(lines)


def _files(folder: Path) -> list[Path]:
    kustomization = folder / _KUSTOMIZATION
    if not kustomization.is_file():
        found = files_in(folder)
        if not found:
            raise Refused([Fault(str(folder), 0, "", f"holds no *.yaml and no *.yml; {_SAYS_NOTHING}")])
        return found
    listed, *others = read_files([kustomization]) or [Document({}, str(kustomization))]
    if others:
        raise Refused([one.fault((), "must be one document") for one in others])
    more = [key for key in listed.data if key not in _KEYS]
    if more:
        raise Refused([listed.fault((key,), "a policy set only lists resources") for key in more])
    resources = listed.data.get("resources")
    if not isinstance(resources, list):
        raise Refused([listed.fault(("resources",), f"must list the files of the policy set; {_SAYS_NOTHING}")])
    return [folder / str(name) for name in resources]


def _with_outliers(rule: DestinationRule, change: Callable[[OutlierDetection], OutlierDetection]) -> DestinationRule:
    def block(policy: _Block) -> _Block:
        outlier = policy.outlier_detection
        return policy.model_copy(update={"outlier_detection": change(outlier)}) if outlier else policy

    def whole(policy: TrafficPolicy | None) -> TrafficPolicy | None:
        if policy is None:
            return None
        ports = tuple(block(port) for port in policy.port_level_settings)
        changed = block(policy)
        return changed.model_copy(update={"port_level_settings": ports}) if ports else changed

    def of_subset(subset: Subset) -> Subset:
        return (
            subset.model_copy(update={"traffic_policy": whole(subset.traffic_policy)})
            if subset.traffic_policy
            else subset
        )

    update: dict[str, object] = {}
    if rule.spec.traffic_policy is not None:
        update["traffic_policy"] = whole(rule.spec.traffic_policy)
    if rule.spec.subsets:
        update["subsets"] = tuple(of_subset(subset) for subset in rule.spec.subsets)
    return rule.model_copy(update={"spec": rule.spec.model_copy(update=update)})

"""What a Deployment's application is told besides its manifest, kept beside it so that anybody can undo it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from k8s.local.manifests import PROBES, merged
from k8s.target import Document, TargetError

NOTE = "goaround/told"
"""The annotation of a Deployment that keeps its application's container as it was made, and what was changed since."""


@dataclass(frozen=True, slots=True)
class Revision:
    """`manifest`: the application's container as `up` made it; variables and probes besides."""

    manifest: Document
    env: Mapping[str, str] = field(default_factory=dict)
    probes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def container(self) -> Document:
        """The container that this makes."""
        own = [one for one in self.manifest.get("env", []) if one["name"] not in self.env]
        told = [{"name": name, "value": value} for name, value in self.env.items()]
        made = {**self.manifest, "env": [*own, *told]} if told else dict(self.manifest)
        for name, patch in self.probes.items():
            probe = merged(self.manifest.get(name), patch)
            if probe is None:
                made.pop(name, None)
            else:
                made[name] = probe
        return made


def read(deployment: Mapping[str, Any]) -> Revision:
    """What a Deployment's application is told now."""
    note = (deployment["metadata"].get("annotations") or {}).get(NOTE)
    if note:
        return Revision(**json.loads(note))
    return Revision(deployment["spec"]["template"]["spec"]["containers"][0])


def change(deployment: Mapping[str, Any], wanted: Revision) -> Document | None:
    """The merge patch that makes it so; None where it is so already.

    Raises TargetError for what is no probe; whether a probe can be, says the cluster.
    """
    if strange := sorted(wanted.probes.keys() - PROBES):
        raise TargetError([f"{one}: is no probe; choose from: {', '.join(sorted(PROBES))}" for one in strange])
    if read(deployment) == wanted:
        return None
    plain = not wanted.env and not wanted.probes
    kept = {"manifest": wanted.manifest, "env": dict(wanted.env), "probes": dict(wanted.probes)}
    others = deployment["spec"]["template"]["spec"]["containers"][1:]
    return {
        "metadata": {"annotations": {NOTE: None if plain else json.dumps(kept)}},
        "spec": {"template": {"spec": {"containers": [wanted.container, *others]}}},
    }

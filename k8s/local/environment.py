"""What a container's process is told: its variables, and its volumes as directories of this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from k8s.local.models import ConfigMap, Container, PodSpec

# The image's own environment: enough to find programs, and nothing of the user's.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


def variables(
    container: Container, metadata: Mapping[str, str], mounts: Mapping[str, Path], target: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of a process.

    `metadata` answers field references (`metadata.name`), `mounts` are directories by mount path, `target` is what
    the target sets, whatever the manifest says.
    """
    own = {
        env.name: metadata[env.value_from.field_ref.field_path] if env.value_from else expand(env.value, mounts)
        for env in container.env
    }
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {**inherited, "PYTHONUNBUFFERED": "1", **own, **target}


def expand(value: str, mounts: Mapping[str, Path]) -> str:
    """Replace each mount path in a value by the pod's own directory; whole path components only, longest first."""
    if not mounts:
        return value
    paths = "|".join(re.escape(path) for path in sorted(mounts, key=len, reverse=True))
    return re.sub(rf"(?<![\w.\-/])({paths})(?![\w.\-])", lambda found: str(mounts[found[1]]), value)


def mounted(spec: PodSpec, directory: Path, config_maps: Mapping[str, ConfigMap]) -> dict[str, Path]:
    """Make the pod's volumes below `directory`; returns the directories by mount path."""
    for volume in spec.volumes:
        place = directory / volume.name
        place.mkdir(parents=True, exist_ok=True)
        if volume.config_map:
            _write(place, config_maps[volume.config_map.name].data.items())
    return {mount.mount_path: directory / mount.name for mount in spec.containers[0].volume_mounts}


def _write(place: Path, entries: Iterable[tuple[str, str]]) -> None:
    for name, text in entries:
        (place / name).write_text(text)

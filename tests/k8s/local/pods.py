"""Pods that were never started, whose readiness a test decides."""

from __future__ import annotations

from pathlib import Path

from k8s.local.container import Container
from k8s.local.manifests import read
from k8s.local.pod import Place, Pod
from k8s.local.ports import FIRST, PER_POD, PodPorts
from k8s.local.probes import Checks
from k8s.local.process import Process
from tests.k8s.tiny import deployment


def pod(name: str, number: int, folder: Path, *, ready: bool = True, proxy: bool = False) -> Pod:
    first = FIRST + number * PER_POD
    ports = PodPorts(*range(first, first + PER_POD))
    place = Place(f"{name}-{number}", number, folder / f"{name}-{number}", ports, {}, 1, lambda _: None, lambda: None)
    made = Pod(read([deployment(name)]).deployments[name], place)
    if proxy:
        made.proxy = Container("proxy", never, Checks(), folder / "log", lambda: None)
    for container in made.containers():
        container.ready = ready
    return made


def never() -> Process:
    raise AssertionError("this pod is not started")

"""Where a run is measured: on this machine, or inside a cluster; what a bench must ask before, and who conducts it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from rich.console import Console

from benchmarks import bench, machine
from benchmarks.arm import Arm
from benchmarks.errors import BadInput
from benchmarks.profile import PolicyTimes
from benchmarks.results import Run
from benchmarks.targets import CLUSTER, LOCAL
from benchmarks.worlds import Prepared, prepare
from k8s.local.target import LocalTarget
from k8s.target import MeshOptions, Target

REMOVE, KEEP = "remove", "keep"


class Place(Protocol):
    """What a bench asks of where it is run."""

    @property
    def target(self) -> Target:
        """Says which faults and actions worlds there can take."""

    def prepare(
        self, arms: Sequence[Arm], times: PolicyTimes | None, mesh: MeshOptions, *, one_world: bool, resumed: bool
    ) -> Prepared:
        """Find out whether all worlds can run there, before anything is made. Raises TargetError and BadInput."""

    def release(self, asked: str) -> str:
        """The release of Istio whose defaults count there, `asked` where one may choose."""

    def surroundings(self) -> dict[str, Any]:
        """What a reader of the figures must know of it: the run's `environment`."""

    def identity(self) -> str:
        """What tells this place from another of its kind; empty where it cannot be told."""

    def versions(self) -> dict[str, str]:
        """Versions of the packages whose behaviour is in the figures, as far as they are known before."""

    async def bench(self, run: Run, prepared: Prepared, console: Console) -> None:
        """Measure what is missing of a run, and leave nothing behind but its files."""


@dataclass(frozen=True, slots=True)
class Here:
    """On this machine."""

    target: LocalTarget = field(default_factory=LocalTarget)

    def prepare(
        self, arms: Sequence[Arm], times: PolicyTimes | None, mesh: MeshOptions, *, one_world: bool, resumed: bool
    ) -> Prepared:
        """Render, and see that there is memory enough."""
        return prepare(self.target, arms, times, mesh)

    def release(self, asked: str) -> str:
        """As asked."""
        return asked

    def surroundings(self) -> dict[str, Any]:
        """The machine."""
        return machine.describe()

    def identity(self) -> str:
        """None: the figures say what machine it is."""
        return ""

    def versions(self) -> dict[str, str]:
        """What is installed."""
        return machine.versions()

    async def bench(self, run: Run, prepared: Prepared, console: Console) -> None:
        """In worlds that end with this process."""
        await bench.bench(run, prepared, self.target, console)


def place(target: str, context: str | None = None, image: str | None = None, on_interrupt: str = REMOVE) -> Place:
    """The place of a target's name; `image` and the rest are a cluster's. Raises TargetError: there is no cluster."""
    if target == LOCAL:
        return Here()
    # imported when first asked for, as in benchmarks.targets
    from benchmarks.cluster.bench import InCluster
    from k8s.cluster.api import Api

    return InCluster(Api(context), image=image, keep=on_interrupt == KEEP, context=context)


def problems(target: str, given: Sequence[str], on_interrupt: str) -> list[str]:
    """What is wrong with the options that say where; `given` are those that were named, such as `--image`."""
    if target not in (LOCAL, CLUSTER):
        return [f"--target {target!r}: must be {LOCAL} or {CLUSTER}"]
    found = []
    if on_interrupt not in (REMOVE, KEEP):
        found.append(f"--on-interrupt {on_interrupt!r}: must be {REMOVE} or {KEEP}")
    if target == LOCAL:
        only = ("--context", "--image", "--on-interrupt", "--one-world-at-a-time")
        found += [f"{option}: is for --target {CLUSTER}; leave it out" for option in only if option in given]
    elif "--istio-version" in given:
        found.append("--istio-version: a cluster has the Istio that it has; leave it out")
    return found


def begun_at(run: Run) -> str:
    """The target that a run was begun on."""
    return str(run.header.environment.get("target", LOCAL))


def require_same(run: Run, target: str) -> None:
    """Raise BadInput when a run was begun elsewhere: its cells would not be of one kind."""
    if begun_at(run) != target:
        raise BadInput([f"{run.name}: was begun with --target {begun_at(run)}; resume it with the same"])


def require_same_cluster(run: Run, place: Place) -> None:
    """Raise BadInput when a run was begun in another cluster: its cells, and what it has made, are there."""
    begun, here = run.header.environment.get("cluster"), place.identity()
    if begun and here and begun != here:
        raise BadInput([f"{run.name}: was begun in another cluster than this one; name that one's with --context"])

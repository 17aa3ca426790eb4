"""What a scenario says of a fault, whatever its kind; each kind adds its own fields in a file of its own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from benchmarks.faults.fault import Fault
from benchmarks.faults.site import Site
from benchmarks.strict import Strict
from k8s.target import Ability

Service = Literal[
    "alerts",
    "camera-agent-1",
    "camera-agent-2",
    "collector",
    "cpanel",
    "face-recognition",
    "image-analysis",
    "momentum",
    "section-1",
    "section-2",
]
Version = Literal["v1", "v2"]
Status = Annotated[int, Field(ge=400, le=599)]
Rate = Annotated[float, Field(gt=0, le=1)]


class Spec(Strict):
    """A fault as it is written: where it acts (a service, and how many of its replicas), and what it does there."""

    needs: ClassVar[frozenset[Ability]] = frozenset()
    """What the target, and the mode, must be able to do."""
    awaited: ClassVar[str] = ""
    """What proves it after its injection, where injecting it proves nothing yet."""

    service: Service
    replicas: Literal["all"] | Annotated[int, Field(ge=1)]
    version: Version | None = None
    """Of which version the replicas are; of any, for None."""

    @abstractmethod
    def at(self, site: Site) -> Fault:
        """The fault, ready to be injected at a site."""

    def scaled(self, _factor: float) -> Self:
        """The same fault where every phase is `_factor` times as long; a kind with times of its own scales them."""
        return self

    def problems(self, _fault_s: float) -> Iterator[str]:
        """What is wrong with it in a fault phase of so many seconds, one sentence each, opening with the field."""
        yield from ()

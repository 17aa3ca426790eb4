"""What a scenario says of an action, whatever its kind."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import ClassVar

from benchmarks.faults import Fault, Service, Site
from benchmarks.strict import Strict
from k8s.target import Ability, World


class Action(Strict):
    """Something that an operator does to a service in the fault phase. It keeps to the protocol of a fault."""

    needs: ClassVar[frozenset[Ability]] = frozenset()
    """What the target, and the mode, must be able to do."""

    service: Service

    @abstractmethod
    def at(self, site: Site) -> Fault:
        """The action, ready to be begun at a site whose victims are all replicas of the service."""

    def problems(self, _fault_s: float) -> Iterator[str]:
        """What is wrong with it in a fault phase of so many seconds, one sentence each, opening with the field."""
        yield from ()

    @asynccontextmanager
    async def prepared(self, _world: World) -> AsyncIterator[None]:
        """Hold the world as it must be before the cell, and leave it as it was found."""
        yield

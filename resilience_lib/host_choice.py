"""The layer that gives each try a replica, and tells the replicas' judge how the try ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import ClassVar

from resilience_lib.endpoint import Address, Endpoint
from resilience_lib.endpoints import EndpointSet
from resilience_lib.layer import Call, Layer, T
from resilience_lib.order import Place, check_order
from resilience_lib.outcome import Outcome, no_healthy_host

EndpointTransport = Callable[[Address], Awaitable[Outcome[T]]]
"""Makes one try at the replica that it is given; otherwise as `Transport`."""


class EndpointCall(Call[T]):
    """A call that goes to one replica or another: besides a Call's state, which ones it has tried."""

    __slots__ = ("key", "send", "tried")

    def __init__(
        self, send: EndpointTransport[T], deadline: float | None, key: str | None, question: Hashable | None = None
    ) -> None:
        self.attempts = 0
        self.deadline = deadline
        self.question = question
        self.send = send
        self.key = key
        self.tried: list[Endpoint] = []

    def beside(self) -> EndpointCall[T]:
        """Return the state of a try that is made beside this one, and avoids the replicas that this one has tried."""
        other = EndpointCall(self.send, self.deadline, self.key, self.question)
        other.tried = self.tried
        return other


class HostChoice:
    """Sends each try to a replica of the set; answers 503 UH when there is none to be called.

    A cancelled try is not reported: its caller gave up, which says nothing about the replica.
    """

    place: ClassVar[Place] = Place.ADMISSION

    def __init__(self, inner: Layer, endpoints: EndpointSet) -> None:
        check_order(self.place, inner.place)
        self._inner = inner
        self._endpoints = endpoints

    async def call(self, call: Call[T]) -> Outcome[T]:
        """Pass on a call, which must be an EndpointCall, with a transport to the chosen replica."""
        assert isinstance(call, EndpointCall)  # noqa: S101 - the one pipeline with this layer makes no other
        endpoints = self._endpoints
        endpoint = endpoints.pick(call.tried, call.key)
        if endpoint is None:
            return no_healthy_host()
        call.tried.append(endpoint)
        call.transport = partial(call.send, endpoint.address)
        endpoints.begin(endpoint)
        try:
            outcome = await self._inner.call(call)
            endpoints.report(endpoint, outcome)
            return outcome
        finally:
            endpoints.end(endpoint)

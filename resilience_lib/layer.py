"""What the layers of a pipeline have in common: one call passes through each of them, from the outermost inwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import ClassVar, Generic, Protocol, TypeVar

from resilience_lib.order import Place
from resilience_lib.outcome import Outcome

T = TypeVar("T")

Transport = Callable[[], Awaitable[Outcome[T]]]
"""Makes one try. It returns an outcome for whatever the network did; an exception from it is a defect, and passes
through every layer untouched."""

Clock = Callable[[], float]
"""Monotonic seconds."""

Sleep = Callable[[float], Awaitable[None]]
"""Waits for so many seconds."""


class Call(Generic[T]):
    """The state of one call, shared by the layers while it runs and by no other call."""

    __slots__ = ("attempts", "deadline", "question", "transport")

    def __init__(self, transport: Transport[T], deadline: float | None, question: Hashable | None = None) -> None:
        self.transport = transport
        self.deadline = deadline
        """When the whole call must be over, on the pipeline's clock; None = never."""
        self.attempts = 0
        """How often the transport has been called."""
        self.question = question
        """What is asked, where an old answer to the same would do; None = nothing of the kind."""

    def beside(self) -> Call[T]:
        """Return the state of a try that is made beside this one, for the same call."""
        return Call(self.transport, self.deadline, self.question)


class Layer(Protocol):
    """One policy at work, around the layers inside it."""

    place: ClassVar[Place]

    async def call(self, call: Call[T]) -> Outcome[T]:
        """Pass the call on, or answer in its place."""

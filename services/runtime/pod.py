"""What the runtime gives to business code, and what it wants back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from services.runtime.clients import ServiceClient
from services.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Pod:
    """What business code works with: who it is, and how it calls others."""

    settings: Settings
    clients: Mapping[str, ServiceClient]


class StoreError(Exception):
    """The store cannot do it now (disk full, locked, damaged); the text says why. Nothing was stored."""


async def _nothing_to_do() -> None:
    """Stand in where a service has nothing to reset or to stop."""


async def _nothing_stored() -> None:
    """Stand in where a service stores nothing."""


@dataclass(frozen=True, slots=True)
class Application:
    """One service's business code.

    reset: go back to the state after the start. stored: records and persons by frame id, None without a store.
    stop: begin to end what goes on without a request (called first when the pod drains).
    close: release what is held (called when no request is left).
    """

    routes: Sequence[web.AbstractRouteDef]
    reset: Callable[[], Awaitable[None]] = _nothing_to_do
    stored: Callable[[], Awaitable[dict[str, dict[str, int]] | None]] = _nothing_stored
    stop: Callable[[], Awaitable[None]] = _nothing_to_do
    close: Callable[[], Awaitable[None]] = _nothing_to_do


Build = Callable[[Pod], Application]
"""How a service package makes its Application. Raises StoreError or BadSettings when it cannot."""

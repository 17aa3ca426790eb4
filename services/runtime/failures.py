"""What a service answers when the calls that it depends on failed: a gateway's status, and every failed call named."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from aiohttp import web

from services.runtime.clients import Reply

STALE = "x-goaround-stale-s"
"""On an answer that rests on old answers: how many seconds old the oldest is."""

TIMEOUT, ERROR, UNAVAILABLE = 504, 502, 503
WORST_FIRST = (TIMEOUT, ERROR, UNAVAILABLE)
"""After a timeout nobody knows what was done; after an error something was; what is unavailable has done nothing."""
MAX_REASON = 200


class Failure(NamedTuple):
    """One failed call: the callee, its status, the client's flag (None: the callee itself answered), and why."""

    service: str
    status: int
    flag: str | None
    reason: str

    @property
    def gateway(self) -> int:
        """The status by which this failure is passed on."""
        return self.status if self.status in (TIMEOUT, UNAVAILABLE) else ERROR


def failures(service: str, reply: Reply) -> list[Failure]:
    """Return the failure that `reply` of `service` is, or nothing if it is none."""
    return [] if reply.ok else [Failure(service, reply.status, reply.flag, _reason(reply))]


def staleness(*replies: Reply) -> dict[str, str]:
    """Return the headers that tell how old the oldest of `replies` is; none where all of them are news."""
    ages = [reply.stale_s for reply in replies if reply.stale_s is not None]
    return {STALE: f"{max(ages):.3f}"} if ages else {}


def refusal(failed: Iterable[Failure]) -> web.Response:
    """Answer with the worst status, and all failed calls, worst first. There must be at least one."""
    ranked = sorted(failed, key=lambda failure: WORST_FIRST.index(failure.gateway))
    worst = ranked[0]
    error = f"{worst.service} answered {worst.status}" if worst.flag is None else f"{worst.service}: {worst.reason}"
    return web.json_response({"error": error, "failed": [one._asdict() for one in ranked]}, status=worst.gateway)


def _reason(reply: Reply) -> str:
    if reply.flag is not None:
        return REASONS.get(reply.flag, "no answer")
    try:
        said = reply.json()
    except ValueError:
        said = None
    reason = said.get("error") if isinstance(said, dict) else reply.body.decode(errors="replace")
    return str(reason or "no reason given")[:MAX_REASON]


REASONS = {
    "UF": "cannot connect",
    "UC": "connection broken",
    "UT": "timed out",
    "UH": "no replica that may be called",
    "UO": "refused by the circuit breaker or a limit",
    "UPE": "answered something that is not HTTP",
    "URX": "still failing after all tries",
}
"""What the flags of docs/architecture.md mean, in words."""

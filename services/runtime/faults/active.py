"""The faults of one pod that are active, and how often each has acted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from services.runtime.faults.abort import Abort
from services.runtime.faults.burst import Burst
from services.runtime.faults.cpu_burn import CpuBurn
from services.runtime.faults.delay import Delay
from services.runtime.faults.fail_first import FailFirst
from services.runtime.faults.fields import BadFault, Fields
from services.runtime.faults.hang import Hang
from services.runtime.faults.kind import UNTOUCHED, Cut, Door, Effect, Kind, Moment, Stage, Strike
from services.runtime.faults.memory import Memory
from services.runtime.faults.refuse import Refuse
from services.runtime.faults.reset import Reset
from services.runtime.faults.sequence import Sequence
from services.runtime.faults.slow_body import SlowBody
from services.runtime.faults.truncated_body import TruncatedBody

KINDS: dict[str, type[Kind]] = {
    "abort": Abort,
    "burst": Burst,
    "cpu-burn": CpuBurn,
    "delay": Delay,
    "fail-first": FailFirst,
    "hang": Hang,
    "memory": Memory,
    "refuse": Refuse,
    "reset": Reset,
    "sequence": Sequence,
    "slow-body": SlowBody,
    "truncated-body": TruncatedBody,
}
MAX_TTL_S = 3600.0
COMMON = ("id", "kind", "ttl_s", "seed", "caller")


@dataclass(slots=True)
class _Active:
    name: str
    spec: dict[str, Any]
    kind: Kind
    caller: str | None
    rng: Random
    began: float
    ends: float
    over: asyncio.Event = field(default_factory=asyncio.Event)
    turn: int = 0
    timer: asyncio.TimerHandle | None = None
    condition: asyncio.Task[None] | None = None


class _NoDoor:
    """Stands in where nobody listens."""

    async def shut(self) -> None: ...

    async def open(self) -> None: ...


class Faults:
    """Each fault ends `ttl_s` after it was set, so that a harness that dies leaves nothing broken.

    `clock` gives seconds; `pod` is mixed into each seed, so that replicas draw apart; `door` is what `refuse` shuts.
    `fired` counts by id, those that are gone included until another has their id; `probed` is how often a request of
    the harness, made to prove that fault, was among them.
    """

    def __init__(self, pod: str, clock: Callable[[], float] = time.monotonic, door: Door | None = None) -> None:
        self._pod, self._clock = pod, clock
        self.door: Door = door or _NoDoor()
        self._active: dict[str, _Active] = {}
        self.fired: dict[str, int] = {}
        self.probed: dict[str, int] = {}

    def add(self, body: object) -> dict[str, Any]:
        """Set the fault that `body` (JSON) describes, and return it as listed; raises BadFault.

        With `caller`, it strikes the requests of that service only. A kind that lasts needs a running event loop.
        """
        now = self._clock()
        self._prune(now)
        if not isinstance(body, dict):
            raise BadFault(["body: must be a JSON object"])
        fields = Fields(body, COMMON)
        name = body.get("id")
        if not isinstance(name, str) or not name or "/" in name:
            fields.errors.append("id: must be a text without a slash")
        elif name in self._active:
            fields.errors.append(f"id: {name!r} is active; delete it first")
        ttl_s = fields.number("ttl_s", 0, MAX_TTL_S)
        seed = fields.whole("seed", 0, 2**63 - 1, 0)
        caller = fields.text("caller")
        kind = _kind(body, fields)
        if fields.errors or kind is None:
            raise BadFault(fields.errors)
        known = {"kind": body["kind"], "ttl_s": ttl_s, "seed": seed, "caller": caller, **asdict(kind)}
        rng = Random(f"{seed}/{self._pod}/{name}")
        made = self._active[str(name)] = _Active(str(name), known, kind, caller, rng, now, now + ttl_s)
        self.fired[made.name] = 0
        self.probed.pop(made.name, None)
        if kind.lasting:
            self._hold(made, ttl_s)
        return self._listed(made, now)

    async def remove(self, name: str) -> bool:
        """End one fault, and return when it is over; False if there is none of that name."""
        self._prune(self._clock())
        fault = self._active.get(name)
        if fault is None:
            return False
        await self._end([fault])
        return True

    async def clear(self) -> None:
        """End all faults, and return when they are over."""
        await self._end(list(self._active.values()))

    async def reset(self) -> None:
        """End all faults and forget how often they fired."""
        await self.clear()
        self.fired.clear()
        self.probed.clear()

    def listing(self) -> dict[str, Any]:
        """Return active faults, and how often each fired, those that are gone included."""
        now = self._clock()
        self._prune(now)
        return {
            "faults": [self._listed(fault, now) for fault in self._active.values()],
            "fired": dict(self.fired),
            "probed": dict(self.probed),
        }

    def strike(self, caller: str = "unknown", probe: str | None = None) -> Strike:
        """Decide for one request: delays add up, the first end decides, before business code and after it.

        `probe` is the id of the fault that the harness wants to be struck by, whoever else it is meant for.
        """
        if not self._active:
            return UNTOUCHED
        now = self._clock()
        self._prune(now)
        before, after, body = Stage(), Stage(), None
        for fault in self._active.values():
            if fault.caller not in (None, caller) and probe != fault.name:
                continue
            effect = fault.kind.strike(Moment(fault.turn, now - fault.began, fault.rng))
            fault.turn += 1
            if effect is None:
                continue
            self.fired[fault.name] += 1
            if probe == fault.name:
                self.probed[probe] = self.probed.get(probe, 0) + 1
            body = body or effect.body
            if effect.late:
                after = _with(after, effect, fault.over)
            else:
                before = _with(before, effect, fault.over)
        return Strike(before, after, body)

    def _hold(self, fault: _Active, ttl_s: float) -> None:
        """Let a fault that lasts begin, and end at its time although nobody asks."""

        def fired() -> None:
            if fault.name in self.fired:
                self.fired[fault.name] += 1

        loop = asyncio.get_running_loop()
        fault.timer = loop.call_later(ttl_s, self._forget, fault)
        fault.condition = loop.create_task(fault.kind.hold(self.door, fired), name=f"fault {fault.name}")

    async def _end(self, faults: list[_Active]) -> None:
        for fault in faults:
            self._forget(fault)
        conditions = [fault.condition for fault in faults if fault.condition]
        if conditions:
            await asyncio.wait(conditions)

    def _prune(self, now: float) -> None:
        for fault in [one for one in self._active.values() if now >= one.ends or one.kind.over(one.turn)]:
            self._forget(fault)

    def _forget(self, fault: _Active) -> None:
        self._active.pop(fault.name, None)
        fault.over.set()
        if fault.timer:
            fault.timer.cancel()
        if fault.condition:
            fault.condition.cancel()

    def _listed(self, fault: _Active, now: float) -> dict[str, Any]:
        left = round(max(0.0, fault.ends - now), 3)
        return {"id": fault.name, **fault.spec, "expires_in_s": left, "fired": self.fired[fault.name]}


def _kind(spec: dict[str, Any], fields: Fields) -> Kind | None:
    made = KINDS.get(spec.get("kind", "")) if isinstance(spec.get("kind"), str) else None
    if made is None:
        fields.errors.append(f"kind: must be one of {', '.join(KINDS)}")
        return None
    kind = made.read(fields)
    fields.errors += fields.unknown()
    return kind


def _with(stage: Stage, effect: Effect, over: asyncio.Event) -> Stage:
    """Add what one more fault does; the first end decides."""
    delay_s = stage.delay_s + effect.delay_s
    if stage.end is not None:
        return stage._replace(delay_s=delay_s)
    return Stage(delay_s, effect.end, over if effect.end is Cut.HANG else None, effect.retry_after_s)

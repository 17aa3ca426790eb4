"""Which of several replicas gets the next try: Envoy's balancers, for replicas of equal weight.

Facts are from Envoy's source/extensions/load_balancing_policies (1.40).
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Sequence
from hashlib import blake2b
from random import Random
from typing import Protocol

from resilience_lib.endpoint import Endpoint
from resilience_lib.endpoint_policies import BalancerPolicy


class Balancer(Protocol):
    """Chooses among replicas; `endpoints` is never empty, and a changed choice of replicas is another object."""

    def choose(self, endpoints: Sequence[Endpoint], attempt: int, key: str | None) -> Endpoint:
        """Return one of `endpoints`. `attempt` counts from 0 how often this try has asked; `key` is what is hashed."""


class LeastRequest:
    """Draws two replicas, which may be the same one, and takes the one with fewer tries under way (the first, if even).

    Two draws and no full comparison: callers that do not know of each other would all run to the same idle replica.
    """

    def __init__(self, rng: Random) -> None:
        self._random = rng.random

    def choose(self, endpoints: Sequence[Endpoint], attempt: int, key: str | None) -> Endpoint:
        """Return the less busy of two drawn replicas."""
        count = len(endpoints)
        if count == 1:
            return endpoints[0]
        first, second = endpoints[int(self._random() * count)], endpoints[int(self._random() * count)]
        return second if second.active < first.active else first


class RoundRobin:
    """Takes one replica after the other, from one drawn at the start, so that clients do not march in step."""

    def __init__(self, rng: Random) -> None:
        self._next = rng.getrandbits(32)

    def choose(self, endpoints: Sequence[Endpoint], attempt: int, key: str | None) -> Endpoint:
        """Return the replica whose turn it is; being asked again for the same try takes a turn too."""
        chosen = endpoints[self._next % len(endpoints)]
        self._next += 1
        return chosen


class Drawn:
    """Draws a replica, whatever the others do."""

    def __init__(self, rng: Random) -> None:
        self._random = rng.random

    def choose(self, endpoints: Sequence[Endpoint], attempt: int, key: str | None) -> Endpoint:
        """Return any replica."""
        return endpoints[int(self._random() * len(endpoints))]


class RingHash:
    """Keeps a key with its replica: both are hashed onto a ring, and a key belongs to the next replica on it.

    When a replica goes, its own keys move, and of the others those few that meet one of the entries which the remaining
    replicas add to fill the ring. The ring is Envoy's (ketama: as many entries for each replica as fill
    `minimum_ring_size`, hashed from address and number), the hash is another one (BLAKE2b for xxHash64): which replica
    a key meets differs from Envoy's, the shares and how much moves do not. A call without a key goes anywhere.
    """

    def __init__(self, minimum_ring_size: int, rng: Random) -> None:
        self._size = minimum_ring_size
        self._rng = rng
        self._built_for: Sequence[Endpoint] = ()
        self._hashes: list[int] = []
        self._owners: list[Endpoint] = []

    def choose(self, endpoints: Sequence[Endpoint], attempt: int, key: str | None) -> Endpoint:
        """Return the owner of `key`; on a later `attempt`, of the entry so many places further on."""
        if endpoints is not self._built_for:
            self._build(endpoints)
        place = self._rng.getrandbits(64) if key is None else _hash(key)
        return self._owners[(bisect.bisect_left(self._hashes, place) + attempt) % len(self._owners)]

    def _build(self, endpoints: Sequence[Endpoint]) -> None:
        each = math.ceil(self._size / len(endpoints))
        ring = sorted(
            (_hash(f"{host}:{port}_{number}"), index)
            for index, (host, port) in enumerate(endpoint.address for endpoint in endpoints)
            for number in range(each)
        )
        self._hashes = [place for place, _ in ring]
        self._owners = [endpoints[index] for _, index in ring]
        self._built_for = endpoints


SIMPLE: dict[str, Callable[[Random], Balancer]] = {
    "LEAST_REQUEST": LeastRequest,
    "ROUND_ROBIN": RoundRobin,
    "RANDOM": Drawn,
}


def balancer(policy: BalancerPolicy, rng: Random) -> Balancer:
    """Make the balancer that `policy` names."""
    if policy.kind == "RING_HASH":
        return RingHash(policy.minimum_ring_size, rng)
    return SIMPLE[policy.kind](rng)


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())

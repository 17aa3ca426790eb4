"""What a client that sees the replicas of a dependency may be told to do: EdgePolicy's parts, and some of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from resilience_lib.policies import EdgePolicy, LimitsPolicy, RetryPolicy, TimeoutPolicy
from resilience_lib.strengths import FallbackPolicy, HedgePolicy
from resilience_lib.validation import (
    choice,
    duration,
    percent,
    read_parts,
    refuse,
    seconds,
    whole,
    write_parts,
)

KINDS = {
    "LEAST_REQUEST": "draws two replicas and takes the one with fewer requests under way",
    "ROUND_ROBIN": "takes one replica after the other",
    "RANDOM": "draws a replica",
    "RING_HASH": "takes the replica that the call's key falls to on a ring of hashes",
}


@dataclass(frozen=True, slots=True)
class BudgetPolicy:
    """Let at most `percent` of what is under way be retried at once, and `minimum` in any case.

    The defaults are Envoy's (budget_percent, min_retry_concurrency). A budget stands in for `limits.retries`.
    """

    percent: float = 20.0
    minimum: int = 3

    def __post_init__(self) -> None:
        refuse(self._errors())

    def _errors(self) -> Iterator[str]:
        yield from percent("percent", self.percent)
        yield from whole("minimum", self.minimum, 0, instead="0 for none")

    def describe(self) -> str:
        """Say what the policy does."""
        return f"lets {self.percent:g} % of what is under way be retried at once, and {self.minimum} in any case"


@dataclass(frozen=True, slots=True)
class BalancerPolicy:
    """Choose a replica for each try. `kind` is Envoy's name; `minimum_ring_size` is for RING_HASH alone.

    The defaults are istiod's. A retry avoids the replicas that its call has tried already, except with RING_HASH,
    where the key's replica matters more (as istiod has it).
    """

    kind: str = "LEAST_REQUEST"
    minimum_ring_size: int = 1024

    def __post_init__(self) -> None:
        refuse(self._errors())

    def _errors(self) -> Iterator[str]:
        yield from choice("kind", self.kind, KINDS)
        yield from whole("minimum_ring_size", self.minimum_ring_size, 1, instead="leave it out for 1024")

    @property
    def avoids_tried(self) -> bool:
        """Whether a retry avoids the replicas that its call has tried."""
        return self.kind != "RING_HASH"

    def describe(self) -> str:
        """Say what the policy does."""
        return KINDS[self.kind] + (", and on a retry avoids those already tried" if self.avoids_tried else "")


@dataclass(frozen=True, slots=True)
class OutlierPolicy:
    """Eject a replica after so many failures in a row, for a time that grows with each ejection.

    consecutive_5xx: any answer from 500 on counts. consecutive_gateway_errors: 502, 503 and 504 only. With
    consecutive_local_origin_failures, tries that got no answer count there and nowhere else; without, they count as the
    503 or 504 that they turn into. 0 = that one is off.
    interval_s: between two sweeps; a replica returns on the first sweep at which base_ejection_s * n has passed, where
    n grows by one with each ejection and falls by one with each sweep that finds the replica in use; never more than
    300 s (or base_ejection_s, if that is more).
    max_ejection_percent: no ejection may bring the share of ejected replicas above this. min_health_percent: when a
    smaller share than this is left, ejections are disregarded (Envoy's panic).
    The defaults are Envoy's, with min_health_percent istiod's. max_ejection_percent 10 ejects nobody out of nine.
    """

    consecutive_5xx: int = 5
    consecutive_gateway_errors: int = 0
    consecutive_local_origin_failures: int = 0
    interval_s: float = 10.0
    base_ejection_s: float = 30.0
    max_ejection_percent: float = 10.0
    min_health_percent: float = 0.0

    def __post_init__(self) -> None:
        refuse(self._errors())

    def _errors(self) -> Iterator[str]:
        for name in ("consecutive_5xx", "consecutive_gateway_errors", "consecutive_local_origin_failures"):
            yield from whole(name, getattr(self, name), 0, instead="0 to switch it off")
        yield from seconds("interval_s", self.interval_s)
        yield from seconds("base_ejection_s", self.base_ejection_s)
        yield from percent("max_ejection_percent", self.max_ejection_percent)
        yield from percent("min_health_percent", self.min_health_percent)

    def describe(self) -> str:
        """Say what the policy does."""
        counted = {
            "5xx": self.consecutive_5xx,
            "gateway errors": self.consecutive_gateway_errors,
            "tries without an answer": self.consecutive_local_origin_failures,
        }
        causes = " or ".join(f"{number} {what} in a row" for what, number in counted.items() if number)
        if not causes:
            return "ejects no replica"
        panic = f", unless under {self.min_health_percent:g} % would be left" if self.min_health_percent else ""
        return (
            f"ejects a replica after {causes}, for {duration(self.base_ejection_s)} that grow with each ejection, "
            f"looked at every {duration(self.interval_s)}, at most {self.max_ejection_percent:g} % of them{panic}"
        )


@dataclass(frozen=True, slots=True)
class EndpointPolicy:
    """Everything that a client does about one dependency whose replicas it sees; None = that part is not there.

    Without a balancer, replicas are chosen by LEAST_REQUEST, as istiod does.
    """

    retry: RetryPolicy | None = None
    budget: BudgetPolicy | None = None
    timeout: TimeoutPolicy | None = None
    balancer: BalancerPolicy | None = None
    outlier: OutlierPolicy | None = None
    limits: LimitsPolicy | None = None
    hedge: HedgePolicy | None = None
    fallback: FallbackPolicy | None = None

    @classmethod
    def of(cls, edge: EdgePolicy, outlier: OutlierPolicy | None = None, **others: Any) -> EndpointPolicy:
        """Take over what `edge` says; an OutlierPolicy stands in for its breaker."""
        shared = ("retry", "timeout", "limits", "hedge", "fallback")
        return cls(outlier=outlier, **{part: getattr(edge, part) for part in shared}, **others)

    def to_json(self) -> dict[str, dict[str, Any]]:
        """Return plain data: the parts that are there, with the fields that are set."""
        return write_parts(self)

    @classmethod
    def from_json(cls, data: object) -> EndpointPolicy:
        """Read what to_json wrote; a part that is null counts as absent, a field that is absent has its default.

        Raises PolicyError with every error at once, each beginning with the path of its field (`outlier.interval_s`).
        """
        return cls(**read_parts(data, PARTS))

    def describe(self) -> str:
        """Say what the policy does, a line for each part, from the outermost inwards."""
        balancer = self.balancer or BalancerPolicy()
        parts = (
            *(self.fallback, self.timeout, self.retry, self.budget),
            *(self.hedge, balancer, self.outlier, self.limits),
        )
        return "\n".join(part.describe() for part in parts if part is not None)


PARTS: dict[str, Any] = {
    "retry": RetryPolicy,
    "budget": BudgetPolicy,
    "timeout": TimeoutPolicy,
    "balancer": BalancerPolicy,
    "outlier": OutlierPolicy,
    "limits": LimitsPolicy,
    "hedge": HedgePolicy,
    "fallback": FallbackPolicy,
}

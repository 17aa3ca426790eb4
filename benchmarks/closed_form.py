"""Results that are known without measuring: what a correct harness must hit, and what a measurement must go beyond."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate


def success(f: float, tries: int) -> float:
    """Share of calls that succeed when each of at most `tries` tries fails with probability `f` on its own: 1 - f^n.

    Source: independent trials; ResilienceBench's published cells lie on it.
    """
    return 1 - f**tries


def attempts(f: float, tries: int) -> float:
    """Mean number of tries of a call that stops at its first success or after `tries`: 1 + f + ... + f^(n-1).

    The mean of a geometric distribution that is cut off at n; n itself when every try fails.
    """
    return float(sum(f**done for done in range(tries)))


def storm(tries: int, depth: int) -> int:
    """Requests at the end of a chain of `depth` edges, each tried `tries` times, when every one fails: r^k.

    Source: Google, "Site Reliability Engineering", ch. 22: three layers of four tries make 64 of one.
    """
    return int(tries**depth)


def erlang_c(servers: int, load: float) -> float:
    """Share of the arrivals that must wait in M/M/c, of `load` = arrival rate * mean service time < servers.

    By the recursion of Erlang's B, which does not overflow. Source: Erlang (1917); Kleinrock, "Queueing Systems", 3.4.
    Raises ValueError where the queue has no steady state.
    """
    if not 0 <= load < servers:
        raise ValueError(f"load must be from 0 to below the {servers} servers, not {load}")
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))


def wait_mmc(rate: float, service_s: float, servers: int) -> float:
    """Mean seconds in the queue of M/M/c: exponential service times of mean `service_s`. Raises ValueError.

    Source: Kleinrock, "Queueing Systems", 3.4.
    """
    load = rate * service_s
    return erlang_c(servers, load) * service_s / (servers - load)


def sum_bounds(mass: Sequence[float], n: int, level: float) -> tuple[int, int]:
    """Between which totals the sum of `n` independent draws lies with a probability of at least `level`.

    `mass[k]` is the probability that one draw is k. Exact, by convolution; each tail outside has at most half of what
    is left of 1. Source: Clopper and Pearson (1934), read forwards.
    """
    total = [1.0]
    for _ in range(n):
        wider = [0.0] * (len(total) + len(mass) - 1)
        for at, share in enumerate(total):
            for k, likely in enumerate(mass):
                wider[at + k] += share * likely
        total = wider
    tail = (1 - level) / 2
    return _first_beyond(total, tail), len(total) - 1 - _first_beyond(total[::-1], tail)


def _first_beyond(mass: Sequence[float], tail: float) -> int:
    """The first index up to which more than `tail` of the mass lies."""
    return next(at for at, below in enumerate(accumulate(mass)) if below > tail)


def attempts_mass(f: float, tries: int) -> list[float]:
    """The probability that a call takes 0, 1, ... `tries` tries, each of which fails with probability `f`."""
    return [0.0, *(f**done * (1 - f) for done in range(tries - 1)), f ** (tries - 1)]

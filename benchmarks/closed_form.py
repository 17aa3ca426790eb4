"""Results that are known without measuring: what a correct harness must hit, and what a measurement must go beyond."""

from __future__ import annotations

import math


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


def wait_mg1(rate: float, service_s: float, variation: float = 0.0) -> float:
    """Mean seconds in the queue of M/G/1, `variation` being the squared coefficient of variation (0: constant, M/D/1).

    Source: Pollaczek (1930) and Khinchine (1932). Raises ValueError where the queue has no steady state.
    """
    load = rate * service_s
    if not 0 <= load < 1:
        raise ValueError(f"load must be from 0 to below 1, not {load}")
    return load * service_s * (1 + variation) / (2 * (1 - load))


def binomial_bounds(n: int, p: float, level: float) -> tuple[int, int]:
    """The counts between which a binomial of `n` trials lies with probability of at least `level`.

    Exact: each tail outside has at most half of what is left. Source: Clopper and Pearson (1934), read forwards.
    """
    if p <= 0 or p >= 1 or n == 0:
        return (0, 0) if p <= 0 or n == 0 else (n, n)
    tail = (1 - level) / 2
    mass = [_binomial(n, k, p) for k in range(n + 1)]
    low, below = 0, mass[0]
    while below <= tail:
        low += 1
        below += mass[low]
    high, above = n, mass[n]
    while above <= tail:
        high -= 1
        above += mass[high]
    return low, high


def _binomial(n: int, k: int, p: float) -> float:
    """By logarithms: the coefficients leave the range of a float from n = 1030 on."""
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(ways + k * math.log(p) + (n - k) * math.log1p(-p))

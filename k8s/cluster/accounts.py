"""What the pods of a world have used, of those that are gone as well: a sum of CPU time that never goes down."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from k8s.target import KindUsage, Usage


@dataclass(slots=True)
class _Account:
    """The most that a warden told of a pod since it began, and the CPU seconds that those before it knew beyond that.

    Within one warden's life what it tells only grows, so less than before is an answer that comes late.
    """

    last: Usage
    began: float
    app_s: float = 0.0
    proxy_s: float = 0.0

    def note(self, now: Usage, began: float) -> None:
        if began > self.began:
            self.app_s += max(0.0, self.last.app.cpu_s - now.app.cpu_s)
            self.proxy_s += max(0.0, self.last.proxy.cpu_s - now.proxy.cpu_s)
            self.last, self.began = now, began
        elif began == self.began and _sums(now) >= _sums(self.last):
            self.last = now


@dataclass(slots=True)
class Accounts:
    """One for each pod that was ever told of. What a pod used between its last note and its end is missed.

    Notes may come in any order, and twice: no second of CPU counts more than once.
    """

    _by_pod: dict[str, _Account] = field(default_factory=dict)

    def note(self, pod: str, now: Usage, began: float) -> None:
        """Take down what a pod has used so far, as its warden tells that began then: only a new one has forgotten."""
        if pod in self._by_pod:
            self._by_pod[pod].note(now, began)
        else:
            self._by_pod[pod] = _Account(now, began)

    def total(self, there: Collection[str]) -> Usage:
        """CPU seconds of all pods, and the memory of those that are there."""
        app_s = proxy_s = 0.0
        apps, proxies = list[KindUsage](), list[KindUsage]()
        for pod, account in self._by_pod.items():
            app_s += account.app_s + account.last.app.cpu_s
            proxy_s += account.proxy_s + account.last.proxy.cpu_s
            if pod in there:
                apps.append(account.last.app)
                proxies.append(account.last.proxy)
        return Usage(_sum(app_s, apps), _sum(proxy_s, proxies))


def _sums(usage: Usage) -> tuple[float, float]:
    return usage.app.cpu_s, usage.proxy.cpu_s


def _sum(cpu_s: float, parts: Collection[KindUsage]) -> KindUsage:
    """The memory of all; the proportional one is not known where it is not known of one."""
    shares = [one.pss for one in parts if one.rss]
    pss = None if None in shares else sum(share for share in shares if share is not None)
    return KindUsage(round(cpu_s, 3), sum(one.rss for one in parts), pss)

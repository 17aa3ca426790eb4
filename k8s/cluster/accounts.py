"""What the pods of a world have used, of those that are gone as well: a sum of CPU time that never goes down."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from k8s.target import KindUsage, Usage


@dataclass(slots=True)
class _Account:
    """The newest that was told of a pod, and the CPU seconds that a restart of its warden made it forget."""

    last: Usage
    app_s: float = 0.0
    proxy_s: float = 0.0

    def note(self, now: Usage) -> None:
        self.app_s += max(0.0, self.last.app.cpu_s - now.app.cpu_s)
        self.proxy_s += max(0.0, self.last.proxy.cpu_s - now.proxy.cpu_s)
        self.last = now


@dataclass(slots=True)
class Accounts:
    """One for each pod that was ever told of. What a pod used between its last note and its end is missed."""

    _by_pod: dict[str, _Account] = field(default_factory=dict)

    def note(self, pod: str, now: Usage) -> None:
        """Take down what a pod has used so far."""
        if pod in self._by_pod:
            self._by_pod[pod].note(now)
        else:
            self._by_pod[pod] = _Account(now)

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


def _sum(cpu_s: float, parts: Collection[KindUsage]) -> KindUsage:
    """The memory of all; the proportional one is not known where it is not known of one."""
    shares = [one.pss for one in parts if one.rss]
    pss = None if None in shares else sum(share for share in shares if share is not None)
    return KindUsage(round(cpu_s, 3), sum(one.rss for one in parts), pss)

"""Free ports of this machine, for what is started a moment later."""

from __future__ import annotations

import random

from k8s.local.ports import in_use

# Below the ports that the system gives to outgoing connections (32768 and up on Linux) and to worlds (20000 and up):
# one of those may be taken between this call and the start of whatever is to listen.
RANGE = range(10_000, 20_000)


def free_ports(count: int) -> list[int]:
    """Choose different ports of RANGE that nobody listens on now, at random: tests run side by side."""
    found: list[int] = []
    for port in random.sample(RANGE, len(RANGE)):
        if len(found) == count:
            return found
        if not in_use(port):
            found.append(port)
    raise RuntimeError(f"{count} free ports are not to be had")

"""Free ports of this machine, for what is started a moment later."""

from __future__ import annotations

import os
import random
from itertools import cycle, islice

from k8s.local.ports import in_use

# Below the ports that the system gives to outgoing connections (32768 and up on Linux) and to worlds (20000 and up):
# one of those may be taken between this call and the start of whatever is to listen.
RANGE = range(10_000, 20_000)
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
# Tests run side by side, and one test starts many at once: each process has ports of its own, and gives none again
# until it has given all.
_OWN = RANGE[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) :: WORKERS]
_FIRST = random.randrange(len(_OWN))  # another run of the tests may be going on
_turn = cycle([*_OWN[_FIRST:], *_OWN[:_FIRST]])


def free_ports(count: int) -> list[int]:
    """Give ports of RANGE that nobody listens on now, and that nobody was given lately."""
    found = list(islice((port for port in islice(_turn, len(_OWN)) if not in_use(port)), count))
    if len(found) < count:
        raise RuntimeError(f"{count} free ports are not to be had")
    return found

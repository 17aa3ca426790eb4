"""Free ports of this machine, for what is started a moment later."""

from __future__ import annotations

import random
import socket

# Below the ports that the system gives to outgoing connections (32768 and up on Linux) and to worlds (20000 and up):
# one of those may be taken between this call and the start of whatever is to listen.
RANGE = range(10_000, 20_000)


def free_ports(count: int) -> list[int]:
    """Choose different ports of RANGE that nobody listens on now, at random: tests run side by side."""
    found: list[int] = []
    for port in random.sample(RANGE, len(RANGE)):
        if len(found) == count:
            return found
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: a port in TIME_WAIT is free
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
    raise RuntimeError(f"{count} free ports are not to be had")

"""Ports of a world: a block on 127.0.0.1 that no other world of this user has."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from k8s.target import TargetError

HOST = "127.0.0.1"
# Below the ephemeral ports of Linux (32768) and macOS (49152), so that no outgoing connection takes one of ours.
FIRST, LAST = 20000, 29999
PER_POD = 5
PODS = 39
SIZE = 200
BASES = range(FIRST, LAST + 1, SIZE)


@dataclass(frozen=True, slots=True)
class PodPorts:
    """The five ports of one pod; the last three are used only with a sidecar."""

    app: int
    admin: int
    inbound: int
    outbound: int
    proxy_admin: int


@dataclass(frozen=True, slots=True)
class GatewayPorts:
    """The ports of an ingress gateway, the same for as long as the world stands."""

    http: int
    proxy_admin: int


@dataclass(frozen=True, slots=True)
class Block:
    """A claimed block; it is free again when this process ends, however it ends."""

    base: int
    lock: IO[str]

    def pod(self, slot: int) -> PodPorts:
        """Return the ports of the pod in a slot, 0 to PODS - 1."""
        if not 0 <= slot < PODS:
            raise TargetError(f"a local world has ports for {PODS} pods; scale something down first")
        first = self.base + slot * PER_POD
        return PodPorts(*range(first, first + PER_POD))

    @property
    def gateway(self) -> GatewayPorts:
        """The last ports of the block, behind those of the pods."""
        return GatewayPorts(self.base + SIZE - 2, self.base + SIZE - 1)

    def release(self) -> None:
        """Let another world have it."""
        self.lock.close()


def claim(pods: Iterable[str], base: int | None = None) -> Block:
    """Claim a block: the first free one, or the one at `base`, for pods whose names stand in slot order.

    Raises TargetError: `base` is out of range or taken (names the port and the pod), or no block is free.
    """
    names = dict(enumerate(pods))
    if base is not None:
        if base not in BASES:
            raise TargetError(f"base port {base}: must be {FIRST}, {FIRST + SIZE}, ... {BASES[-1]}")
        block = _lock(base)
        if block is None:
            raise TargetError(f"base port {base}: another world has these ports; choose another base, or none")
        taken = [port for port in range(base, base + len(names) * PER_POD) if in_use(port)]
        if taken:
            block.release()
            raise TargetError(
                [f"port {port} is in use, and pod {names[(port - base) // PER_POD]} needs it" for port in taken]
            )
        return block
    for start in BASES:
        block = _lock(start)
        if block is None:
            continue
        if not any(map(in_use, range(start, start + SIZE))):
            return block
        block.release()
    raise TargetError(f"no {SIZE} free ports in a row from {FIRST} to {LAST}: end other worlds")


def in_use(port: int) -> bool:
    """Whether somebody listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def _lock(base: int) -> Block | None:
    """Take the lock of a block; the system drops it with the process."""
    folder = Path(tempfile.gettempdir()) / f"goaround-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = (folder / f"ports-{base}.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return Block(base, lock)

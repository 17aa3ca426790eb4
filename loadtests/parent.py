"""Ties this process's life to its parent's, so that a killed parent leaves no load behind."""

from __future__ import annotations

import ctypes
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_it() -> None:
    """Have the kernel kill this process when its parent dies, `kill -9` included.

    Linux only; elsewhere, and for a parent that died before this call, the end of stdin has to do.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

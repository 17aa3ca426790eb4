"""Bare FastHttpUsers that send one and the same body as fast as they can: what Locust's own generator can do.

`python -m benchmarks.perf.bare_user HOST:PORT SECONDS BYTES USERS` prints {"requests", "seconds", "cpu_s"} as JSON.
A process of its own, since Locust replaces the standard library of the process that imports it.
"""

from __future__ import annotations

import json
import sys
import time

import gevent  # type: ignore[import-untyped] # gevent ships no types
from locust import FastHttpUser, task
from locust.env import Environment

WARM_UP_S = 1.0


class BareUser(FastHttpUser):
    """Sends the next request when the last one is answered."""

    body = ""

    @task
    def send(self) -> None:
        """Send one."""
        self.client.post("/frame", data=self.body, headers={"Content-Type": "application/json"})


def main() -> None:
    """Warm up, then count."""
    entry, seconds, size, users = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    BareUser.host, BareUser.body = f"http://{entry}", "x" * size
    environment = Environment(user_classes=[BareUser])
    runner = environment.create_local_runner()
    runner.start(user_count=users, spawn_rate=users)
    gevent.sleep(WARM_UP_S)
    requests, began, cpu = environment.stats.total.num_requests, time.monotonic(), time.process_time()
    gevent.sleep(seconds)
    found = {
        "requests": environment.stats.total.num_requests - requests,
        "seconds": time.monotonic() - began,
        "cpu_s": time.process_time() - cpu,
    }
    if environment.stats.total.num_failures:
        sys.exit(f"{environment.stats.total.num_failures} requests failed")
    runner.quit()
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()

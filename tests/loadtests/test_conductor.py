"""The conductor's process, as Locust holds it."""

from __future__ import annotations

import subprocess
import sys

ENDS_WHEN_IT_IS_TO_WARM = """
import json, sys
for line in sys.stdin:
    if "warm" in json.loads(line):
        sys.exit(3)
    print(json.dumps({"refused": ["no"]}), flush=True)
"""
# in a process of its own: gevent's watcher of children takes the end of every child, and others wait for theirs
ASKED = """
import sys
import gevent
from loadtests import conductor

conductor.COMMAND = (sys.executable, "-c", sys.argv[1])
ours = conductor.Conductor(lambda kind, what: None)
print(ours.check({}))
ours.warm({})
ours._process.wait()
try:
    ours.check({})
except conductor.ConductorError as error:
    print(error)
with gevent.Timeout(20):
    print(ours.check({}))
ours.close()
"""


def test_that_a_conductor_ended_while_idle_is_told_once_and_then_there_is_another() -> None:
    command = [sys.executable, "-c", ASKED, ENDS_WHEN_IT_IS_TO_WARM]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own text
    gone = "the conductor has ended (exit code 3); why is in the lines above"
    assert done.stdout.splitlines() == ["['no']", gone, "['no']"], done.stderr
